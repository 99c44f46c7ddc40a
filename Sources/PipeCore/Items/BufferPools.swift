/// Memory for payloads of which each has another size, such as pictures as files hold them.
///
/// A buffer is up to a quarter larger than what was asked for: sizes are taken from a ladder with four rungs to each
/// doubling, so that buffers of one rung serve each other. While nobody uses them, the pool keeps so many bytes over all
/// sizes at most; where a new size finds no room, the sizes that nobody asks for any more give theirs up.
public final class BufferPools: BufferOwner, @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private let mostKept: Int
    private var kept = 0
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]

    /// What is smaller takes as much, so that small ones do not make a rung each.
    private static let least = 4096

    public init(keeping: ByteCount) { mostKept = max(0, keeping.bytes) }

    deinit {
        for memory in free.values.joined() { memory.deallocate() }
    }

    /// A buffer of `count` bytes at least, which are those of its last user.
    public func take(_ count: Int) -> PooledBuffer {
        let size = Self.rung(count)
        let memory = lock.locked { () -> UnsafeMutableRawPointer? in
            guard let memory = free[size]?.popLast() else { return nil }
            kept -= size
            return memory
        }
        return PooledBuffer(memory ?? .allocate(byteCount: size, alignment: 64), size, self)
    }

    /// The bytes that are kept while nobody uses them.
    public var keptBytes: ByteCount { lock.locked { ByteCount(kept) } }

    func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
        guard let base = memory.baseAddress else { return }
        let released = lock.locked { () -> [UnsafeMutableRawPointer] in
            guard memory.count <= mostKept else { return [base] }
            let released = makeRoom(for: memory.count)
            guard kept + memory.count <= mostKept else { return released + [base] }
            free[memory.count, default: []].append(base)
            kept += memory.count
            return released
        }
        for memory in released { memory.deallocate() }
    }

    /// Takes away from other sizes what `size` more bytes need, as far as there is any.
    private func makeRoom(for size: Int) -> [UnsafeMutableRawPointer] {
        var released: [UnsafeMutableRawPointer] = []
        while kept + size > mostKept {
            guard let other = free.first(where: { $0.key != size && !$0.value.isEmpty })?.key,
                let memory = free[other]?.popLast()
            else { break }
            released.append(memory)
            kept -= other
        }
        return released
    }

    /// The smallest of 4, 5, 6, 7, 8, 10, 12, … KiB that holds so many bytes.
    static func rung(_ count: Int) -> Int {
        guard count > least else { return least }
        let step = 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount - 3)
        return (count + step - 1) / step * step
    }
}
