import PipeCore
import Testing

@testable import Packets

/// Packets in a recording of a run.
struct RecordedTests {
    private func same(_ a: PacketBatch, _ b: PacketBatch) -> Bool {
        a.event == b.event && a.client.name == b.client.name && a.client.key == b.client.key
            && a.client.framing == b.client.framing && a.count == b.count && a.bytes.elementsEqual(b.bytes)
    }

    /// Whole packets of a framing.
    private func batch(_ framing: Framing, _ chance: inout RandomSource) -> PacketBatch {
        let stream = randomStream(framing, &chance)
        let cut = stream.withUnsafeBytes { framing.cut($0) }
        let buffer = BufferPool(size: ByteCount(max(1, stream.count)), keeping: ByteCount(0)).take()
        buffer.bytes.copyBytes(from: stream)
        let client = PacketClient("10.0.0.1:\(chance.next() % 65_536)", framing)
        return PacketBatch(of: client, in: buffer, at: 0, bytes: cut.whole, packets: cut.packets)
    }

    @Test(arguments: FramingTests.framings)
    func `a batch is what it was`(framing: Framing) throws {
        var chance = RandomSource(seed: 3)
        let client = PacketClient("ä name", framing)
        var batches = (0..<20).map { _ in batch(framing, &chance) } + [PacketBatch(opened: client)]
        batches += Departure.allCases.map { PacketBatch(closed: client, $0, trailing: 17) }
        #expect(batches.contains { $0.count > 1 })
        for batch in batches {
            let recorded = batch.recorded
            let bytes = try #require(recorded)
            let restored = PacketBatch.restored(bytes)
            let again = try #require(restored)
            #expect(same(batch, again))
        }
    }

    @Test func `bytes that nobody wrote are no batch, or a sound one`() throws {
        var chance = RandomSource(seed: 4)
        for framing in FramingTests.framings {
            let recorded = batch(framing, &chance).recorded
            let bytes = try #require(recorded)
            for _ in 0..<2000 {
                var altered = bytes
                if chance.next() % 4 == 0 { altered.removeLast(Int.random(in: 1...altered.count, using: &chance)) }
                for _ in 0..<(altered.isEmpty ? 0 : 2) {
                    altered[Int.random(in: altered.indices, using: &chance)] = UInt8(truncatingIfNeeded: chance.next())
                }
                guard let restored = PacketBatch.restored(altered), restored.event == .packets else { continue }
                var packets = 0
                restored.client.framing.forEachPacket(restored.bytes) { _ in packets += 1 }
                #expect(packets == restored.count)
            }
        }
    }
}
