import PipeCore

/// The memory that packets are read into: one buffer after the other, each shared by the batches of many reads.
struct ReadingMemory {
    private let pool: BufferPool
    private var buffer: PooledBuffer
    private var used = 0
    /// What one read may bring.
    static let mostRead = 64 << 10

    /// `longest` is the longest packet: its beginning must have room before what is read.
    init(longest: Int) {
        let size = ByteCount(longest > Self.mostRead ? 1 << 20 - 1 : 256 << 10)
        pool = BufferPool(size: size, keeping: size.times(8))
        buffer = pool.take()
    }

    /// Room for a read behind so many bytes. It is valid until something is handed out.
    mutating func room(after carried: Int) -> UnsafeMutableRawBufferPointer {
        // While nobody holds what was read before, the same memory serves again, and stays in the processor's cache.
        if isKnownUniquelyReferenced(&buffer) { used = 0 }
        let wanted = carried + Self.mostRead
        if buffer.bytes.count - used < wanted {
            buffer = pool.take()
            used = 0
        }
        return UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<(used + wanted)])
    }

    /// A batch of bytes that stand in the room at a place.
    mutating func batch(of client: PacketClient, at place: Int, bytes: Int, packets: Int) -> PacketBatch {
        defer { used = min(buffer.bytes.count, (used + place + bytes + 63) & ~63) }
        return PacketBatch(of: client, in: buffer, at: used + place, bytes: bytes, packets: packets)
    }
}
