import PipeCore
import Testing

@testable import Mef

/// Samples in a recording of a run.
struct RecordedTests {
    private let samples = Samples.make(
        Signal(
            session: "night",
            channels: ["C3", "ä"],
            rate: 256.5,
            unit: "uV",
            steps: [0.25, .leastNonzeroMagnitude]
        ),
        start: -1_600_000_000_000_001,
        [[1.5, -0.0, .nan, .infinity], [.greatestFiniteMagnitude, 0, -1, 1e-300]]
    )

    @Test func `a block is what it was`() throws {
        let empty = Samples.make(Signal(channels: ["none"], rate: 1), start: 0, [[]])
        for block in [samples, empty] {
            let recorded = block.recorded
            let again = Samples.restored(try #require(recorded))
            let restored = try #require(again)
            #expect(restored.signal == block.signal && restored.start == block.start && restored.count == block.count)
            for row in 0..<block.rows {
                let (a, b) = (
                    block.withRow(row) { $0.map(\.bitPattern) }, restored.withRow(row) { $0.map(\.bitPattern) }
                )
                #expect(a == b)
            }
        }
    }

    @Test func `bytes that nobody wrote are no block, or a sound one`() throws {
        var chance = RandomSource(seed: 4)
        let recorded = samples.recorded
        let bytes = try #require(recorded)
        for _ in 0..<20_000 {
            var altered = bytes
            if chance.next() % 4 == 0 { altered.removeLast(Int.random(in: 1...altered.count, using: &chance)) }
            for _ in 0..<(altered.isEmpty ? 0 : 2) {
                altered[Int.random(in: altered.indices, using: &chance)] = UInt8(truncatingIfNeeded: chance.next())
            }
            guard let restored = Samples.restored(altered) else { continue }
            #expect(restored.rows == restored.signal.channels.count && restored.byteCount <= SamplePool.most)
        }
    }
}
