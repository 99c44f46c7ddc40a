import Testing

@testable import PipeCore

struct BufferPoolsTests {
    @Test func `a buffer is at most a quarter larger than what was asked for`() {
        for count in Array(1...20_000) + [1 << 20, (1 << 20) + 1, 64 << 20] {
            let rung = BufferPools.rung(count)
            #expect(rung >= count && rung <= max(4096, count + count / 4))
            #expect(BufferPools.rung(rung) == rung)
        }
    }

    @Test func `what was given back is used again by those of about the same size`() {
        let pools = BufferPools(keeping: .mebibytes(1))
        let place = pools.take(9000).bytes.baseAddress
        #expect(pools.keptBytes.bytes == 10 << 10)
        let again = pools.take(9500)
        #expect(again.bytes.baseAddress == place && again.bytes.count == 10 << 10)
        #expect(pools.keptBytes.bytes == 0)
    }

    @Test func `no more is kept than was said, and what is larger not at all`() {
        let pools = BufferPools(keeping: .kibibytes(20))
        var buffers = (0..<9).map { _ in pools.take(4096) }
        buffers.append(pools.take(30_000))
        buffers.removeAll()
        #expect(pools.keptBytes.bytes == 20 << 10)
    }

    @Test func `a size that nobody asks for any more makes room`() {
        let pools = BufferPools(keeping: .kibibytes(20))
        var old = (0..<5).map { _ in pools.take(4096) }
        old.removeAll()
        let place = pools.take(9000).bytes.baseAddress
        let again = pools.take(9000)
        #expect(again.bytes.baseAddress == place)
    }
}
