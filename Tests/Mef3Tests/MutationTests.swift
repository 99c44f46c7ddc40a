import Testing

@testable import Mef3

/// Thousands of random injuries: whatever the bytes are, nothing crashes, and what salvaging returns is right.
struct MutationTests {
    static let fixtures = [
        "encrypted", "gaps", "records", "records_encrypted", "tiny_blocks", "lossy", "mef3io_written",
    ]

    @Test(arguments: fixtures, 0..<6)
    func `damage is refused or salvaged`(name: String, part: UInt64) throws {
        let fixture = Fixture.named(name)
        var random = Seeded(part &* 1_000 &+ UInt64(name.count))
        let scratch = try Scratch()
        let path = scratch.path + "/" + fixture.path
        try Scratch.copy(fixture.fullPath, to: path)
        let files = Scratch.files(below: path)
        var originals: [String: [Int32]] = [:]
        let sound = try MefSession(path: path, password: fixture.openWith)
        for channel in sound.channels { originals[channel.name] = try channel.counts(0..<channel.sampleCount).values }

        for _ in 0..<60 {
            let file = files[Int.random(in: 0..<files.count, using: &random)]
            let bytes = try Scratch.read(file)
            var injured = bytes
            let isSealed = Self.injure(&injured, &random)
            try Scratch.write(injured, to: file)
            try Self.examine(path, injured: file, fixture, originals, isTrustworthy: !isSealed)
            try Scratch.write(bytes, to: file)
        }
    }

    /// Changes bytes in one of the ways files get damaged. Says whether checksums were made to fit afterwards, so that
    /// the damage goes deeper.
    static func injure(_ bytes: inout [UInt8], _ random: inout Seeded) -> Bool {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes.removeLast(bytes.count - place)
        case 2: for index in place..<min(bytes.count, place + 64) { bytes[index] = 0 }
        case 3: bytes.insert(0x55, at: place)
        case 4: for index in place..<min(bytes.count, place + 8) { bytes[index] = 0xFF }
        case 5: bytes += (0..<Int.random(in: 1..<400, using: &random)).map { _ in .random(in: 0...255, using: &random) }
        default:
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
        }
        guard bytes.count > 1400, Bool.random(using: &random) else { return false }
        // Fields of the header and of the first block or entry, which sizes and counts are read from.
        for _ in 0..<2 {
            let field = [32, 40, 1024, 1032, 1048, 1052, 1056, 1060, 1064][Int.random(in: 0..<9, using: &random)]
            bytes.put(
                UInt32.random(in: 0 ... .max, using: &random) >> UInt32.random(in: 0..<32, using: &random),
                at: field
            )
        }
        if bytes[8..<12].elementsEqual("tdat".utf8) {
            let size = Int(bytes.span.bytes.integer(1060) as UInt32)
            if size >= 304, 1024 + size <= bytes.count {
                bytes.put(Checksum.of(bytes[1028..<1024 + size]), at: 1024)
            }
        }
        bytes.put(Checksum.of(bytes[1024...]), at: 4)
        bytes.put(Checksum.of(bytes[4..<1024]), at: 0)
        return true
    }

    static func examine(
        _ path: String,
        injured file: String,
        _ fixture: Fixture,
        _ originals: [String: [Int32]],
        isTrustworthy: Bool
    ) throws {
        var limits = Limits()
        limits.blockSamples = 1 << 16
        limits.answerSamples = 1 << 20
        for reading in [Reading.strict, .salvage] {
            guard
                let session = try? MefSession(path: path, password: fixture.openWith, reading: reading, limits: limits)
            else { continue }
            _ = try? session.records()
            for channel in session.channels where file.contains("/\(channel.name).timd/") {
                _ = try? session.records(of: channel)
                for segment in channel.segmentNames { _ = try? session.records(of: channel, segment: segment) }
                for window in fixture.channels.first?.windows.prefix(2) ?? [] {
                    _ = try? channel.values(from: window.t0, to: window.t1)
                }
                guard let answer = try? channel.counts(0..<min(channel.sampleCount, limits.answerSamples)) else {
                    continue
                }
                // Unless checksums were forged, a sample is the one that was written or reported as lost.
                guard isTrustworthy, let original = originals[channel.name] else { continue }
                guard answer.values.count == original.count else { continue }
                let wrong = zip(answer.values, original).enumerated().filter { $0.1.0 != $0.1.1 && $0.1.0 != .min }
                #expect(wrong.isEmpty, "\(channel.name) at \(wrong.first?.0 ?? 0) in \(path)")
            }
        }
    }
}
