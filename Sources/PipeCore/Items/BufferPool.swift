/// Memory for large payloads, used again: a camera's frames do not ask the system for a megabyte each.
///
/// A buffer goes back when the last reference to it is gone. The pool keeps so many bytes for later at most, and gives
/// the rest back to the system; it bounds nothing else: what is in flight is bounded by links.
public final class BufferPool: BufferOwner, @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private let size: Int
    private let mostKept: Int
    private var free: [UnsafeMutableRawPointer] = []

    /// Buffers of one size each; `keeping` bytes of them at most while nobody uses them.
    public init(size: ByteCount, keeping: ByteCount) {
        self.size = max(1, size.bytes)
        mostKept = max(1, keeping.bytes / max(1, size.bytes))
    }

    deinit { for memory in free { memory.deallocate() } }

    /// A buffer whose bytes are those of its last user.
    public func take() -> PooledBuffer {
        let memory = lock.locked { free.popLast() }
        return PooledBuffer(memory ?? .allocate(byteCount: size, alignment: 64), size, self)
    }

    func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
        guard let memory = memory.baseAddress else { return }
        let isKept = lock.locked {
            guard free.count < mostKept else { return false }
            free.append(memory)
            return true
        }
        if !isKept { memory.deallocate() }
    }
}

/// Where a buffer goes when nobody uses it any more.
protocol BufferOwner: AnyObject {
    func giveBack(_ memory: UnsafeMutableRawBufferPointer)
}

/// Bytes of a pool. Whoever has made it fills it before it is sent; from then on nobody writes.
public final class PooledBuffer: @unchecked Sendable {  // written before it is shared, and then only read
    public let bytes: UnsafeMutableRawBufferPointer
    private let owner: any BufferOwner

    init(_ memory: UnsafeMutableRawPointer, _ size: Int, _ owner: any BufferOwner) {
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: size)
        self.owner = owner
    }

    deinit { owner.giveBack(bytes) }
}
