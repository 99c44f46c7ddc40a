import Glibc
import PipeCore
import PipeTesting
import Testing

@testable import Basics

struct FileLinesTests {
    private func lines(_ content: String, _ options: String = "", on clock: StageHarness.Clock = .virtual) throws
        -> (lines: [String], result: StageResult)
    {
        try withFolder { folder in
            try write(content, to: "\(folder)/lines.txt")
            let result = try StageHarness(FileLines.self, "path: \(folder)/lines.txt\n\(options)").run(on: clock)
            let lines = result["lines"].map { ($0.payload as? Text)?.value ?? "no text" }
            return (lines, result)
        }
    }

    @Test(arguments: [
        ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\n b \n", ["a", "", " b "]), ("a\rb\n", ["a\rb"]), ("grün 🐟\n", ["grün 🐟"]), ("\r\n\n\r", ["", "", ""]),
    ])
    func `a line is what stands between line breaks`(content: String, expected: [String]) throws {
        let (lines, result) = try lines(content)
        #expect(lines == expected)
        #expect(result["lines"].map(\.sequence) == Array(0..<expected.count))
    }

    @Test(arguments: [1, 3])
    func `says how much of the file it has read, over all rounds`(rounds: Int) throws {
        let result = try lines(String(repeating: "line\n", count: 100), "repeat: \(rounds)").result
        #expect(result.stage(StageHarness.subject).progress == Progress(500 * rounds, of: 500 * rounds))
    }

    @Test func `lines of all lengths come whole over the bounds of chunks`() throws {
        let expected = scattered(400, below: 3000).enumerated().map { number, length in
            "\(number)" + String(repeating: number % 7 == 0 ? "ü" : "x", count: length)
        }
        for clock in StageHarness.Clock.allCases {
            #expect(try lines(expected.joined(separator: "\n"), on: clock).lines == expected)
        }
    }

    /// `most` is 100 bytes.
    @Test(arguments: [
        ([100, 101, 100], ["\n"]), ([99, 5000, 1], ["\n", "\r\n"]), ([200_000, 3], ["\n"]), ([1, 200_000], ["\n"]),
        ([100, 101], ["\r\n"]), ([65_536, 65_535, 2], ["\n"]),
    ])
    func `a longer line is left out and counted`(lengths: [Int], breaks: [String]) throws {
        for lineBreak in breaks {
            let all = lengths.map { String(repeating: "x", count: $0) }
            for end in ["", lineBreak] {
                let (lines, result) = try lines(all.joined(separator: lineBreak) + end, "max_bytes: 100B")
                #expect(lines == all.filter { $0.utf8.count <= 100 })
                #expect(result.books.failed == lengths.count { $0 > 100 })
                #expect(result.log.contains { $0.level == .warning })
            }
        }
    }

    @Test(arguments: [(1, 1), (3, 3)])
    func `is read so often`(rounds: Int, times: Int) throws {
        let expected = (0..<times).flatMap { _ in ["a", "b"] }
        #expect(try lines("a\nb", "repeat: \(rounds)").lines == expected)
    }

    @Test func `repeated without end it goes on until the run ends`() throws {
        try withFolder { folder in
            try write("a\nb\n", to: "\(folder)/lines.txt")
            let harness = StageHarness(FileLines.self, "path: \(folder)/lines.txt\nrepeat: 0\nrate: 10/s")
            let result = try harness.run(stoppingAt: .milliseconds(1050))
            #expect(result.numbers("text", of: "lines") == (0..<11).map { $0 % 2 == 0 ? "a" : "b" })
            #expect(result.isComplete)
        }
    }

    @Test(arguments: ["", "\n \n\t\n"])
    func `a file without a line ends also where it is repeated without end`(content: String) throws {
        #expect(try lines(content, "repeat: 0\nskip_empty: true").lines.isEmpty)
    }

    @Test func `lines of blanks are left out where they are not wanted`() throws {
        #expect(try lines("a\n\n  \t\r\n b\n", "skip_empty: true").lines == ["a", " b"])
    }

    @Test func `comes at its rate, and is captured when it is due`() throws {
        let result = try lines("a\nb\nc\n", "rate: 2/s").result
        let items = result["lines"].map(\.captured.nanoseconds)
        #expect(items.dropFirst().map { $0 - items[0] } == [500_000_000, 1_000_000_000])
    }

    @Test func `a file that is not there is a failure with its reason`() throws {
        let result = try StageHarness(FileLines.self, "path: /nowhere/lines.txt").run()
        #expect(result.troubles == ["subject failed: '/nowhere/lines.txt' cannot be opened: no such file or directory"])
    }
}

/// What happens to a file comes before the wait for it here, so that nothing hangs on time: if the wait did not know, it
/// would never end.
@Suite(.timeLimit(.minutes(10)))
struct FollowTests {
    private func follow(_ body: (_ path: String, _ more: () throws -> [String], FileWatch, LineReader) throws -> Void)
        throws
    {
        try withFolder { folder in
            let path = "\(folder)/log"
            try write("first\n", to: path)
            let watch = try FileWatch()
            let reader = LineReader(path: path, most: 1000, repeats: 1, follows: true, skipsEmpty: false, watch: watch)
            func more() throws -> [String] {
                var lines: [String] = []
                while true {
                    let chunk = try reader.read()
                    lines += chunk.lines
                    if chunk.isDry { return lines }
                }
            }
            #expect(try more() == ["first"])
            try body(path, more, watch, reader)
        }
    }

    @Test func `goes on as the file grows, a line only when it is whole`() throws {
        try follow { path, more, _, reader in
            for (written, expected) in [("a\nb\nha", ["a", "b"]), ("lf\n", ["half"]), ("c\n", ["c"])] {
                try write(written, to: path, "a")
                try reader.awaitMore()
                #expect(try more() == expected)
            }
        }
    }

    @Test func `goes on with a file that takes its place, after the last of the old one`() throws {
        try follow { path, more, _, reader in
            try write("last of the old", to: path, "a")
            #expect(rename(path, "\(path).1") == 0)
            try reader.awaitMore()
            #expect(try more() == [])
            try write("new\n", to: path)
            try reader.awaitMore()
            #expect(try more() == ["last of the old", "new"])
            try write("gone\n", to: "\(path).1", "a")
            try write("more\n", to: path, "a")
            try reader.awaitMore()
            #expect(try more() == ["more"])
        }
    }

    @Test func `begins anew where the file was emptied`() throws {
        try follow { path, more, _, reader in
            try write("", to: path)
            try reader.awaitMore()
            #expect(try more() == [])
            try write("again\n", to: path, "a")
            try reader.awaitMore()
            #expect(try more() == ["again"])
        }
    }

    @Test func `the wait ends when the stage does, before and while it waits`() throws {
        try follow { _, _, watch, reader in
            let waits = Thread { try? reader.awaitMore() }
            watch.stop()
            waits.join()
            try reader.awaitMore()
        }
    }

    @Test func `a pipe is waited for before anybody writes, and ends with its writer`() throws {
        try withFolder { folder in
            let path = "\(folder)/pipe"
            try #require(mkfifo(path, 0o600) == 0)
            let watch = try FileWatch()
            let reader = LineReader(path: path, most: 1000, repeats: 1, follows: false, skipsEmpty: false, watch: watch)
            #expect(try reader.read().isDry)
            let writer = open(path, O_WRONLY)
            try #require(writer >= 0)
            #expect(Glibc.write(writer, "a\nb", 3) == 3)
            try reader.awaitMore()
            #expect(try reader.read().lines == ["a"])
            #expect(try reader.read().isDry)
            close(writer)
            try reader.awaitMore()
            let last = try reader.read()
            #expect(last.lines == ["b"])
            #expect(last.isLast)
        }
    }

    @Test(arguments: StageHarness.Clock.allCases)
    func `a run that follows a file ends when it is stopped`(clock: StageHarness.Clock) throws {
        try withFolder { folder in
            try write("a\nb\n", to: "\(folder)/log")
            let harness = StageHarness(FileLines.self, "path: \(folder)/log\nfollow: true")
            let result = try harness.run(on: clock, stoppingAt: .milliseconds(200))
            #expect(result.isComplete && result.troubles.isEmpty)
            if clock == .virtual { #expect(result["lines"].count == 2) }
        }
    }
}

/// A thread that can be waited for.
private struct Thread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ body: @escaping () -> Void) {
        let box = Unmanaged.passRetained(Body(body))
        let failure = pthread_create(
            &thread,
            nil,
            { argument in
                argument.map { Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            },
            box.toOpaque()
        )
        precondition(failure == 0)
    }

    func join() { pthread_join(thread, nil) }
}
