internal import Glibc

/// A file on disk that is written from front to end, its header last.
final class FileWriter: SessionFile {
    let path: String
    private let descriptor: Int32
    private(set) var count = 0

    /// Creates the file, which must not exist yet.
    init(_ path: String) throws(MefError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileSystem.failure("create", path) }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws(MefError) {
        try put(bytes, at: count)
        count += bytes.count
    }

    func put(_ bytes: [UInt8], at offset: Int) throws(MefError) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { memory in
                pwrite(descriptor, memory.baseAddress.map { $0 + done }, memory.count - done, offset + done)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw FileSystem.failure("write", path) }
            done += written
        }
    }

    /// Puts a whole file in place at once, so that a reader sees the old one or the new one.
    static func replace(_ path: String, _ bytes: [UInt8]) throws(MefError) {
        let fresh = path + ".new"
        unlink(fresh)
        let file = try FileWriter(fresh)
        try file.append(bytes)
        guard rename(fresh, path) == 0 else { throw FileSystem.failure("replace", path) }
    }

    static func makeDirectory(_ path: String) throws(MefError) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST && FileSystem.isDirectory(path) else {
            throw FileSystem.failure("make the directory", path)
        }
    }
}
