import Synchronization

/// A link while a graph runs: a queue under a lock, between the stage that sends and those that take.
///
/// Both sides come with batches, so the lock is taken twice a batch, for as long as a move of memory takes. The books are
/// exact under it at any time.
public final class Link: @unchecked Sendable {  // the queue is only touched with the lock held
    let plan: LinkPlan
    let index: Int
    var name: String { plan.station.isEmpty ? plan.name : "\(plan.name)/\(plan.station)" }
    let policy: LinkPolicy
    private let lock = Lock()
    private let queue: UnsafeMutablePointer<LinkQueue>
    private var senderWaits = false
    /// What the sender had sent on its output when the link began, and when it was cut.
    private var sent: (before: Int, until: Int?) = (0, nil)
    /// A copy of what waits, for those who only want to know whether it pays to look.
    private let waiting = Atomic<Int>(0)
    /// The items among it: gaps take no room.
    private let held = Atomic<Int>(0)
    private let ended = Atomic<Bool>(false)
    /// Those who look at what leaves, and whether there are any.
    private var watches: [LinkWatch] = []
    private let watched = Atomic<Bool>(false)
    private let meter: MemoryMeter?
    private let tracer: Tracer?
    /// What became of items that are followed, and were lost here.
    private var notes = NoteRing(among: .max)
    private unowned let runner: any Runner
    /// The stages at its ends, each with its replicas. Set before anything runs.
    private var takers = FixedList<Uncounted<Node>>([])
    private var senders = FixedList<Uncounted<Node>>([])
    let leavesGaps: Bool
    /// One stage copy sends by it, so that nothing leaves it that was sent before what is ahead; and there are no gaps.
    private(set) var isInOrder = false
    /// Nothing to decide but room: a batch moves as a whole.
    let isPlain: Bool

    init(
        _ plan: LinkPlan,
        index: Int,
        leavesGaps: Bool,
        meter: MemoryMeter?,
        _ options: EngineOptions,
        _ runner: any Runner
    ) {
        self.plan = plan
        self.index = index
        policy = plan.policy
        self.meter = meter
        tracer = options.tracer
        self.runner = runner
        self.leavesGaps = leavesGaps
        var made = LinkQueue(policy, leavesGaps: leavesGaps, countsBytes: meter != nil)
        // What threads of a source bring is no part of a recording before the source sends it on.
        let recorder = index >= 0 ? options.recorder : nil
        made.tellsAll = recorder != nil
        isPlain = made.isPlain
        queue = .allocate(capacity: 1)
        queue.initialize(to: made)
        queue.pointee.dropped = { [unowned(unsafe) self] header, reason in
            recorder?.note(.drop(link: index, source: header.source, sequence: header.sequence, reason: reason))
            noteLoss(header, reason)
        }
    }

    /// With the lock held.
    private func noteLoss(_ header: Header, _ reason: DropReason) {
        guard header.isFollowed else { return }
        let now = runner.time
        notes.append(ItemNote(header, .lost(reason), from: now, to: now))
    }

    func connect(senders: [Node], takers: [Node]) {
        self.senders.deallocate()
        self.takers.deallocate()
        self.senders = FixedList(senders.map(Uncounted.init))
        self.takers = FixedList(takers.map(Uncounted.init))
        isInOrder = senders.count == 1 && !leavesGaps
    }

    deinit {
        queue.pointee.dropped = nil
        notes.deallocate()
        queue.pointee.discard(.cancelled)
        queue.pointee.deallocate()
        queue.deinitialize(count: 1)
        queue.deallocate()
        senders.deallocate()
        takers.deallocate()
    }

    /// By its own name, or by that of the link in each station.
    func isCalled(_ name: String) -> Bool { plan.name == name || self.name == name }

    /// Tells the stage behind that something came, or that nothing more will.
    func notifyTakers() { for taker in takers { taker.with { $0.notify() } } }

    /// Tells the stage before that there is room.
    func notifySenders() { for sender in senders { sender.with { $0.notify() } } }

    @inline(__always)
    private func change<Result>(_ body: (inout LinkQueue) -> Result) -> Result {
        lock.lock()
        let before = queue.pointee.heldBytes
        let dropped = tracer == nil ? nil : queue.pointee.books.dropped
        let result = body(&queue.pointee)
        if let dropped { noteDrops(since: dropped) }
        waiting.store(queue.pointee.count, ordering: .relaxed)
        held.store(queue.pointee.held, ordering: .relaxed)
        let change = queue.pointee.heldBytes - before
        lock.unlock()
        if change != 0 { meter?.add(change) }
        return result
    }

    /// Items that wait, as of the last change.
    var heldItems: Int { held.load(ordering: .relaxed) }

    // MARK: The sender's side

    /// Room for items, as the sender sees it: it can only grow until it puts something in.
    var room: Int { policy.whenFull == .block ? policy.capacity - held.load(ordering: .relaxed) : .max }

    /// Takes as many of the slots as it can. `carries` says that some may be followed.
    func put(_ slots: UnsafeMutablePointer<Slot>, _ number: Int, copying: Bool, carries: Bool, now: Int) -> Int {
        if let entered = plan.tap?.entered {
            return putOneByOne(slots, number, copying: copying, carries: carries, now: now, entered)
        }
        return offer(slots, number, copying: copying, carries: carries, now: now)
    }

    /// As `put`, where the slots are a batch's whole memory: it may be exchanged for the link's. So many are followed.
    func put(batch: inout UnsafeMutablePointer<Slot>, _ number: Int, followed: Int, now: Int) -> Int {
        guard plan.tap == nil else { return put(batch, number, copying: false, carries: followed > 0, now: now) }
        return change { queue in
            let taken = queue.offer(batch: &batch, number, followed: followed, now: now)
            if taken < number { senderWaits = true }
            return taken
        }
    }

    private func putOneByOne(
        _ slots: UnsafeMutablePointer<Slot>,
        _ number: Int,
        copying: Bool,
        carries: Bool,
        now: Int,
        _ entered: (Header, JSON) -> Void
    ) -> Int {
        for index in 0..<number {
            let header = slots[index].header
            let value: JSON? = header.isGap ? nil : PayloadType[header.kind].described(slots + index)
            guard offer(slots + index, 1, copying: copying, carries: carries, now: now) == 1 else { return index }
            if let value { entered(header, value) }
        }
        return number
    }

    private func offer(
        _ slots: UnsafeMutablePointer<Slot>,
        _ number: Int,
        copying: Bool,
        carries: Bool,
        now: Int
    ) -> Int {
        change { queue in
            let taken = queue.offer(slots, number, copying: copying, carries: carries, now: now)
            if taken < number { senderWaits = true }
            return taken
        }
    }

    /// Whether there is room; if not, the sender is told when there is.
    func awaitRoom() -> Bool {
        lock.locked {
            let hasRoom = queue.pointee.room > 0
            senderWaits = !hasRoom
            return hasRoom
        }
    }

    /// The link begins in the midst of a run.
    func begin(after sent: Int) { lock.locked { self.sent.before = sent } }

    /// Nothing is sent by it any more, though its sender goes on.
    func cut(after sent: Int) {
        lock.locked { self.sent.until = sent }
        close()
        notifyTakers()
    }

    func close() {
        change { $0.close() }
        ended.store(true, ordering: .releasing)
    }

    // MARK: The taker's side

    var hasItems: Bool { waiting.load(ordering: .relaxed) > 0 }

    /// True when nothing more will come. `close` happens before, so no item can be missed.
    var isEnded: Bool { ended.load(ordering: .acquiring) && lock.locked { queue.pointee.isEnded } }

    /// What came out of a link.
    struct Taken {
        var count: Int
        /// The sender waits for the room.
        var wakesSender: Bool
        /// Some of it may be followed.
        var carries: Bool
    }

    /// Moves out what waits, `most` at most; and says whether the sender waits for the room. The batch's memory may be
    /// exchanged for the link's.
    func take(into batch: inout UnsafeMutablePointer<Slot>, _ most: Int, now: Int) -> Taken {
        let taken = change { queue in
            let (held, followed) = (queue.held, queue.followed)
            let count = queue.take(into: &batch, most, now: now)
            let wakesSender = senderWaits && queue.held < held
            if wakesSender { senderWaits = false }
            return Taken(count: count, wakesSender: wakesSender, carries: queue.followed < followed)
        }
        if isWatched { for watch in lock.locked({ watches }) { watch.look(at: batch, taken.count, now: now) } }
        if let left = plan.tap?.left {
            for index in 0..<taken.count where !batch[index].header.isGap {
                let header = batch[index].header
                left(header, PayloadType[header.kind].described(batch + index), Instant(nanoseconds: now))
            }
        }
        return taken
    }

    /// Whether somebody looks at what leaves: then it must come by here.
    var isWatched: Bool { watched.load(ordering: .relaxed) }

    func add(_ watch: LinkWatch) {
        lock.locked {
            watches.append(watch)
            watched.store(true, ordering: .relaxed)
        }
    }

    func remove(_ watch: LinkWatch) {
        lock.locked {
            watches.removeAll { $0 === watch }
            watched.store(!watches.isEmpty, ordering: .relaxed)
        }
    }

    /// Drops what waits, and with `forGood` all that comes; says whether the sender waits for the room.
    func discard(_ reason: DropReason, forGood: Bool) -> Bool {
        change { queue in
            if forGood { queue.die() } else { queue.discard(reason) }
            defer { senderWaits = false }
            return senderWaits
        }
    }

    /// Enters items that were sent and never offered. They stay with the caller.
    func abandon(_ slots: UnsafeMutablePointer<Slot>, _ number: Int, _ reason: DropReason) {
        lock.locked {
            let dropped = queue.pointee.books.dropped
            queue.pointee.abandon((0..<number).count { !slots[$0].header.isGap }, reason)
            for index in 0..<number { noteLoss(slots[index].header, reason) }
            noteDrops(since: dropped)
        }
    }

    // MARK: Items that are followed

    /// What was noted here after so many notes, and how many there have been.
    func notes(after earlier: Int) -> (notes: [ItemNote], total: Int) {
        lock.locked { (notes.after(earlier), notes.total) }
    }

    /// Whether the item waits here.
    func holds(_ item: FollowedItem) -> Bool { lock.locked { queue.pointee.holds(item) } }

    private func noteDrops(since before: DropCounts) {
        guard let tracer, queue.pointee.books.dropped != before else { return }
        let now = runner.time
        for (reason, count) in queue.pointee.books.dropped.nonZero where count > before[reason] {
            tracer.note(.drop(reason, items: count - before[reason]), name, from: now, to: now)
        }
    }

    // MARK: Numbers

    var numbers: LinkNumbers {
        // What went over without waiting here was counted by who took it, for whom this is the only link then.
        let passed = takers.isEmpty ? 0 : takers[0].with { node in node.numbersLock.locked { node.numbers.passedOver } }
        return lock.locked {
            var books = queue.pointee.books
            books.in += passed
            books.out += passed
            return LinkNumbers(
                name: plan.name,
                station: plan.station,
                from: plan.from,
                to: plan.to,
                isIntake: index < 0,
                books: books,
                capacity: policy.capacity,
                bytes: queue.pointee.heldBytes,
                isEnded: queue.pointee.isEnded,
                sentBefore: sent.before,
                sentUntil: sent.until
            )
        }
    }
}

/// The memory of all that waits in links, for graphs that limit it.
public final class MemoryMeter: Sendable {
    public let limit: Int
    private let bytes = Atomic<Int>(0)

    public init(limit: Int) { self.limit = limit }

    func add(_ change: Int) { bytes.add(change, ordering: .relaxed) }

    public var used: Int { bytes.load(ordering: .relaxed) }
    var isFull: Bool { used >= limit }
}
