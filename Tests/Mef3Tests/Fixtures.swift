import COpenssl
import FoundationEssentials

/// The sessions in `Fixtures/` and what is known to be in them.
struct Fixture: Decodable, Sendable, CustomStringConvertible {
    struct Channel: Decodable, Sendable {
        var name: String
        var rate: Double
        var units: String
        var factor: Double
        var samples: Int
        var start: Int64
        var end: Int64
        var sha256: String
        var segments: [Segment]
        var discontinuities: [[Int64]]?
        var physical: [Values]
        var windows: [Window]
    }

    struct Segment: Decodable, Sendable {
        var name: String
        var first: Int
        var samples: Int
        var blocks: Int
        var sha256: String
    }

    struct Values: Decodable, Sendable {
        var first: Int
        var values: [Double?]
    }

    struct Window: Decodable, Sendable {
        var t0: Int64
        var t1: Int64
        var samples: Int
        var missing: Int
        var sha256: String
    }

    var path: String
    var openWith: String?
    var level1: String?
    var level2: String?
    var readableWithLevel1: [String]?
    var videoChannels: [String]
    var channels: [Channel]
    var records: [ExpectedRecord]

    var description: String { path }
    var fullPath: String { Self.directory + path }

    static let directory: String = {
        let file = #filePath
        return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]) + "/Fixtures/"
    }()

    static let all: [Fixture] = load("expected.json")

    static func load<Value: Decodable>(_ name: String) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(filePath: directory + name)))
        } catch {
            preconditionFailure("cannot read \(directory + name): \(error)")
        }
    }

    static func named(_ name: String) -> Fixture {
        guard let fixture = all.first(where: { $0.path == name + ".mefd" }) else {
            preconditionFailure("there is no fixture '\(name)'")
        }
        return fixture
    }
}

/// What a server of signals must answer for groups of channels, as hashes of rows of 64-bit numbers.
struct ExpectedRows: Decodable, Sendable, CustomStringConvertible {
    struct Window: Decodable, Sendable {
        var channels: [String]
        var t0: Int64
        var t1: Int64
        var samples: Int
        var missing: [Int]
        var sha256: [String]
    }

    var path: String
    var start: Int64
    var end: Int64
    var names: [String]
    var windows: [Window]

    var description: String { path }

    static let all: [ExpectedRows] = Fixture.load("windows.json")
}

struct ExpectedRecord: Decodable, Sendable {
    var level: String
    var channel: String?
    var segment: Int?
    var type: String
    var time: Int64
    var encryption: Int
    var body_bytes: Int
    var text: String?
    var duration: Int64?
}

/// SHA-256 of numbers as they lie in memory, in hexadecimal.
func sha256(_ samples: [some BitwiseCopyable]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    samples.withUnsafeBytes { bytes in
        _ = SHA256(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &digest)
    }
    return hex(digest)
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
