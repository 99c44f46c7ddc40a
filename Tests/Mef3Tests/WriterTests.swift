import Testing

@testable import Mef3

/// What is written reads back equal.
struct WriterTests {
    @Test(arguments: 0..<40)
    func `blocks of any signal decode to what was encoded`(seed: UInt64) throws {
        var random = Seeded(seed)
        for _ in 0..<25 {
            let samples = random.signal(Int.random(in: 0...700, using: &random))
            #expect(try RedCodec.decode(RedCodec.encode(samples)) == samples, "seed \(seed)")
        }
    }

    // Among these lengths are those at which the reference ending loses the last sample.
    @Test(arguments: [
        (value: 90 as Int32, lengths: 4200...4260), (value: -5, lengths: 1400...1430), (value: 1, lengths: 1...300),
    ])
    func `constant blocks keep their last sample`(value: Int32, lengths: ClosedRange<Int>) throws {
        for length in lengths {
            let samples = [Int32](repeating: value, count: length)
            #expect(try RedCodec.decode(RedCodec.encode(samples)) == samples, "\(length)")
        }
    }

    struct Case: Sendable {
        var passwords: (String, String?)?
        var blockLevel = 0
        var offset: Int64?
        var rate = 256.0
    }

    @Test(arguments: [
        Case(), Case(offset: 0), Case(offset: 1_500_000_000_000_000, rate: 999.5),
        Case(passwords: ("first", nil), offset: 0), Case(passwords: ("first", "second"), offset: 0),
        Case(passwords: ("první", "λ-€"), blockLevel: 1), Case(passwords: ("a", "b"), blockLevel: 2, rate: 32_000),
    ])
    func `a session reads back with its gaps, texts and times`(example: Case) throws {
        var random = Seeded(UInt64(example.rate) + UInt64(example.blockLevel))
        let scratch = try Scratch()
        var subject = SubjectMetadata()
        subject.recordingTimeOffset = example.offset
        subject.subjectID = "S-žluť"
        let passwords = try example.passwords.map { try SessionWriter.Passwords(level1: $0.0, level2: $0.1) }
        let path = scratch.path + "/written.mefd"
        let writer = try SessionWriter(
            path: path,
            subject: subject,
            passwords: passwords,
            blockLevel: example.blockLevel
        )
        var metadata = ChannelMetadata(samplingFrequency: example.rate)
        metadata.units = "µV"
        metadata.conversionFactor = -0.125
        metadata.channelDescription = "left hippocampus"

        var written: [Int32] = []
        var starts: [Int64] = []
        for segment in 0..<3 {
            let base = 1_600_000_000_000_000 + Int64(segment) * 60_000_000
            let runs = (0..<3).map { run in
                (start: base + Int64(run) * 10_000_000, samples: random.signal(100 * (run + 1) + segment))
            }
            let first = written.count
            written += runs.flatMap(\.samples)
            starts += runs.map(\.start)
            let count = try writer.write(
                runs,
                segment: segment,
                of: "A 1.é",
                metadata: metadata,
                firstSample: first,
                blockSamples: 64
            )
            #expect(count == written.count - first)
        }
        try writer.write(records: [
            MefRecord(time: starts[1], body: .note("a note")),
            MefRecord(time: starts[2], body: .annotation(duration: 5, text: "ž")),
        ])

        let session = try MefSession(path: path, password: example.passwords.map { $0.1 ?? $0.0 })
        let channel = try session.channel("A 1.é")
        #expect(channel.metadata == metadata)
        #expect(channel.subject == subject)
        #expect(channel.sampleCount == written.count)
        #expect(try channel.counts(0..<written.count).values == written)
        #expect(channel.start == starts[0])
        #expect(channel.blocks.filter(\.isMarkedDiscontinuous).map(\.start) == starts)
        for block in channel.blocks {
            let part = written[block.samples]
            #expect(block.extrema == part.min().flatMap { low in low == .min ? nil : part.max().map { low...$0 } })
        }
        let window = try channel.counts(from: starts[0], to: starts[1])
        #expect(window.values.prefix(100) == written.prefix(100))
        #expect(window.values.dropFirst(100).allSatisfy { $0 == .min })
        let records = try session.records().records
        #expect(records.map(\.body) == [.note("a note"), .annotation(duration: 5, text: "ž")])
        #expect(records.map(\.time) == [starts[1], starts[2]])
    }

    @Test func `a run that follows within half a period continues the last one`() throws {
        let scratch = try Scratch()
        let writer = try SessionWriter(path: scratch.path + "/runs.mefd")
        let metadata = ChannelMetadata(samplingFrequency: 100)
        let samples = [Int32](repeating: 3, count: 10)
        try writer.write(
            [(1_000_000, samples), (1_100_004, samples), (1_206_000, samples)],
            of: "c",
            metadata: metadata
        )
        let blocks = try MefSession(path: scratch.path + "/runs.mefd").channel("c").blocks
        #expect(blocks.map(\.isMarkedDiscontinuous) == [true, false, true])
    }

    @Test func `an unfinished segment can be salvaged`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/cut.mefd"
        let samples = (0..<1000).map { Int32($0) }
        do {
            let session = try SessionWriter(path: path)
            let metadata = ChannelMetadata(samplingFrequency: 100)
            var segment = try session.segment(0, of: "c", metadata: metadata, blockSamples: 100)
            try segment.append(samples, at: 5_000_000)
        }
        #expect(throws: MefError.self) { try MefSession(path: path) }
        let session = try MefSession(path: path, reading: .salvage)
        #expect(!session.damage.isEmpty)
        #expect(try session.channel("c").counts(0..<1000).values == samples)
    }

    @Test func `what cannot be stored is refused before anything is written`() throws {
        let scratch = try Scratch()
        let metadata = ChannelMetadata(samplingFrequency: 100)
        let writer = try SessionWriter(path: scratch.path + "/no.mefd")
        #expect(throws: MefError.self) { try SessionWriter(path: scratch.path + "/no") }
        #expect(throws: MefError.self) { try SessionWriter(path: scratch.path + "/n.mefd", blockLevel: 1) }
        #expect(throws: MefError.self) { try writer.write([(0, [1])], of: "a/b", metadata: metadata) }
        #expect(throws: MefError.self) { try writer.write([(-1, [1])], of: "a", metadata: metadata) }
        #expect(throws: MefError.self) {
            try writer.write([(0, [1])], of: "b", metadata: ChannelMetadata(samplingFrequency: 0))
        }
        try writer.write([(0, [1])], of: "c", metadata: metadata)
        #expect(throws: MefError.self) { try writer.write([(0, [1])], of: "c", metadata: metadata) }
    }
}
