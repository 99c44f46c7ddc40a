import Glibc
import Testing

@testable import Mef3

/// One session in many hands, and files that change under it.
struct SharingTests {
    @Test func `many tasks read one session at once`() async throws {
        let fixture = Fixture.named("segments")
        let session = try MefSession(path: fixture.fullPath)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for expected in fixture.channels {
                        let channel = try session.channel(expected.name)
                        #expect(sha256(try channel.counts(0..<channel.sampleCount).values) == expected.sha256)
                        for window in expected.windows {
                            #expect(sha256(try channel.counts(from: window.t0, to: window.t1).values) == window.sha256)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a window goes into memory of the caller`() throws {
        let fixture = Fixture.named("gaps")
        let expected = fixture.channels[0]
        let channel = try MefSession(path: fixture.fullPath).channel(expected.name)
        let window = expected.windows[0]
        var row = [Double](repeating: 7, count: window.samples)
        var span = row.mutableSpan
        #expect(throws: MefError.self) { try channel.read(from: window.t0, to: window.t1 * 2, into: &span) }
        let damage = try channel.read(from: window.t0, to: window.t1, into: &span)
        #expect(damage.isEmpty)
        let values = try channel.values(from: window.t0, to: window.t1).values
        #expect(zip(row, values).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    }

    @Test(arguments: [Reading.strict, .salvage], [false, true])
    func `a file that became shorter is noticed before it is touched`(reading: Reading, isMapped: Bool) throws {
        let patient = try DamageTests.Patient("basic")
        let channel = try patient.open(reading).channel("chan_001")
        if isMapped { _ = try channel.counts(0..<10) }
        truncate(try patient.file("chan_001-000000.tdat"), 2000)
        if reading == .strict {
            #expect(throws: MefError.self) { try channel.counts(0..<channel.sampleCount) }
        } else {
            let answer = try channel.counts(0..<channel.sampleCount)
            #expect(answer.values.allSatisfy { $0 == .min })
            #expect(answer.damage.count == channel.blocks.count)
        }
    }

    @Test func `a file that is cut while it is read costs what is gone`() throws {
        let patient = try DamageTests.Patient("basic")
        let path = try patient.file("chan_001-000000.tdat")
        let size = try Scratch.read(path).count
        let reader = try DataFile(path: path, size: size).open()
        truncate(path, 2000)
        #expect(try reader.bytes(at: 1024, count: 304, before: size).count == 304)
        #expect(throws: MefError.self) { try reader.bytes(at: 1900, count: 304, before: size) }
        #expect(throws: MefError.self) { try reader.bytes(at: 8192, count: 304, before: size) }
    }

    @Test func `blocks that overlap are laid over each other in their order`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/over.mefd"
        let runs: [(start: Int64, samples: [Int32])] = [
            (1_000_000, Array(repeating: 1, count: 100)),
            (1_500_000, Array(repeating: 2, count: 20)),
            (1_300_000, Array(repeating: 3, count: 30)),
        ]
        let metadata = ChannelMetadata(samplingFrequency: 100)
        try SessionWriter(path: path).write(runs, of: "c", metadata: metadata)
        let window = try MefSession(path: path).channel("c").counts(from: 900_000, to: 2_100_000).values
        var expected = [Int32](repeating: .min, count: 120)
        for index in 10..<110 { expected[index] = 1 }
        for index in 60..<80 { expected[index] = 2 }
        for index in 40..<70 { expected[index] = 3 }
        #expect(window == expected)
    }
}
