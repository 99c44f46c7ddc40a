import Synchronization

// What a step does with items: makes them, takes them, works on them.
extension Node {
    /// What a source is to do now.
    func prepareProduction(_ now: Int) -> Undertaking {
        guard body != nil, !hasFinished else { return .settle(more: false) }
        if stopRequest.load(ordering: .relaxed) { isStopping = true }
        if isStopping { for intake in intakes { intake.close() } }
        if !intakes.isEmpty {
            if takeIntakes(now) { return .settle(more: true) }
            if intakes.allSatisfy(\.link.isEnded) { isStopping = true }
        }
        guard !isStopping, now >= nextProduction else {
            if nextProduction != .max, nextProduction > now, !isStopping {
                arm(at: nextProduction)
            }
            return .settle(more: false)
        }
        if let meter, meter.isFull, engine.isMemoryFull {
            engine.awaitMemory(self)
            return .settle(more: false)
        }
        let room = self.room
        guard room > 0 else { return .settle(more: !mustWaitForRoom()) }
        return .produce(room: room)
    }

    func produce(_ room: Int, _ now: Int) -> Bool {
        guard let calls else { return false }
        let before = cell.pointee.made
        var next = Production.later
        guard attempt({ next = try calls.with { try $0.produce(batch(room), context) } }) else { return false }
        if cell.pointee.made > before { lastItem = now }
        let after = time(after: cell.pointee.made - before)
        learnCost((after - now) / max(1, cell.pointee.made - before))
        busy += after - now
        workedUntil = after
        switch next {
        case .more: return true
        case .at(let time):
            nextProduction = time.nanoseconds
            pace.asks(for: nextProduction, after: cell.pointee.made)
            arm(at: nextProduction)
            return nextProduction <= now
        case .later:
            nextProduction = .min
            return false
        case .ended:
            isStopping = true
            return true
        }
    }

    /// A source that was told to stop, or has said that there will be no more, has sent on all that came.
    var hasNoMoreToCome: Bool { isStopping && intakes.allSatisfy(\.link.isEnded) }

    /// Sends on what threads of the source have pushed.
    func takeIntakes(_ now: Int) -> Bool {
        var isMoving = false
        for intake in intakes {
            let room = min(self.room, Self.batch)
            guard room > 0 else { return !mustWaitForRoom() }
            let taken = intake.link.take(into: &inbox, room, now: now)
            let count = taken.count
            if taken.carries { cell.pointee.carries = true }
            for index in 0..<count { outboxes[0].push { $0.moveInitialize(from: inbox + index, count: 1) } }
            outboxes[0].sent += counted(count, .intakeSent)
            cell.pointee.made += counted(count, .intakeMade)
            if taken.wakesSender { intake.madeRoom() }
            if count > 0 {
                isMoving = true
                lastItem = now
            }
        }
        return isMoving
    }

    var room: Int {
        if let ordering { return min(Self.batch, ordering.room) }
        var room = Self.batch
        for port in 0..<outputs { room = min(room, outboxes[port].room) }
        return room
    }

    func mustWaitForRoom() -> Bool {
        if let ordering { return ordering.mustWait() }
        var mustWait = false
        for port in 0..<outputs where outboxes[port].mustWait() { mustWait = true }
        return mustWait
    }

    /// Takes what there is to be worked on.
    func takeWork(_ now: Int) -> Undertaking {
        guard body != nil else { return .settle(more: false) }
        if inboxStart < inboxEnd { return .process }
        guard !inputs.isEmpty else { return .settle(more: false) }
        let room = self.room
        guard room > 0 else { return .settle(more: !mustWaitForRoom()) }
        guard let input = nextInput() else { return .settle(more: false) }
        // A link that may drop keeps what waits, so that it can; a slow stage takes what it can do in a short time.
        let cost = cost.load(ordering: .relaxed)
        let affordable = max(1, 100_000 / max(1, cost))
        let (taken, items, link) = input.link.with { link in
            let most = cost > 1000 && link.policy.mayDrop ? 1 : min(room, affordable)
            let taken = take(link, batch(min(most, stepLimit)), now)
            if taken.wakesSender { link.notifySenders() }
            if ordering != nil, link.isEnded { link.notifyTakers() }  // this replica took the last items
            let count = taken.count
            let items = link.leavesGaps ? (0..<count).count { !inbox[$0].header.isGap } : count
            return (taken, items, (index: link.index, isInOrder: link.isInOrder))
        }
        guard taken.count > 0 else { return .settle(more: hasInput) }
        took(taken.count, from: input.port, items: items, inOrder: link.isInOrder, now: now)
        if taken.carries { welcome(taken.count, from: link.index, now: now) }
        return .process
    }

    func take(_ link: Link, _ most: Int, _ now: Int) -> Link.Taken {
        guard let ordering else { return link.take(into: &inbox, most, now: now) }
        let (taken, tickets) = ordering.take(link, into: &inbox, most, now: now)
        lane?.took(tickets)
        return taken
    }

    /// A whole batch stands in the inbox, which the stage before sent in one step.
    func tookOver(_ count: Int, sentAt: Int, now: Int) {
        (inboxStart, inboxEnd, inboxInput) = (0, count, 0)
        lastItem = now
        cell.pointee.taken += counted(count, .stageTook)
        tracer?.note(.wait(items: count), fullName, from: sentAt, to: now)
        guard looks(at: count, now) else { return }
        waits.record(now - sentAt, times: count)
        if isSink { recordLatencies(count, now) }
    }

    /// A batch stands in the inbox. `inOrder` says that it holds items only, and none that was sent before the one ahead.
    func took(_ count: Int, from port: Int, items: Int, inOrder: Bool, now: Int) {
        (inboxStart, inboxEnd, inboxInput) = (0, count, port)
        lastItem = now
        cell.pointee.taken += counted(items, .stageTook)
        guard looks(at: items, now) else { return }
        recordWaits(count, inOrder: inOrder, now)
        if isSink { recordLatencies(count, now) }
    }

    // MARK: Times

    /// Whether the times of a batch of so many items are looked at; if not, they count as those of the last that was.
    private func looks(at items: Int, _ now: Int) -> Bool {
        guard keepsBooks, observes else { return false }
        isLooking = glances.looks(at: now)
        if !isLooking { unseen.taken += items } else if !unseen.isEmpty { enterUnseen() }
        return isLooking
    }

    /// A reader finds them in the numbers or in the histograms, and never in both.
    private func enterUnseen() {
        numbersLock.locked {
            waits.recordMore(times: unseen.taken)
            services.recordMore(times: unseen.done)
            unseen.latencies?.recordMore(times: unseen.taken)
            (unseen.taken, unseen.done) = (0, 0)
            numbers.unseen = unseen
        }
    }

    private func recordWaits(_ count: Int, inOrder: Bool, _ now: Int) {
        let slots = inbox
        var index = 0
        while index < count {
            let first = slots + index
            let sent = first.pointee.header.sent
            if inOrder {
                index = slots.endOfSent(sent, from: index, count)
            } else {
                index += 1
                while index < count, slots[index].header.sent == sent,
                    slots[index].header.isGap == first.pointee.header.isGap
                {
                    index += 1
                }
            }
            guard inOrder || !first.pointee.header.isGap else { continue }
            let items = slots + index - first
            waits.record(now &- sent.nanoseconds, times: items)
            tracer?.note(.wait(items: items), fullName, from: sent.nanoseconds, to: now)
        }
    }

    private func recordLatencies(_ count: Int, _ now: Int) {
        var first = inbox
        let end = first + count
        var most = 0
        while first < end {
            let (captured, kinship) = (first.pointee.header.captured.nanoseconds, first.kinship)
            var next = first + 1
            while next < end, next.pointee.header.captured.nanoseconds == captured, next.kinship == kinship {
                next += 1
            }
            if !first.pointee.header.isGap {
                let source = first.pointee.header.source
                let histogram = latencies[source] ?? numbersLock.locked { latencies.add(source) }
                histogram.record(now &- captured, times: next - first)
                if next - first > most { (most, unseen.latencies) = (next - first, histogram) }
            }
            first = next
        }
    }

    var hasRoomForBatch: Bool { room >= Self.batch || setup.outputs == 0 }

    var hasInput: Bool {
        inputs.contains { $0.link.with { $0.hasItems } && !pausedInputs.contains($0.port) }
    }

    /// The link to take from: of those that hold something the one of the highest priority, in turn where several have
    /// it. Links stand in order of priority.
    func nextInput() -> InputLink? {
        if inputs.count == 1 { return inputs[0].link.with { $0.hasItems } && pausedInputs.isEmpty ? inputs[0] : nil }
        var best: Int?
        for offset in 0..<inputs.count {
            let index = (turn + offset) % inputs.count
            let input = inputs[index]
            guard input.link.with({ $0.hasItems }), !pausedInputs.contains(input.port) else { continue }
            if best.map({ inputs[$0].priority < input.priority }) ?? true { best = index }
        }
        guard let best else { return nil }
        turn = best + 1
        return inputs[best]
    }

    func process(_ now: Int) {
        guard let calls else { return }
        cell.pointee.input = inboxInput
        let slots = inbox + inboxStart
        var number = inboxEnd - inboxStart
        if faults.slow > 0 || faults.errorShare > 0 { number = disturbItems(slots, now) }
        guard number > 0 else { return }
        let done = calls.with { $0.process(slots, number, context) }
        inboxStart += done
        let after = time(after: done)
        let each = (after - now) / max(1, done)
        learnCost(each)
        busy += after - now
        if done > 0, keepsBooks, observes {
            if isLooking { services.record(each, times: done) } else { unseen.done += done }
        }
        workedUntil = after
        if !visitors.isEmpty { noteWork(until: after) }
    }

    private func learnCost(_ each: Int) {
        let known = cost.load(ordering: .relaxed)
        cost.store(known == Self.unknownCost ? each : (known * 3 + each) / 4, ordering: .relaxed)
    }

    /// Applies the faults of a test to the next item; returns how many may be worked on.
    func disturbItems(_ slots: UnsafeMutablePointer<Slot>, _ now: Int) -> Int {
        if faults.slow > 0 { context.busy(for: .nanoseconds(faults.slow)) }
        guard faults.errorShare > 0, !slots.pointee.header.isGap, cell.pointee.random.share() < faults.errorShare else {
            return 1
        }
        context.open(slots)
        slots.destroy()
        inboxStart += 1
        failed(1, StageError("failed by the test"))
        cell.pointee.forget()
        markItem()
        return 0
    }
}
