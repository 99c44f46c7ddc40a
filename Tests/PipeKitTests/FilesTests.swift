import Glibc
import PipeCore
import PipeKit
import Testing

/// Files on disk and in memory do the same.
struct FilesTests {
    @Test(arguments: [true, false])
    func `what a file holds can be written over, and nothing beyond it`(isOnDisk: Bool) throws {
        var template = Array("/tmp/pipe-files-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        let path = folder + "/file"
        defer {
            unlink(path)
            rmdir(folder)
        }
        let memory = MemoryFiles()
        let files: any FileStore = isOnDisk ? DiskFiles() : memory
        let file = try files.open(path, .fresh)
        try file.append(Array("count 0, and items".utf8))
        try file.overwrite(Array("7".utf8), at: 6)
        try file.append([33])
        for (bytes, offset) in [([1, 2], 18), ([1], -1), ([1], Int.max)] as [([UInt8], Int)] {
            #expect(throws: StageError.self) { try file.overwrite(bytes, at: offset) }
        }
        try file.close()
        #expect(
            String(decoding: try isOnDisk ? read(path) : #require(memory.content(path)), as: UTF8.self)
                == "count 7, and items!"
        )
    }

    private func read(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}
