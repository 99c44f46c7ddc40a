public import Frames
public import PipeCore

/// Cuts the bytes of one connection into pictures: four bytes that say how many follow, the highest first, and those.
///
/// It is a value that knows nothing of sockets. Memory is taken as bytes come, never for what was only announced.
public struct FrameParser {
    public enum Failure: Error, Hashable, Sendable {
        /// A picture of no bytes: the original's way to say goodbye.
        case empty
        case tooLong(Int)
        /// All that is unfinished takes as much memory as it may.
        case noRoom
    }

    private let longest: Int
    private var prefix: (value: Int, bytes: Int) = (0, 0)
    /// Of the picture that is coming; 0 where its length is not known yet.
    private var length = 0
    private var filled = 0
    private var buffer: PooledBuffer?
    /// Most pictures of a camera are of about this size: less would be copied once or twice.
    private static let firstPiece = 64 << 10
    private static let prefixBytes = 4

    public init(longest: Int) { self.longest = longest }

    /// A picture has begun and is not whole.
    public var isWithin: Bool { prefix.bytes > 0 }

    /// Takes bytes, and hands over the pictures that they complete, so many at most. Returns how many bytes it took: all,
    /// unless it has handed over as many as it may. After a failure nothing behind it can be told apart.
    public mutating func take(
        _ bytes: UnsafeRawBufferPointer,
        most: Int,
        _ memory: FrameMemory,
        _ emit: (EncodedFrame) -> Void
    ) throws(Failure) -> Int {
        var (place, emitted) = (0, 0)
        while place < bytes.count, emitted < most {
            if prefix.bytes < Self.prefixBytes {
                prefix = (prefix.value << 8 | Int(bytes[place]), prefix.bytes + 1)
                place += 1
                if prefix.bytes == Self.prefixBytes { try begin() }
                continue
            }
            let count = min(length - filled, bytes.count - place)
            try makeRoom(count, memory)
            guard let buffer else { throw .noRoom }
            buffer.bytes[filled...].copyBytes(from: bytes[place..<place + count])
            place += count
            filled += count
            if filled == length {
                let frame = EncodedFrame(buffer, count: length)
                drop(memory)
                if let frame { emit(frame) }
                emitted += 1
            }
        }
        return place
    }

    private mutating func begin() throws(Failure) {
        guard prefix.value > 0 else { throw .empty }
        guard prefix.value <= longest else { throw .tooLong(prefix.value) }
        length = prefix.value
    }

    /// Room for so many more bytes: twice as much each time, and never more than the picture takes.
    private mutating func makeRoom(_ count: Int, _ memory: FrameMemory) throws(Failure) {
        let had = buffer?.bytes.count ?? 0
        guard filled + count > had else { return }
        let wanted = min(length, max(Self.firstPiece, 2 * had, filled + count))
        guard let larger = memory.take(wanted, giving: had) else { throw .noRoom }
        if let buffer { larger.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<filled])) }
        buffer = larger
    }

    /// Forgets the picture that is coming: it is whole, or will never be.
    public mutating func drop(_ memory: FrameMemory) {
        memory.giveBack(buffer?.bytes.count ?? 0)
        buffer = nil
        (prefix, length, filled) = ((0, 0), 0, 0)
    }
}

/// The memory of pictures that are coming, over all connections: one limit for all. One thread at a time uses it.
public final class FrameMemory {
    private let pools: BufferPools
    private let most: Int
    /// The bytes of pictures that are not whole.
    public private(set) var pending = 0

    public init(most: ByteCount, keeping: ByteCount) {
        self.most = most.bytes
        pools = BufferPools(keeping: keeping)
    }

    /// A buffer in the place of one of another size; nil where that would be too much.
    func take(_ count: Int, giving old: Int) -> PooledBuffer? {
        guard pending - old + count <= most else { return nil }
        let buffer = pools.take(count)
        pending += buffer.bytes.count - old
        return buffer
    }

    func giveBack(_ count: Int) { pending -= count }
}
