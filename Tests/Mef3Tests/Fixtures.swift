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

    static let all: [Fixture] = {
        do {
            let data = try Data(contentsOf: URL(filePath: directory + "expected.json"))
            return try JSONDecoder().decode([Fixture].self, from: data)
        } catch {
            preconditionFailure("cannot read \(directory)expected.json: \(error)")
        }
    }()

    static func named(_ name: String) -> Fixture {
        guard let fixture = all.first(where: { $0.path == name + ".mefd" }) else {
            preconditionFailure("there is no fixture '\(name)'")
        }
        return fixture
    }
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

/// SHA-256 of numbers as little-endian 32-bit integers, in hexadecimal.
func sha256(_ samples: [Int32]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    samples.withUnsafeBytes { bytes in
        _ = SHA256(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &digest)
    }
    return hex(digest)
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
