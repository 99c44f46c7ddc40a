import Testing

@testable import PipeCore

/// `LinkQueue` beside its model, over random sequences of what can happen to a link.
struct LinkQueueTests {
    /// `PIPE_LONG_TESTS` asks for more of everything that is drawn by chance.
    static let seeds: UInt64 = isLong ? 20_000 : 400

    @Test(arguments: WhenFull.allCases)
    func `a link does what its model does`(whenFull: WhenFull) {
        for seed in 0..<Self.seeds {
            var trial = LinkTrial(whenFull, seed: seed)
            guard let difference = trial.firstDifference(steps: 60) else { continue }
            Issue.record("\(difference)")
            return
        }
    }

    @Test func `an item that is larger than the link may hold passes alone`() {
        var policy = LinkPolicy()
        policy.maxBytes = ByteCount(100)
        var trial = LinkTrial(policy, leavesGaps: false, countsBytes: false)
        trial.apply(.offer([.item(.init(source: 1, sequence: 0, captured: 0, bytes: 5000))], copying: false))
        trial.apply(.offer([.item(.init(source: 1, sequence: 1, captured: 0, bytes: 1))], copying: false))
        #expect(trial.queue.books.held == 1)
        trial.apply(.take(1))
        #expect(trial.queue.books.out == 1)
        #expect(trial.finish() == nil)
    }

    @Test func `a source with just the allowed rate loses nothing to its jitter`() {
        var policy = LinkPolicy()
        policy.rate = Rate(perSecond: 30)
        policy.capacity = 1000
        var trial = LinkTrial(policy, leavesGaps: false, countsBytes: false)
        var chance = RandomSource(seed: 1)
        for frame in 0..<900 {
            let due = frame * 33_333_333
            trial.now = due + Int.random(in: 0...15_000_000, using: &chance)
            trial.apply(.offer([.item(.init(source: 1, sequence: frame, captured: due, bytes: 1))], copying: false))
        }
        #expect(trial.queue.books.dropped.total == 0)
        #expect(trial.finish() == nil)
    }
}

/// One queue and one model, to which the same happens.
struct LinkTrial {
    enum Step {
        case offer([LinkModel.Entry], copying: Bool)
        case take(Int)
        case wait(Int)
        case discard(DropReason)
        case abandon(Int, DropReason)
        case die
        case close
    }

    private let name: String
    private(set) var queue: LinkQueue
    private var model: LinkModel
    private let countsBytes: Bool
    var now = 0
    private var steps: [Step] = []
    private var chance: RandomSource
    private let census = Census()
    private var slots = UnsafeMutablePointer<Slot>.allocate(capacity: 64)

    // What the sender has sent, and what it could not hand over yet.
    private var sequences: [Int] = [0, 0]
    private var pending: [LinkModel.Entry] = []

    init(_ policy: LinkPolicy, leavesGaps: Bool, countsBytes: Bool, name: String = "", seed: UInt64 = 0) {
        self.name = name
        self.countsBytes = countsBytes || policy.maxBytes != nil
        queue = LinkQueue(policy, leavesGaps: leavesGaps, countsBytes: countsBytes)
        model = LinkModel(policy, leavesGaps: leavesGaps)
        chance = RandomSource(seed: seed)
    }

    init(_ whenFull: WhenFull, seed: UInt64) {
        var chance = RandomSource(seed: seed)
        var policy = LinkPolicy()
        policy.whenFull = whenFull
        policy.capacity = [1, 2, 3, 7, 30].any(&chance)
        policy.maxBytes = [nil, nil, ByteCount(1), ByteCount(300)].any(&chance)
        policy.maxAge = [nil, nil, .nanoseconds(0), .nanoseconds(60)].any(&chance)
        policy.skipFrames = [0, 0, 1, 4].any(&chance)
        policy.rate = [nil, nil, Rate(perSecond: 1e8), Rate(perSecond: 2e7)].any(&chance)
        self.init(
            policy,
            leavesGaps: [true, false].any(&chance),
            countsBytes: [true, false].any(&chance),
            name: "seed \(seed) of \(whenFull): \(policy)",
            seed: chance.next()
        )
    }

    /// Where queue and model part, with the steps that lead there; nil where they never do.
    mutating func firstDifference(steps number: Int) -> String? {
        for _ in 0..<number {
            if let difference = apply(draw()) {
                _ = finish()
                let list = steps.map { "\n  \($0)" }.joined()
                return "\(name), leaves gaps: \(model.leavesGaps)\n\(difference) after\(list)"
            }
        }
        return finish().map { "\(name): \($0)" }
    }

    private mutating func draw() -> Step {
        switch Int.random(in: 0..<100, using: &chance) {
        case 0..<45:
            let entries = pending + drawEntries()
            return .offer(entries, copying: hasForeignGap(entries) || [true, false].any(&chance))
        case 45..<75: return .take([1, 2, 5, 64].any(&chance))
        case 75..<95: return .wait([1, 4, 20, 90].any(&chance))
        case 95: return .discard(.cancelled)
        case 96, 97: return .abandon(Int.random(in: 0...3, using: &chance), .drainedLate)
        case 98: return steps.count > 40 ? .die : .wait(0)
        default: return steps.count > 50 ? .close : .wait(0)
        }
    }

    /// Gaps come to a link that leaves none only beside one that does, and then as copies.
    private func hasForeignGap(_ entries: [LinkModel.Entry]) -> Bool {
        !model.leavesGaps && entries.contains { if case .gap = $0 { true } else { false } }
    }

    private mutating func drawEntries() -> [LinkModel.Entry] {
        (0..<Int.random(in: 0...max(0, 8 - pending.count), using: &chance)).map { _ in
            let source = Int.random(in: 0...1, using: &chance)
            let first = sequences[source]
            guard chance.share() < 0.8 else {
                let count = Int.random(in: 1...3, using: &chance)
                sequences[source] += count
                return .gap(source: UInt32(source), first: first, count: count, [.notChosen, .overflow].any(&chance))
            }
            sequences[source] += 1
            return .item(
                .init(
                    source: UInt32(source),
                    sequence: first,
                    captured: now - [0, 0, 3, 50, 70].any(&chance),
                    bytes: [0, 1, 40, 400].any(&chance)
                )
            )
        }
    }

    /// Does the same to both; the difference that it made, if any.
    @discardableResult
    mutating func apply(_ step: Step) -> String? {
        steps.append(step)
        switch step {
        case .offer(let entries, let copying):
            let wanted = model.offer(entries, now: now)
            let accepted = offer(entries, copying: copying)
            pending = Array(entries.dropFirst(wanted))
            if accepted != wanted { return "took \(accepted), not \(wanted)" }
        case .take(let most):
            let wanted = model.take(most, now: now)
            let taken = take(most)
            if taken != wanted { return "gave \(taken), not \(wanted)" }
        case .wait(let time): now += time
        case .discard(let reason):
            model.discard(reason)
            queue.discard(reason)
        case .abandon(let count, let reason):
            model.abandon(count, reason)
            queue.abandon(count, reason)
        case .die:
            model.die()
            queue.die()
        case .close:
            model.close()
            queue.close()
        }
        return comparison
    }

    private var comparison: String? {
        if queue.books != model.books { return "books are \(queue.books), not \(model.books)" }
        if !queue.books.isBalanced { return "books do not balance: \(queue.books)" }
        if queue.count != model.waiting.count { return "holds \(queue.count) slots, not \(model.waiting.count)" }
        if countsBytes, queue.heldBytes != model.bytes { return "holds \(queue.heldBytes) bytes, not \(model.bytes)" }
        if queue.room != model.room { return "has room for \(queue.room), not \(model.room)" }
        if queue.isEnded != model.isEnded { return "is ended: \(queue.isEnded)" }
        if census.living != model.items.count { return "\(census.living) payloads live, not \(model.items.count)" }
        return nil
    }

    /// Ends the queue's life, which must end all payloads.
    mutating func finish() -> String? {
        queue.discard(.cancelled)
        queue.deallocate()
        slots.deallocate()
        return census.living == 0 ? nil : "\(census.living) payloads outlive their link"
    }

    // MARK: Slots

    private mutating func offer(_ entries: [LinkModel.Entry], copying: Bool) -> Int {
        for (index, entry) in entries.enumerated() { fill(slots + index, entry) }
        let accepted =
            copying
            ? queue.offer(slots, entries.count, copying: true, now: now)
            : queue.offer(batch: &slots, entries.count, now: now)
        for index in (copying ? 0 : accepted)..<entries.count { (slots + index).destroy() }
        return accepted
    }

    private func fill(_ slot: UnsafeMutablePointer<Slot>, _ entry: LinkModel.Entry) {
        switch entry {
        case .item(let item):
            slot.initialize(to: Slot(header: header(item.source, item.sequence, captured: item.captured)))
            // Alternately in place and in a box.
            if item.sequence % 2 == 0 {
                Tracked(value: item.sequence, token: census.token()).put(into: slot)
            } else {
                Bulky(value: item.sequence, token: census.token()).put(into: slot)
            }
            slot.pointee.header.bytes = item.bytes
        case .gap(let source, let first, let count, let reason):
            slot.initialize(to: Slot(gapAt: header(source, first, captured: 0), count: count, reason: reason))
        }
    }

    private func header(_ source: UInt32, _ sequence: Int, captured: Int) -> Header {
        Header(
            sequence: sequence,
            captured: Instant(nanoseconds: captured),
            sent: .zero,
            key: .none,
            source: source
        )
    }

    private mutating func take(_ most: Int) -> [LinkModel.Entry] {
        let count = queue.take(into: &slots, most, now: now)
        return (0..<count).map { index in
            let slot = slots + index
            defer { slot.destroy() }
            let header = slot.pointee.header
            if header.isGap {
                let gap = slot.pointee.gap
                return .gap(source: gap.source, first: gap.first, count: gap.count, gap.reason)
            }
            // The payload must be the one that the header speaks of.
            let value = PayloadType[header.kind].described(slot)
            return .item(
                .init(
                    source: header.source,
                    sequence: value == .integer(header.sequence) ? header.sequence : -1,
                    captured: header.captured.nanoseconds,
                    bytes: header.bytes
                )
            )
        }
    }
}
