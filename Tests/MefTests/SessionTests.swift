import Glibc
import Mef3
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Mef

/// Reading and writing of sessions by stages.
struct SessionTests {
    private func read(_ options: String, of path: String = Night.path) throws -> StageResult {
        var harness = StageHarness(MefReader.self, "path: \"\(path)\"\n\(options)")
        harness.files = DiskFiles()
        let result = try harness.run()
        #expect(result.imbalances.isEmpty)
        return result
    }

    @Test func `reads each channel in blocks, with gaps between them, in the order of time`() throws {
        let result = try read("block: 1s")
        let blocks = result.blocks("blocks")
        #expect(result.troubles.isEmpty)
        for (channel, name) in ["A", "B", "C"].enumerated() {
            let own = blocks.filter { $0.signal.channels == [name] }
            let count = [2000, 1750, 1700][channel]
            #expect(own.flatMap { $0.row(0) } == Night.counts(channel, 0..<count).map { Double($0) * 0.5 })
            #expect(own.allSatisfy { $0.count <= 100 })
        }
        #expect(blocks.map(\.end) == blocks.map(\.end).sorted())
        #expect(Set(result["blocks"].map(\.key)) == ["A", "B", "C"])
        let starts = blocks.filter { $0.signal.channels == ["B"] }.map { $0.start - Night.start }
        #expect(starts.contains(12_500_000))
        #expect(!starts.contains { (10_000_000..<12_500_000).contains($0) })
    }

    @Test func `reads all channels on one grid, with NaN in gaps`() throws {
        let blocks = try read("block: 750ms\nlayout: aligned\nchannels: [C, A, B]").blocks("blocks")
        #expect(blocks.allSatisfy { $0.signal.channels == ["C", "A", "B"] })
        let rows = (0..<3).map { row in blocks.flatMap { $0.row(row) } }
        #expect(rows[1] == Night.counts(0, 0..<2000).map { Double($0) * 0.5 })
        #expect(rows[0].prefix(300).allSatisfy { $0.isNaN })
        #expect(Array(rows[0].dropFirst(300)) == Night.counts(2, 0..<1700).map { Double($0) * 0.5 })
        #expect(rows[2][1000..<1250].allSatisfy { $0.isNaN })
        #expect(Array(rows[2][1250...]) == Night.counts(1, 1000..<1750).map { Double($0) * 0.5 })
    }

    @Test func `reads a part`() throws {
        let blocks = try read("skip: 4s\nlength: 2500ms\nchannels: [A]").blocks("blocks")
        #expect(blocks.flatMap { $0.row(0) } == Night.counts(0, 400..<650).map { Double($0) * 0.5 })
        #expect(blocks.map(\.count) == [100, 100, 50])
        #expect(blocks.first?.start == Night.start + 4_000_000)
    }

    @Test func `plays at the recording's own pace, or a multiple of it`() throws {
        for (speed, factor) in [("realtime", 1.0), ("4x", 4.0), ("0.5x", 0.5)] {
            let items = try read("speed: \(speed)\nblock: 1s\nchannels: [A]")["blocks"]
            let first = items[0].at.nanoseconds
            for (number, item) in items.enumerated() {
                let due = Double(number) / factor
                #expect(abs(Double(item.at.nanoseconds - first) * 1e-9 - due) < 0.01)
            }
        }
    }

    @Test(arguments: [
        ("path: \"\(Night.path)\"\nchannels: [Z]", "there is no channel 'Z', only 'A', 'B', 'C'"),
        ("path: \"\(Night.path)\"\nskip: 1h", "lower 'skip'"),
        ("path: /nowhere.mefd", "/nowhere.mefd"),
    ])
    func `says why a session cannot be read`(options: String, text: String) throws {
        let result = try StageHarness(MefReader.self, options).run()
        #expect(result.troubles.first?.contains(text) == true, "\(result.troubles)")
    }

    @Test func `channels of several rates cannot be aligned`() throws {
        let fixtures = testFolder.replacing("/MefTests", with: "/Mef3Tests/Fixtures")
        let result = try StageHarness(MefReader.self, "path: \"\(fixtures)/multirate.mefd\"\nlayout: aligned").run()
        #expect(result.troubles.first?.contains("choose 'channels' of one rate") == true, "\(result.troubles)")
    }

    @Test func `what is written reads back as it was, gaps and all`() throws {
        try withFolder { folder in
            var harness = StageHarness(MefWriter.self, "path: \(folder)/copy\nblock: 2s")
            harness.files = DiskFiles()
            harness.feed("blocks", try read("block: 700ms")["blocks"].map { .payload($0.payload) })
            let result = try harness.run()
            #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
            let (original, copy) = (try MefSession(path: Night.path), try MefSession(path: folder + "/copy.mefd"))
            for channel in original.channels {
                let other = try copy.channel(channel.name)
                #expect(other.sampleCount == channel.sampleCount)
                #expect((other.start, other.end) == (channel.start, channel.end))
                #expect(other.metadata.conversionFactor == 0.5 && other.metadata.units == "uV")
                let (from, to) = (Night.start, Night.start + 20_000_000)
                #expect(try other.counts(from: from, to: to).values == channel.counts(from: from, to: to).values)
                #expect(other.blocks.map(\.samples.count).max() == 200)
            }
        }
    }

    @Test func `aligned blocks become the same session`() throws {
        try withFolder { folder in
            var harness = StageHarness(MefWriter.self, "path: \(folder)/copy.mefd")
            harness.files = DiskFiles()
            harness.feed("blocks", try read("layout: aligned")["blocks"].map { .payload($0.payload) })
            #expect(try harness.run(on: .real).troubles.isEmpty)
            let copy = try MefSession(path: folder + "/copy.mefd")
            #expect(copy.channels.map(\.sampleCount) == [2000, 1750, 1700])
            #expect(try copy.channel("B").counts(0..<1750).values == Night.counts(1, 0..<1750))
        }
    }

    @Test func `a protected session opens with its password only`() throws {
        try withFolder { folder in
            var harness = StageHarness(
                MefWriter.self,
                "path: \(folder)/p.mefd\npassword1: one\npassword2: two\nencrypt_blocks: 2\nsubject: S17"
            )
            harness.files = DiskFiles()
            harness.feed("blocks", .samples(20))
            #expect(try harness.run().troubles.isEmpty)
            #expect(throws: MefError.self) { try MefSession(path: folder + "/p.mefd") }
            let session = try MefSession(path: folder + "/p.mefd", password: "two")
            #expect(session.channels[0].subject?.subjectID == "S17")
            #expect(try session.channels[0].values(0..<500).values.count == 500)
            let again = try read("password: two", of: folder + "/p.mefd")
            #expect(again.blocks("blocks").reduce(0) { $0 + $1.count } == 500)
        }
    }

    @Test func `what was written before the stage was cut off can be salvaged, and a new life goes on behind it`()
        throws
    {
        try withFolder { folder in
            var harness = StageHarness(
                MefWriter.self,
                "path: \(folder)/cut.mefd\nblock: 1s\nrestart: { max: 3, backoff: 1ms }"
            )
            harness.files = DiskFiles()
            harness.feed("blocks", .samples(40, every: .milliseconds(250)))
            harness.fault(.kill, at: .milliseconds(5100))
            let result = try harness.run()
            #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
            let lost = result.books.failed
            #expect(lost < 10)
            #expect(throws: MefError.self) { try MefSession(path: folder + "/cut.mefd", reading: .strict) }
            let session = try MefSession(path: folder + "/cut.mefd", reading: .salvage)
            #expect(session.channels[0].sampleCount == 1000 - 25 * lost)
            #expect(session.channels[0].segmentNames.count == 2)
            #expect(session.start == Night.start)
        }
    }

    @Test func `nothing is written over`() throws {
        try withFolder { folder in
            try Night.write(to: folder + "/n.mefd")
            var harness = StageHarness(MefWriter.self, "path: \(folder)/n")
            harness.files = DiskFiles()
            let signal = Signal(channels: ["A"], rate: 100)
            harness.feed("blocks", [.payload(Samples.make(signal, start: 0, [[1, 2, 3]]))])
            let result = try harness.run()
            #expect(result.books.failed == 1)
            #expect(result.troubles.first?.contains("A-000000.tdat") == true, "\(result.troubles)")
            #expect(try MefSession(path: folder + "/n.mefd").channel("A").sampleCount == 2000)
        }
    }

    @Test func `damage is left out, counted and told; strictly it is an error`() throws {
        try withFolder { folder in
            try Night.write(to: folder + "/n.mefd")
            try flip(folder + "/n.mefd/A.timd/A-000000.segd/A-000000.tdat", at: 1024 + 310)
            let result = try read("channels: [A]", of: folder + "/n.mefd")
            #expect(result.troubles.isEmpty)
            #expect(result.books.failed == 1)
            #expect(result.log.contains { $0.level == .warning && $0.message.contains("block 0") })
            let values = result.blocks("blocks").flatMap { $0.row(0) }
            #expect(values.prefix(300).allSatisfy { $0.isNaN })
            #expect(Array(values.dropFirst(300)) == Night.counts(0, 300..<2000).map { Double($0) * 0.5 })
            #expect(try read("strict: true", of: folder + "/n.mefd").troubles.count == 1)
        }
    }
}

private func flip(_ path: String, at offset: Int) throws {
    let descriptor = open(path, O_RDWR)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    try #require(pread(descriptor, &byte, 1, offset) == 1)
    byte ^= 0x10
    try #require(pwrite(descriptor, &byte, 1, offset) == 1)
}
