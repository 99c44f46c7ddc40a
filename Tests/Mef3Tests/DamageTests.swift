import Testing

@testable import Mef3

/// Files as crashes, full disks and bad luck leave them: an error or a salvage, never a crash and never garbage.
struct DamageTests {
    /// A copy of a fixture to be damaged.
    struct Patient {
        let scratch: Scratch
        let path: String
        let password: String?

        init(_ name: String) throws {
            scratch = try Scratch()
            let fixture = Fixture.named(name)
            path = scratch.path + "/" + fixture.path
            password = fixture.openWith
            try Scratch.copy(fixture.fullPath, to: path)
        }

        func file(_ suffix: String) throws -> String {
            try #require(Scratch.files(below: path).first { $0.hasSuffix(suffix) })
        }

        func change(_ suffix: String, _ body: (inout [UInt8]) -> Void) throws {
            let file = try file(suffix)
            var bytes = try Scratch.read(file)
            body(&bytes)
            try Scratch.write(bytes, to: file)
        }

        func open(_ reading: Reading) throws(MefError) -> MefSession {
            try MefSession(path: path, password: password, reading: reading)
        }

        func refusal() -> MefError? {
            do throws(MefError) {
                let session = try open(.strict)
                for channel in session.channels { _ = try channel.counts(0..<channel.sampleCount) }
                return nil
            } catch {
                return error
            }
        }
    }

    static let name = "basic"
    static let channel = "chan_001"

    static func original() throws -> (samples: [Int32], blocks: [BlockEntry]) {
        let channel = try MefSession(path: Fixture.named(name).fullPath).channel(channel)
        return (try channel.counts(0..<channel.sampleCount).values, channel.segments[0].entries)
    }

    @Test(arguments: [0, 3, 10])
    func `a flipped bit costs one block and its place is named`(block: Int) throws {
        let patient = try Patient(Self.name)
        let (samples, blocks) = try Self.original()
        let entry = blocks[block]
        try patient.change("chan_001-000000.tdat") { $0[entry.offset + 310] ^= 4 }
        let refusal = try #require(patient.refusal())
        #expect(refusal.code == .damaged)
        #expect(refusal.place?.block == block)
        #expect(refusal.place?.file.hasSuffix("chan_001-000000.tdat") == true)

        let channel = try patient.open(.salvage).channel(Self.channel)
        let answer = try channel.counts(0..<channel.sampleCount)
        let lost = entry.first..<entry.first + entry.samples
        #expect(answer.damage.map(\.samples) == [lost])
        #expect(answer.damage.map(\.channel) == [Self.channel])
        #expect(answer.values[lost].allSatisfy { $0 == .min })
        #expect(answer.values[..<lost.lowerBound] == samples[..<lost.lowerBound])
        #expect(answer.values[lost.upperBound...] == samples[lost.upperBound...])
        let start = try #require(channel.start)
        let end = try #require(channel.end)
        #expect(try channel.values(from: start, to: end).values.count { $0.isNaN } == lost.count)
    }

    @Test func `a missing index is an error or made anew`() throws {
        let patient = try Patient(Self.name)
        Scratch.remove(try patient.file("chan_001-000000.tidx"))
        #expect(patient.refusal()?.code == .missing)
        let session = try patient.open(.salvage)
        #expect(session.damage.count == 1)
        let channel = try session.channel(Self.channel)
        let samples = try Self.original().samples
        #expect(try channel.counts(0..<channel.sampleCount).values == samples)
    }

    @Test(arguments: [".tmet", ".tdat"])
    func `another missing file costs the segment and no other channel`(kind: String) throws {
        let patient = try Patient(Self.name)
        Scratch.remove(try patient.file("chan_001-000000" + kind))
        #expect(patient.refusal()?.code == .missing)
        let session = try patient.open(.salvage)
        #expect(!session.damage.isEmpty)
        let other = try session.channel("chan_002")
        #expect(try other.counts(0..<other.sampleCount).damage.isEmpty)
        if kind == ".tdat" {
            let channel = try session.channel(Self.channel)
            let answer = try channel.counts(0..<channel.sampleCount)
            #expect(answer.values.allSatisfy { $0 == .min })
            #expect(answer.damage.count == channel.blocks.count)
        }
    }

    @Test(arguments: [1024, 1025, 2000, 5000, 9000])
    func `a file cut short keeps the blocks before the cut`(size: Int) throws {
        let patient = try Patient(Self.name)
        let (samples, blocks) = try Self.original()
        try patient.change("chan_001-000000.tdat") { $0.removeLast($0.count - size) }
        #expect(patient.refusal() != nil)
        let channel = try patient.open(.salvage).channel(Self.channel)
        #expect(channel.sampleCount == samples.count)
        let whole = blocks.filter { $0.offset + $0.bytes <= size }.reduce(0) { $0 + $1.samples }
        let values = try channel.counts(0..<channel.sampleCount).values
        #expect(values[..<whole] == samples[..<whole])
        #expect(values[whole...].allSatisfy { $0 == .min })
    }

    @Test(arguments: [0, 4, 10])
    func `an index entry of zeros is rebuilt from its block`(entry: Int) throws {
        let patient = try Patient(Self.name)
        try patient.change("chan_001-000000.tidx") { bytes in
            for index in 0..<56 { bytes[1024 + 56 * entry + index] = 0 }
        }
        #expect(patient.refusal()?.code == .damaged)
        let channel = try patient.open(.salvage).channel(Self.channel)
        let samples = try Self.original().samples
        #expect(try channel.counts(0..<channel.sampleCount).values == samples)
    }

    @Test(
        arguments: [(28, 0xFFFF_FFFF), (32, 0xFFFF_FFF0), (36, 0xFFFF_FFF8), (36, 0), (28, 0), (32, 0)]
            as [(Int, UInt32)]
    )
    func `an absurd length in a block is refused even with a right checksum`(offset: Int, value: UInt32) throws {
        let patient = try Patient(Self.name)
        let entry = try Self.original().blocks[2]
        try patient.change("chan_001-000000.tdat") { bytes in
            bytes.put(value, at: entry.offset + offset)
            bytes.put(Checksum.of(bytes[entry.offset + 4..<entry.offset + entry.bytes]), at: entry.offset)
        }
        #expect(patient.refusal()?.place?.block == 2)
        let channel = try patient.open(.salvage).channel(Self.channel)
        let answer = try channel.counts(0..<channel.sampleCount)
        #expect(answer.damage.map(\.samples) == [entry.first..<entry.first + entry.samples])
    }

    @Test(arguments: [(8, 0x78), (13, 4), (14, 1), (15, 0)] as [(Int, UInt8)])
    func `another type, version or byte order is not guessed at`(offset: Int, value: UInt8) throws {
        for kind in [".tmet", ".tidx", ".tdat"] {
            let patient = try Patient(Self.name)
            try patient.change("chan_001-000000" + kind) { bytes in
                bytes[offset] = value
                bytes.put(Checksum.of(bytes[4..<1024]), at: 0)
            }
            #expect(patient.refusal()?.code == .unsupported)
            _ = try patient.open(.salvage)
        }
    }

    @Test(arguments: [0, -1, .nan, .infinity, 1e300] as [Double])
    func `an impossible rate costs the channel`(rate: Double) throws {
        let patient = try Patient(Self.name)
        try patient.change("chan_001-000000.tmet") { bytes in
            bytes.put(rate, at: 8720)
            bytes.put(Checksum.of(bytes[1024...]), at: 4)
            bytes.put(Checksum.of(bytes[4..<1024]), at: 0)
        }
        #expect(patient.refusal()?.code == .damaged)
        #expect(try patient.open(.salvage).channels.map(\.name) == ["chan_002", "chan_003"])
    }

    @Test func `windows that cannot be are refused`() throws {
        let channel = try MefSession(path: Fixture.named(Self.name).fullPath).channel(Self.channel)
        let start = try #require(channel.start)
        #expect(throws: MefError.self) { try channel.values(from: start, to: start) }
        #expect(throws: MefError.self) { try channel.values(from: .min, to: .max) }
        #expect(throws: MefError.self) { try channel.values(from: 0, to: .max) }
        #expect(throws: MefError.self) { try channel.counts(0..<channel.sampleCount + 1) }
        #expect(throws: MefError.self) { try channel.counts(-1..<0) }
        let far = try channel.values(from: .max - 1_000_000, to: .max)
        #expect(far.values.count == 256 && far.values.allSatisfy(\.isNaN))
        let before = try channel.values(from: .min, to: .min + 1_000_000)
        #expect(before.values.allSatisfy { $0.isNaN })
    }

    @Test func `directories of other things are ignored and missing ones named`() throws {
        let scratch = try Scratch()
        #expect(throws: MefError.self) { try MefSession(path: scratch.path + "/none.mefd") }
        #expect(throws: MefError.self) { try MefSession(path: scratch.path) }
        let patient = try Patient(Self.name)
        for empty in ["/empty.timd", "/chan_001.timd/chan_001-000009.segd", "/other"] {
            try FileWriter.makeDirectory(patient.path + empty)
        }
        let session = try patient.open(.strict)
        #expect(session.channels.count == 3)
        #expect(throws: MefError.self) { try session.channel("chan_009") }
    }
}
