import Synchronization

// When a stage is stepped, and by whom: by a worker, or with the stage before it.
extension Node {
    // MARK: Scheduling

    enum Schedule {
        static let idle: UInt8 = 0
        static let queued: UInt8 = 1
        static let running: UInt8 = 2
        static let runningAgain: UInt8 = 3
        /// The stage before it steps it too.
        static let absorbed: UInt8 = 4
    }

    /// Says that there may be something to do. Any thread may say so, at any time.
    func notify() {
        // What the caller has done must be seen by a run that begins after this has found the stage queued already.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        var current = schedule.load(ordering: .acquiring)
        while true {
            let wanted: UInt8
            switch current {
            case Schedule.idle: wanted = Schedule.queued
            case Schedule.running: wanted = Schedule.runningAgain
            case Schedule.absorbed:
                // What the caller has done must be seen by who lets this stage go, or the caller must see that it was.
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                current = schedule.load(ordering: .sequentiallyConsistent)
                if current == Schedule.absorbed { return leader?.with { $0.notify() } ?? () }
                continue
            default: return
            }
            let (done, seen) = schedule.compareExchange(
                expected: current,
                desired: wanted,
                ordering: .acquiringAndReleasing
            )
            if done {
                if wanted == Schedule.queued { runner.ready(self) }
                return
            }
            current = seen
        }
    }

    /// Steps the stage, and those behind it that it has absorbed; true says that it is to be queued again. The caller took
    /// it from the queue.
    func run(now: Int) -> Bool {
        _ = schedule.exchange(Schedule.running, ordering: .acquiringAndReleasing)
        runsSince.store(now, ordering: .relaxed)
        var again = stepChain(now: now)
        var rounds = 1
        while again, follows || hasRest, rounds < Self.mostRounds {
            again = stepChain(now: time)
            rounds += 1
        }
        publishAll(isReady: again)
        runsSince.store(.min, ordering: .relaxed)
        reviewFollowers()
        if letItselfBeAbsorbed() { return false }
        if !again,
            schedule.compareExchange(
                expected: Schedule.running,
                desired: Schedule.idle,
                ordering: .acquiringAndReleasing
            ).exchanged
        {
            return false
        }
        schedule.store(Schedule.queued, ordering: .releasing)
        return true
    }

    // MARK: Fusion

    /// Batches that a fused chain, or a stage with more before it, works on before others get their turn.
    private static let mostRounds = 8
    /// Up to this cost of an item, handing it to another worker costs more than the work.
    private static let cheap = 1_500

    private func stepChain(now: Int) -> Bool {
        let again = tracer.map { tracedStep($0, now: now) } ?? step(now: now)
        guard isFollowed(), let follower else { return again }
        let then = max(now, cell.pointee.now, workedUntil)
        let isBehindAgain = follower.with { $0.stepChain(now: then) }
        return again || isBehindAgain
    }

    private func publishAll(isReady: Bool) {
        publish(isReady: isReady)
        if follows { follower?.with { $0.publishAll(isReady: isReady) } }
    }

    /// Whether the stage behind is stepped with this one: it takes it up as soon as that has let itself be absorbed. A
    /// batch then goes over as it stands, without a queue.
    private func isFollowed() -> Bool {
        if !follows, let follower {
            follows = follower.with { $0.schedule.load(ordering: .acquiring) == Schedule.absorbed }
        }
        return follows
    }

    /// Lets the stage behind go when one of the two is not cheap any more; and so on along the chain.
    private func reviewFollowers() {
        guard follows, let follower else { return }
        follower.with { next in
            next.reviewFollowers()
            guard !next.isCheap(than: 2 * Self.cheap) || !isCheap(than: 2 * Self.cheap) || next.isOver else { return }
            follows = false
            next.schedule.store(Schedule.queued, ordering: .sequentiallyConsistent)
            runner.ready(next)
        }
    }

    /// Leaves the stepping to the stage before, while both are cheap. That is told at once, since there may be work.
    private func letItselfBeAbsorbed() -> Bool {
        guard let leader, phase == .running, isCheap(than: Self.cheap),
            leader.with({ $0.isCheap(than: Self.cheap) }), runner.mayFuse
        else { return false }
        schedule.store(Schedule.absorbed, ordering: .sequentiallyConsistent)
        leader.with { $0.notify() }
        return true
    }

    /// Something waits that was left by the last step. Each stage in turn takes a batch, so that what once was too much
    /// for that would stand in the link as long as the run.
    private var hasRest: Bool { realStart != nil && !setup.isSource && hasInput && isCheap(than: Self.cheap) }

    private func isCheap(than limit: Int) -> Bool { cost.load(ordering: .relaxed) <= limit }

    /// Gives a whole batch to the stage behind, if it can work on it now: the two exchange their memory.
    func handOver(_ outbox: UnsafeMutablePointer<Outbox>, now: Int) -> Bool {
        guard follows, let follower, outbox.pointee.isWhole else { return false }
        return follower.with { follower in
            guard follower.canTakeBatch(now) else { return false }
            let (number, sentAt) = (outbox.pointee.count, outbox.pointee.sentAt)
            outbox.pointee.exchange(&follower.inbox)
            // What this stage has worked through is still in the processor's cache: the one behind writes there.
            if inboxStart == inboxEnd, follower.outputs > 0, follower.outboxes.pointee.isEmptyAndWhole {
                follower.outboxes.pointee.exchange(&inbox)
            }
            follower.passedOver += number
            follower.tookOver(number, sentAt: sentAt, now: now)
            if cell.pointee.carries {
                let link = follower.inputs[0].link.with(\.index)
                for row in leavers { follower.welcome(row, from: link, now: now) }
            }
            return true
        }
    }

    private func canTakeBatch(_ now: Int) -> Bool {
        phase == .running && inboxStart == inboxEnd && stepLimit == Self.batch && now >= cell.pointee.busyUntil
            && now >= faults.stalledUntil
            && pausedInputs.isEmpty && !inputs[0].link.with { $0.hasItems || $0.isWatched }
            && hasRoomForBatch
    }

    /// Lets a later stage follow this one, where it can: one link leads from one to the other, nothing else does, and it
    /// has nothing to decide.
    static func join(_ node: Node, by link: Link, _ next: Node) {
        // What leads into stations and out of them changes while the graph runs.
        guard node.setup.station == next.setup.station, node.ordering == nil, next.ordering == nil,
            node.setup.outputs == 1, next.inputs.count == 1,
            node.outboxes[0].links.count == 1, link.isPlain, link.plan.tap == nil, !next.setup.isSource, next !== node
        else { return }
        node.follower = Uncounted(next)
        next.leader = Uncounted(node)
    }
}
