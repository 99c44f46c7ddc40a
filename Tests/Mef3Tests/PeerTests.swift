import Glibc
import Mef3
import Testing

/// Sessions between this library and pymef, in both directions.
///
/// Needs a Python that can import pymef: `PIPE_PYTHON=<venv>/bin/python swift test`. Without it the tests are skipped.
/// Two dozen sessions each way, or as many as `PIPE_MEF_SESSIONS` says; a thousand take some minutes.
@Suite(.enabled(if: Peer.isInstalled, "pymef cannot be imported, set PIPE_PYTHON to a Python that can"))
struct PeerTests {
    /// A batch takes one start of Python.
    private static let batches: [[Int]] = {
        let count = getenv("PIPE_MEF_SESSIONS").flatMap { Int(String(cString: $0)) } ?? 24
        return stride(from: 1, through: count, by: 12).map { Array($0...min($0 + 11, count)) }
    }()

    @Test(arguments: batches)
    func `pymef reads what we write`(seeds: [Int]) throws {
        let scratch = try Scratch()
        var expected: [Peer.Line] = []
        for seed in seeds { expected += try write(scratch.path + "/\(seed).mefd", seed) }
        let found = try Peer.run(["read", scratch.path] + seeds.map { "\($0):\(Self.password($0) ?? "")" })
        #expect(found == expected)
    }

    @Test(arguments: batches)
    func `we read what pymef writes`(seeds: [Int]) throws {
        let scratch = try Scratch()
        let expected = try Peer.run(["write", scratch.path] + seeds.map { "\($0):\(Self.password($0) ?? "")" })
        #expect(expected.count == 3 * seeds.count)
        for seed in seeds {
            let session = try MefSession(path: scratch.path + "/\(seed).mefd", password: Self.password(seed))
            for line in expected where line.session == "\(seed)" {
                let samples = try session.channel(line.name).counts(0..<line.samples).values
                #expect(sha256(samples) == line.sha256, "seed \(seed), \(line.name)")
            }
        }
    }

    private static func password(_ seed: Int) -> String? { seed % 3 == 0 ? "level2" : nil }

    /// A session of three channels with segments, gaps, odd rates and small blocks.
    private func write(_ path: String, _ seed: Int) throws -> [Peer.Line] {
        var random = Seeded(UInt64(seed))
        var subject = SubjectMetadata()
        subject.recordingTimeOffset = 0
        let passwords = try Self.password(seed).map { try SessionWriter.Passwords(level1: "level1", level2: $0) }
        let writer = try SessionWriter(path: path, subject: subject, passwords: passwords)
        return try (0..<3).map { number in
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
            return Peer.Line(session: "\(seed)", name: "c\(number)", samples: written.count, sha256: sha256(written))
        }
    }
}

/// The script beside this file.
enum Peer {
    struct Line: Equatable {
        var session: String
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
            guard fields.count == 4, let samples = Int(fields[2]) else { return nil }
            return Line(
                session: String(fields[0]),
                name: String(fields[1]),
                samples: samples,
                sha256: String(fields[3])
            )
        }
    }
}
