import Testing

@testable import Mef3

/// The vectors of the format's description: checksum, passwords, cipher, and whole blocks.
struct FormatTests {
    @Test func `the checksum of nine digits is the catalogue's`() {
        #expect(Checksum.of(Array("123456789".utf8)) == 0xD2C2_2F51)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        // Shorter than 64 bytes only the tables are used.
        for count in 0...1000 {
            var crc = Checksum.start
            for first in stride(from: 0, to: count, by: 48) {
                crc = Checksum.of(bytes[first..<min(count, first + 48)], from: crc)
            }
            #expect(Checksum.of(bytes[..<count]) == crc)
        }
        for cut in [0, 1, 15, 16, 17, 500, 999] {
            #expect(Checksum.of(bytes[cut...], from: Checksum.of(bytes[..<cut])) == Checksum.of(bytes))
        }
    }

    @Test func `passwords become the low bytes of their code points and validate as published`() throws {
        #expect(hex(try Password("secret-two").unit.bytes) == "7365637265742d74776f000000000000")
        #expect(hex(try Password("λ-€-pw").unit.bytes) == "bb2dac2d707700000000000000000000")
        let fields = try PasswordFields(level1: Password("level1"), level2: Password("secret-two"))
        #expect(hex(fields.level1.bytes) == "905447f930bf09f11f6c5f0665fa0cfe")
        #expect(hex(fields.level2.bytes) == "b35438efe04086b2ffc089cc5ba489c4")
        #expect(try fields.unlock("level1").access == 1)
        #expect(try fields.unlock("secret-two").access == 2)
        #expect(throws: MefError.self) { try fields.unlock("LEVEL1") }
        #expect(throws: MefError.self) { try Password("sixteen letters!") }
        #expect(throws: MefError.self) { try Password("") }
    }

    @Test func `the cipher is AES-128 unit by unit`() throws {
        let zeros = [UInt8](repeating: 0, count: 32)
        let key = try Password("level1").unit
        let encrypted = try Cipher.encrypt(zeros, key)
        #expect(hex(Array(encrypted[..<16])) == "6fd1409461e91d60219754065db0954c")
        #expect(encrypted[..<16] == encrypted[16...])
        #expect(try Cipher.decrypt(encrypted, key) == zeros)
    }

    @Test(arguments: [
        (samples: [7] as [Int32], payload: "c1007e7e7e7e7e7e", crc: 0x6DE5_76F6 as UInt32),
        (samples: [.max, .min, .max], payload: "c2007e7e7e7e7e7e", crc: 0x629D_CA83),
        (samples: Array(repeating: 0, count: 1000), payload: "01007e7e7e7e7e7e", crc: 0x1023_B9AB),
        (
            samples: [0, 1, -1, 100, 100, -28, 1000, 1001, 999, -.max],
            payload: "01fb8aacf328f92749007e7e7e7e7e7e", crc: 0xB67C_C06E
        ),
    ])
    func `a block is encoded to the published bytes`(samples: [Int32], payload: String, crc: UInt32) throws {
        let start = TimeRule(offset: 0).stored(1_600_000_000_000_000)
        let (bytes, header) = try RedEncoder.block(samples, storedStart: start, flags: RedHeader.discontinuity)
        #expect(hex(Array(bytes[304...])) == payload)
        #expect(bytes.span.bytes.integer(0) == crc)
        #expect(header.blockBytes == bytes.count)
        #expect(try RedCodec.decode(bytes) == samples)
    }

    @Test(arguments: Fixture.all)
    func `every lossless block of the fixtures is encoded to the same bytes again`(fixture: Fixture) throws {
        let session = try MefSession(path: fixture.fullPath, password: fixture.openWith)
        for channel in session.channels {
            for segment in channel.segments {
                let file = try Scratch.read(segment.data.path)
                for entry in segment.entries {
                    let stored = Array(file[entry.offset..<entry.offset + entry.bytes])
                    let header = try RedHeader(stored.span.bytes, limits: Limits())
                    guard !header.isLossy else { continue }
                    let samples = try channel.counts(entry.first..<entry.first + entry.samples).values
                    let encoded = try RedEncoder.block(
                        samples,
                        storedStart: header.start,
                        flags: header.flags,
                        key: header.level == 0 ? nil : channel.keys.key(level: header.level)
                    )
                    #expect(encoded.bytes == stored || fixture.path == "flush_defect.mefd", "\(channel.name)")
                }
            }
        }
    }

    @Test func `stored times are negated below the offset and plain above`() {
        let times = TimeRule(offset: 1_000)
        #expect(times.time(5) == 5)
        #expect(times.time(-5) == 1_005)
        #expect(times.time(.min) == nil)
        #expect(times.stored(1_005) == -5)
        #expect(TimeRule(offset: .min).time(-5) == 5)
        #expect(TimeRule(offset: .max).time(-5) == nil)
    }
}
