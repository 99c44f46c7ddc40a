import PipeCore
import PipeKit
import PipeTesting
import Synchronization
import Testing

@testable import Basics

struct JSONLFileTests {
    private func harness(_ options: String = "", _ items: [Fed] = .samples(3)) -> StageHarness {
        var harness = StageHarness(JSONLFile.self, "path: /out/file.jsonl\n\(options)")
        harness.feed("items", items)
        return harness
    }

    private func filled() throws -> MemoryFiles {
        let files = MemoryFiles()
        try files.open("/out/file.jsonl", .append).append(Array("{\"old\":1}\n".utf8))
        return files
    }

    private static let three = "{\"sequence\":0}\n{\"sequence\":1}\n{\"sequence\":2}\n"

    @Test(arguments: [("append", "{\"old\":1}\n" + three), ("overwrite", three), ("fail", "{\"old\":1}\n")])
    func `the mode says what becomes of a file that is there`(mode: String, content: String) throws {
        var harness = harness("mode: \(mode)")
        harness.files = try filled()
        let result = try harness.run()
        #expect(result.file("/out/file.jsonl") == content)
        #expect(result.troubles.isEmpty == (mode != "fail"))
        #expect(result.imbalances.isEmpty)
    }

    @Test(arguments: ["append", "overwrite", "fail"])
    func `a stage that begins anew goes on with the file that it has begun`(mode: String) throws {
        let items = [Fed].samples(10, every: .seconds(1))
        var harness = harness("mode: \(mode)\nflush: 0s\nrestart: { max: 1, backoff: 10ms }", items)
        harness.fault(.kill, at: .milliseconds(4500))
        let result = try harness.run()
        #expect(result.file("/out/file.jsonl") == (0..<10).map { "{\"sequence\":\($0)}\n" }.joined())
    }

    @Test func `the header is added to a document, and to what is none`() throws {
        let result = try harness("header: true", [.item("a \"text\"", key: "k", sequence: 4, captured: .seconds(1))])
            .run()
        #expect(
            result.file("/out/file.jsonl")
                == #"{"text":"a \"text\"","_item":{"source":"feed_items","sequence":4,"key":"k","captured":1767225601.0}}"#
                + "\n"
        )
    }

    @Test func `a line waits in memory no longer than 'flush'`() throws {
        let run = try harness("flush: 2s", [.item(["n": 1]), .item(["n": 2], at: .seconds(10))]).start()
        run.advance(to: .milliseconds(1990))
        #expect(run.result.file("/out/file.jsonl") == "")
        run.advance(to: .milliseconds(2010))
        #expect(run.result.file("/out/file.jsonl") == "{\"n\":1}\n")
        run.advance()
        #expect(run.end().file("/out/file.jsonl") == "{\"n\":1}\n{\"n\":2}\n")
    }

    @Test func `much that waits is written before its time`() throws {
        let run = try harness("flush: 60s", .samples(20_000)).start()
        run.advance(to: .seconds(30))
        #expect((run.result.file("/out/file.jsonl") ?? "").utf8.count > 200_000)
        _ = run.end(dropping: .cancelled)
    }

    /// Lines go whole into a file as long as it does not grow beyond its size; the oracle packs them one by one.
    @Test(arguments: [2, 4, 100], [0, 1])
    func `rotates at its size, and keeps so many files of whole lines`(keep: Int, large: Int) throws {
        let lines = scattered(400, below: 200).enumerated().map { number, length in
            let text = String(repeating: "x", count: length + (large == 1 && number % 50 == 7 ? 6000 : 0))
            return "{\"text\":\"\(number) \(text)\"}\n"
        }
        let items = lines.map { Fed.item(.string(String($0.dropFirst(9).dropLast(3)))) }
        let result = try harness("max_bytes: 4KiB\nkeep: \(keep)", items).run()
        var packed = [""]
        for line in lines {
            if !packed[packed.count - 1].isEmpty, packed[packed.count - 1].utf8.count + line.utf8.count > 4096 {
                packed.append("")
            }
            packed[packed.count - 1] += line
        }
        let newest = Array(packed.reversed().prefix(keep))
        let names = (0..<newest.count).map { $0 == 0 ? "/out/file.jsonl" : "/out/file.jsonl.\($0)" }
        #expect(names.map { result.file($0) } == newest)
        #expect(result.file("/out/file.jsonl.\(newest.count)") == nil)
    }

    @Test func `with one file kept, the next takes its place`() throws {
        let items = (0..<3).map { _ in Fed.item(.string(String(repeating: "x", count: 3000))) }
        let result = try harness("max_bytes: 4KiB\nkeep: 1", items).run()
        #expect(result.file("/out/file.jsonl")?.utf8.count == 3012)
        #expect(result.file("/out/file.jsonl.1") == nil)
    }

    @Test func `a full disk fails items, and what is written is whole`() throws {
        var harness = harness("on_error: skip\nflush: 0s", .samples(100, every: .milliseconds(50)))
        harness.fault(.fillDisk(.seconds(2)), at: .seconds(1))
        let result = try harness.run()
        let lines = (result.file("/out/file.jsonl") ?? "").split(separator: "\n").count
        #expect(result.books.failed > 30)
        #expect(lines == 100 - result.books.failed)
        #expect(lines == result.books.done)
        #expect(try harness.run(on: .virtual).troubles.isEmpty)
    }

    @Test func `'sync' syncs each write`() throws {
        let counting = CountingFiles()
        var harness = harness("sync: true\nflush: 0s", .samples(5, every: .seconds(1)))
        harness.files = counting
        _ = try harness.run()
        #expect(counting.syncs.withLock { $0 } >= 5)
        harness = self.harness("flush: 0s")
        harness.files = CountingFiles()
        _ = try harness.run()
        #expect((harness.files as? CountingFiles)?.syncs.withLock { $0 } == 0)
    }

    // MARK: On disk

    @Test(arguments: StageHarness.Clock.allCases)
    func `what a crash left of a last line is cut off`(clock: StageHarness.Clock) throws {
        try withFolder { folder in
            let path = "\(folder)/new/folder/file.jsonl"
            var harness = StageHarness(JSONLFile.self, "path: \(path)")
            harness.files = DiskFiles()
            harness.feed("items", .values(["n": 1]))
            _ = try harness.run(on: clock)
            try write("{\"whole\":1}\n{\"torn\":", to: path, "a")
            _ = try harness.run(on: clock)
            #expect(try text(of: path) == "{\"n\":1}\n{\"whole\":1}\n{\"n\":1}\n")
        }
    }

    @Test func `a line that is all the file has, and torn, goes too`() throws {
        try withFolder { folder in
            let path = "\(folder)/file.jsonl"
            try write(String(repeating: "x", count: 200_000), to: path)
            var harness = StageHarness(JSONLFile.self, "path: \(path)")
            harness.files = DiskFiles()
            harness.feed("items", .values(["n": 1]))
            _ = try harness.run()
            #expect(try text(of: path) == "{\"n\":1}\n")
        }
    }

    @Test func `files on disk rotate like those in memory`() throws {
        try withFolder { folder in
            var harness = StageHarness(JSONLFile.self, "path: \(folder)/file.jsonl\nmax_bytes: 4KiB\nkeep: 3")
            harness.feed("items", .samples(2000))
            harness.files = MemoryFiles()
            let memory = try harness.run()
            harness.files = DiskFiles()
            _ = try harness.run(on: .real)
            for name in ["file.jsonl", "file.jsonl.1", "file.jsonl.2"] {
                #expect(try text(of: "\(folder)/\(name)") == memory.file("\(folder)/\(name)"))
            }
        }
    }

    @Test func `a disk that is full for good fails with its reason`() throws {
        var harness = StageHarness(JSONLFile.self, "path: /dev/full")
        harness.files = DiskFiles()
        harness.feed("items", .samples(3))
        let result = try harness.run(on: .real)
        #expect(result.troubles == ["subject failed: '/dev/full' cannot be written: no space left on device"])
        #expect(result.books.failed == 3)
    }
}

private final class CountingFiles: FileStore {
    let syncs = Mutex(0)
    private let memory = MemoryFiles()

    struct File: AppendableFile {
        let file: any AppendableFile
        let store: CountingFiles
        var size: Int { get throws { try file.size } }
        func append(_ bytes: [UInt8]) throws { try file.append(bytes) }
        func overwrite(_ bytes: [UInt8], at offset: Int) throws { try file.overwrite(bytes, at: offset) }
        func sync() throws { store.syncs.withLock { $0 += 1 } }
        func close() throws { try file.close() }
    }

    func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile {
        File(file: try memory.open(path, mode), store: self)
    }

    func rename(_ path: String, to other: String) throws { try memory.rename(path, to: other) }
    func place(_ path: String, at other: String) throws -> Bool { try memory.place(path, at: other) }
    func remove(_ path: String) throws { try memory.remove(path) }
    func list(_ directory: String) throws -> [FileEntry] { try memory.list(directory) }
}
