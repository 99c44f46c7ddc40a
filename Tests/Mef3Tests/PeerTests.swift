import Glibc
import Mef3
import Testing

/// Sessions between this library and pymef, in both directions.
///
/// Needs a Python that can import pymef: `PIPE_PYTHON=<venv>/bin/python swift test`. Without it the tests are skipped.
@Suite(.enabled(if: Peer.isInstalled, "pymef cannot be imported, set PIPE_PYTHON to a Python that can"))
struct PeerTests {
    @Test(arguments: 1...12)
    func `pymef reads what we write`(seed: UInt64) throws {
        var random = Seeded(seed)
        let scratch = try Scratch()
        let path = scratch.path + "/ours.mefd"
        let isProtected = seed % 3 == 0
        var subject = SubjectMetadata()
        subject.recordingTimeOffset = 0
        let writer = try SessionWriter(
            path: path,
            subject: subject,
            passwords: isProtected ? SessionWriter.Passwords(level1: "level1", level2: "level2") : nil
        )
        var expected: [Peer.Line] = []
        for number in 0..<3 {
            let rate = [1, 100, 256, 999.5, 5000][Int.random(in: 0..<5, using: &random)]
            let block = Int.random(in: 1...800, using: &random)
            var written: [Int32] = []
            for segment in 0..<Int.random(in: 1...3, using: &random) {
                let base = 1_600_000_000_000_000 + Int64(segment) * 100_000_000_000
                let runs = (0..<Int.random(in: 1...3, using: &random)).map { run in
                    (
                        start: base + Int64(run) * 10_000_000_000,
                        samples: random.signal(.random(in: 1...2000, using: &random))
                    )
                }
                try writer.write(
                    runs,
                    segment: segment,
                    of: "c\(number)",
                    metadata: ChannelMetadata(samplingFrequency: rate),
                    firstSample: written.count,
                    blockSamples: block
                )
                written += runs.flatMap(\.samples)
            }
            expected.append(Peer.Line(name: "c\(number)", samples: written.count, sha256: sha256(written)))
        }
        #expect(try Peer.run(["read", path, isProtected ? "level2" : ""]) == expected)
    }

    @Test(arguments: 1...12)
    func `we read what pymef writes`(seed: Int) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/theirs.mefd"
        let expected = try Peer.run(["write", path, "\(seed)"])
        #expect(expected.count == 3)
        let session = try MefSession(path: path, password: seed % 2 == 0 ? "level2" : nil)
        for line in expected {
            let samples = try session.channel(line.name).counts(0..<line.samples).values
            #expect(sha256(samples) == line.sha256)
        }
    }
}

/// The script beside this file.
enum Peer {
    struct Line: Equatable {
        var name: String
        var samples: Int
        var sha256: String
    }

    static let isInstalled: Bool = (try? run(["check"])) != nil

    static func run(_ arguments: [String]) throws -> [Line] {
        let python = getenv("PIPE_PYTHON").map { String(cString: $0) } ?? "python3"
        let file = #filePath
        let script = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]) + "/pymef_peer.py"
        let command = ([python, script] + arguments).map { "'\($0)'" }.joined(separator: " ") + " 2>/dev/null"
        guard let pipe = popen(command, "r") else { throw Scratch.Failed(what: command) }
        var text = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        guard pclose(pipe) == 0 else { throw Scratch.Failed(what: command) }
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t")
            guard fields.count == 3, let samples = Int(fields[1]) else { return nil }
            return Line(name: String(fields[0]), samples: samples, sha256: String(fields[2]))
        }
    }
}
