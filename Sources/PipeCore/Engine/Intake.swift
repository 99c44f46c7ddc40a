/// The way in for a thread of a source's own: a camera's, a socket's. What it pushes passes through a link with books
/// like any other, and leaves by one of the source's outputs when the engine has room.
public final class Intake: @unchecked Sendable {  // the link has a lock of its own; the rest is guarded by `lock`
    let link: Link
    private let node: Node
    // The thread behind it may outlive the run.
    private let engine: Engine
    private let runner: any Runner
    private let lock = Lock()
    private let changed = Lock.Condition()
    private var isClosed = false
    private var sequence = 0
    private var sampling: Sampling

    init(link: Link, node: Node) {
        self.link = link
        self.node = node
        engine = node.engine
        runner = node.runner
        sampling = Sampling(engine.options)
    }

    /// Hands over an item. Where the policy is to block it waits for room, for so long at most; false says that the item
    /// was not taken, for want of room or since the run has ended.
    @discardableResult
    public func push(
        _ payload: consuming some Payload,
        key: Key = .none,
        captured: Instant? = nil,
        waiting patience: Duration = .seconds(3600)
    ) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard !isClosed else { return false }
        let now = runner.time
        let slot = UnsafeMutablePointer<Slot>.allocate(capacity: 1)
        defer { slot.deallocate() }
        let header = Header(
            sequence: sequence,
            captured: captured ?? Instant(nanoseconds: now),
            sent: Instant(nanoseconds: now),
            key: key,
            source: UInt32(node.index)
        )
        sampling.look(at: now, next: sequence)
        let isFollowed = sequence >= sampling.next
        slot.initialize(to: Slot(header: header))
        payload.put(into: slot)
        slot.pointee.header.isFollowed = isFollowed
        let deadline = Instant(nanoseconds: now) + patience
        while !isClosed {
            if link.put(slot, 1, copying: false, carries: isFollowed, now: runner.time) == 1 {
                if isFollowed { sampling.follow(sequence, now: now) }
                sequence += 1
                node.notify()
                return true
            }
            let left = deadline.nanoseconds - runner.time
            guard left > 0, runner.isRealTime else { break }
            changed.wait(lock, until: monotonicTime() + left)
        }
        slot.destroy()
        return false
    }

    /// Nothing more will come.
    public func close() {
        lock.locked {
            guard !isClosed else { return }
            isClosed = true
            link.close()
            changed.broadcast()
            engine.intakeClosed()
            node.notify()
        }
    }

    func madeRoom() {
        lock.lock()
        changed.signal()
        lock.unlock()
    }
}
