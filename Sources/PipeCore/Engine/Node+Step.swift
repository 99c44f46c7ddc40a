import Synchronization

// One step of a stage: events, then items, then what follows from the end of its inputs.
extension Node {
    /// Does what there is to do, within bounds; true says that there is more.
    func step(now: Int) -> Bool {
        guard phase != .closed else { return false }
        cell.pointee.now = now
        cell.pointee.stops = false
        defer { publish() }
        guard flush() else { return false }
        if phase == .closing {
            close()
            return false
        }
        if now < faults.stalledUntil {
            arm(at: faults.stalledUntil)
            return false
        }
        guard begin(now) else { return phase == .closing }
        deliverEvents(now)
        watch(now)
        guard now >= cell.pointee.busyUntil else {
            arm(at: cell.pointee.busyUntil)
            return settleStep(now, more: false)
        }
        if mustRestart { return settleStep(now, more: false) }
        return settleStep(now, more: setup.isSource ? produce(now) : work(now))
    }

    /// What follows each step, whatever it did: failure, output, end, timers.
    private func settleStep(_ now: Int, more: Bool) -> Bool {
        if mustRestart {
            mustRestart = false
            fail()
        }
        guard flush() else { return false }
        if phase == .closing { return true }
        guard phase == .running else { return false }
        if !more, finishIfEnded() { return true }
        if cell.pointee.wake != .max { arm(at: cell.pointee.wake) }
        if cell.pointee.busyUntil > now {
            arm(at: cell.pointee.busyUntil)
            return false
        }
        return more
    }

    /// Offers what was sent to the links; true when all is gone.
    private func flush() -> Bool {
        let now = cell.pointee.now
        if lane != nil { return flushLane(now) }
        var isEmpty = true
        for port in 0..<outputs {
            let outbox = outboxes + port
            guard outbox.pointee.count > 0, !(follows && handOver(outbox, now: now)) else { continue }
            if !outbox.pointee.flush(now: now, told: { engine.takers(of: $0) }) { isEmpty = false }
        }
        return isEmpty
    }

    private func flushLane(_ now: Int) -> Bool {
        guard let lane else { return true }
        if !lane.finished.isEmpty || hasPending {
            lane.ordering.hand(over: lane, outboxes)
            self.lane?.handedOver()
        }
        return lane.ordering.flush(now: now) { engine.takers(of: $0) }
    }

    // MARK: Beginning and failing

    /// Makes the instance where there is none; false where it is not time for that.
    private func begin(_ now: Int) -> Bool {
        switch phase {
        case .running: return true
        case .closing, .closed: return false
        case .restarting(let time) where now < time:
            arm(at: time)
            return false
        case .new, .restarting:
            if phase != .new { restartCount += 1 }
            // The new instance is told of the end of its inputs as the one before it was.
            endedInputs = []
            hasFinished = false
            phase = .running
            let made = setup.make(outboxes)
            body = made
            lastItem = now
            guard attempt({ try made.start(context) }) else {
                mustRestart = false
                fail()
                return false
            }
            return true
        }
    }

    /// Calls the stage outside of the loop over items. False when it failed as a whole.
    private func attempt(_ call: () throws -> Void) -> Bool {
        do {
            try call()
        } catch {
            let open = cell.pointee.open
            failed(open, error)
            if open == 0 { mustRestart = true }
        }
        cell.pointee.settle()
        lane?.finishCall(outboxes, nowKept: cell.pointee.kept)
        return !mustRestart
    }

    /// The instance is given up. What it kept is lost, and said to be.
    private func fail() {
        let now = cell.pointee.now
        cell.pointee.failed += counted(cell.pointee.kept, .keptFailed)
        cell.pointee.kept = 0
        lane?.giveUp(all: false)
        cell.pointee.wake = .max
        cell.pointee.busyUntil = .min
        pausedInputs = []
        body?.discard()
        body = nil
        mailbox.renew()
        nextProduction = .min
        let reason = failure ?? "it failed"
        for intake in intakes {
            intake.close()
            _ = intake.link.discard(.failed, forGood: true)
        }
        if let restart = setup.restart, !isStopping || !setup.isSource {
            restarts.removeAll { $0 <= now - restart.per.nanoseconds }
            if restarts.count < restart.max {
                let wait = restart.backoff.nanoseconds << min(restarts.count, 20)
                restarts.append(now)
                phase = .restarting(at: now + max(0, min(wait, 3_600_000_000_000)))
                if case .restarting(let time) = phase { arm(at: time) }
                log(.warning, "failed, and is started anew: \(reason)")
                return
            }
            if restart.max > 0 {
                log(.error, "failed \(restart.max + 1) times within \(restart.per.text): \(reason)")
            } else {
                log(.error, "failed: \(reason)")
            }
        } else {
            log(.error, "failed: \(reason)")
        }
        die()
    }

    /// The stage will never run again. Its neighbours go on: what comes for it is dropped, what it sent still leaves.
    private func die() {
        phase = .closing
        cell.pointee.failed += counted(discardInbox(), .inboxFailed)
        if let lane, !lane.ordering.died() {
            log(.warning, "goes on with fewer replicas")
            return
        }
        for input in inputs where input.link.discard(.failed, forGood: true) { engine.senders(of: input.link) }
        engine.died(self)
    }

    /// Ends what was taken and not worked on; returns how many items that were.
    func discardInbox() -> Int {
        lane?.giveUp(all: true)
        var items = 0
        for index in inboxStart..<inboxEnd {
            if !inbox[index].header.isGap { items += 1 }
            (inbox + index).destroy()
        }
        (inboxStart, inboxEnd) = (0, 0)
        return items
    }

    // MARK: Events

    private func deliverEvents(_ now: Int) {
        guard let body else { return }
        if faults.kill {
            faults.kill = false
            failure = "killed by the test"
            mustRestart = true
            return
        }
        while faults.isDisturbed, !faults.disturbances.isEmpty {
            let disturbance = faults.disturbances.removeFirst()
            guard attempt({ try body.disturb(disturbance, context) }) else { return }
        }
        for completion in mailbox.hasMail ? mailbox.take() : [] {
            guard attempt({ try body.completed(completion, context) }) else { return }
        }
        if now >= cell.pointee.wake {
            cell.pointee.wake = .max
            _ = attempt { try body.wake(context) }
        }
    }

    /// Says so when no item has come for longer than the graph expects.
    private func watch(_ now: Int) {
        guard let limit = setup.expectItemWithin?.nanoseconds, !hasFinished else { return }
        let due = lastItem + limit
        if now < due {
            if isStalled {
                isStalled = false
                log(.info, "items come again")
            }
            arm(at: due, isWatch: true)
        } else if !isStalled {
            isStalled = true
            stallCount += 1
            log(.warning, "has had no item for \(setup.expectItemWithin?.text ?? "")")
        }
    }

    // MARK: Items

    private func produce(_ now: Int) -> Bool {
        guard let body, !hasFinished else { return false }
        if stopRequest.load(ordering: .relaxed) { isStopping = true }
        if isStopping { for intake in intakes { intake.close() } }
        if takeIntakes(now) { return true }
        if !intakes.isEmpty, intakes.allSatisfy(\.link.isEnded) { isStopping = true }
        guard !isStopping, let produce = body.produce, now >= nextProduction else {
            if nextProduction != .max, nextProduction > now, !isStopping {
                arm(at: nextProduction)
            }
            return false
        }
        if engine.isMemoryFull {
            engine.awaitMemory(self)
            return false
        }
        let room = self.room
        guard room > 0 else { return !mustWaitForRoom() }
        let before = cell.pointee.made
        var next = Production.later
        guard attempt({ next = try produce(runner.batch(room), context) }) else { return false }
        if cell.pointee.made > before { lastItem = now }
        let after = runner.spent(on: cell.pointee.made - before)
        learnCost(after - now, of: cell.pointee.made - before)
        worked = (after - now, 0)
        workedUntil = after
        switch next {
        case .more: return true
        case .at(let time):
            nextProduction = time.nanoseconds
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

    /// Sends on what threads of the source have pushed.
    private func takeIntakes(_ now: Int) -> Bool {
        var isMoving = false
        for intake in intakes {
            let room = min(self.room, Self.batch)
            guard room > 0 else { return !mustWaitForRoom() }
            let (count, makesRoom) = intake.link.take(into: inbox, room, now: now)
            for index in 0..<count { outboxes[0].push().moveInitialize(from: inbox + index, count: 1) }
            outboxes[0].sent += counted(count, .intakeSent)
            cell.pointee.made += counted(count, .intakeMade)
            if makesRoom { intake.madeRoom() }
            if count > 0 {
                isMoving = true
                lastItem = now
            }
        }
        return isMoving
    }

    private var room: Int {
        if let lane { return min(Self.batch, lane.ordering.room) }
        var room = Self.batch
        for port in 0..<outputs { room = min(room, outboxes[port].room) }
        return room
    }

    private func mustWaitForRoom() -> Bool {
        if let lane { return lane.ordering.mustWait() }
        var mustWait = false
        for port in 0..<outputs where outboxes[port].mustWait() { mustWait = true }
        return mustWait
    }

    private func work(_ now: Int) -> Bool {
        guard body != nil else { return false }
        if inboxStart < inboxEnd {
            process(now)
            return true
        }
        guard !inputs.isEmpty else { return false }
        let room = self.room
        guard room > 0 else { return !mustWaitForRoom() }
        guard let input = nextInput() else { return false }
        // A link that may drop keeps what waits, so that it can; a slow stage takes what it can do in a short time.
        let cost = cost.load(ordering: .relaxed)
        let affordable = max(1, 100_000 / max(1, cost))
        let most = input.link.policy.mayDrop && cost > 1000 ? 1 : min(room, affordable)
        let wanted = runner.batch(min(most, Self.batch))
        let (count, wakesSender) = take(input.link, wanted, now)
        if wakesSender { engine.senders(of: input.link) }
        if lane != nil, input.link.isEnded { engine.takers(of: input.link) }  // this replica took the last items
        guard count > 0 else { return hasInput }
        let items = input.link.leavesGaps ? (0..<count).count { !inbox[$0].header.isGap } : count
        took(count, from: input.port, items: items, now: now)
        process(now)
        return true
    }

    private func take(_ link: Link, _ most: Int, _ now: Int) -> (count: Int, wakesSender: Bool) {
        guard let lane else { return link.take(into: inbox, most, now: now) }
        let (count, wakesSender, tickets) = lane.ordering.take(link, into: inbox, most, now: now)
        self.lane?.took(tickets)
        return (count, wakesSender)
    }

    /// A batch stands in the inbox.
    func took(_ count: Int, from port: Int, items: Int, now: Int) {
        (inboxStart, inboxEnd, inboxInput) = (0, count, port)
        lastItem = now
        cell.pointee.taken += counted(items, .stageTook)
        numbersLock.locked {
            numbers.recordWaits(inbox, count, now: now)
            if isSink { numbers.recordLatencies(inbox, count, now: now) }
        }
    }

    var hasRoomForBatch: Bool { room >= Self.batch || setup.outputs == 0 }

    private var hasInput: Bool {
        inputs.contains { $0.link.hasItems && !pausedInputs.contains($0.port) }
    }

    /// The link to take from: of those that hold something the one of the highest priority, in turn where several have
    /// it. Links stand in order of priority.
    private func nextInput() -> InputLink? {
        if inputs.count == 1 { return inputs[0].link.hasItems && pausedInputs.isEmpty ? inputs[0] : nil }
        var best: Int?
        for offset in 0..<inputs.count {
            let index = (turn + offset) % inputs.count
            let input = inputs[index]
            guard input.link.hasItems, !pausedInputs.contains(input.port) else { continue }
            if best.map({ inputs[$0].link.policy.priority < input.link.policy.priority }) ?? true { best = index }
        }
        guard let best else { return nil }
        turn = best + 1
        return inputs[best]
    }

    private func process(_ now: Int) {
        guard let body else { return }
        cell.pointee.input = inboxInput
        let slots = inbox + inboxStart
        var number = inboxEnd - inboxStart
        if faults.slow > 0 || faults.errorShare > 0 { number = disturbItems(slots, now) }
        guard number > 0 else { return }
        let done = body.process(slots, number, context)
        inboxStart += done
        let after = runner.spent(on: done)
        learnCost(after - now, of: done)
        worked = (after - now, done)
        workedUntil = after
    }

    private func learnCost(_ time: Int, of items: Int) {
        let each = time / max(1, items)
        let known = cost.load(ordering: .relaxed)
        cost.store(known == Self.unknownCost ? each : (known * 3 + each) / 4, ordering: .relaxed)
    }

    /// Applies the faults of a test to the next item; returns how many may be worked on.
    private func disturbItems(_ slots: UnsafeMutablePointer<Slot>, _ now: Int) -> Int {
        if faults.slow > 0 { context.busy(for: .nanoseconds(faults.slow)) }
        guard faults.errorShare > 0, !slots.pointee.header.isGap, cell.pointee.random.share() < faults.errorShare else {
            return 1
        }
        cell.pointee.open = 1
        if cell.pointee.savesItems { cell.pointee.save(slots) }
        slots.destroy()
        inboxStart += 1
        failed(1, StageError("failed by the test"))
        cell.pointee.forget()
        markItem()
        return 0
    }

    // MARK: The end

    /// When all inputs have ended, tells the stage; when it is done with what it kept, closes. True when there is
    /// something to do at once.
    private func finishIfEnded() -> Bool {
        guard let body, inboxStart == inboxEnd else { return false }
        if !hasFinished {
            if setup.isSource {
                guard isStopping, intakes.allSatisfy(\.link.isEnded) else { return false }
            } else {
                for port in 0..<setup.inputs where !endedInputs.contains(port) {
                    guard inputs.allSatisfy({ $0.port != port || $0.link.isEnded }) else { continue }
                    endedInputs.insert(port)
                    guard attempt({ try body.ended(port, context) }) else { return true }
                }
                guard endedInputs.count == setup.inputs else { return false }
            }
            hasFinished = true
            cell.pointee.wake = .max  // what it still wants to be called for, it says now
            guard attempt({ try body.finish(context) }) else { return true }
            return true
        }
        // What a source has asked for and will not use any more need not be waited for.
        guard setup.isSource || mailbox.isIdle, cell.pointee.wake == .max else { return false }
        if cell.pointee.kept > 0 { log(.error, "ended with \(cell.pointee.kept) items that it kept") }
        phase = .closing
        return true
    }

    private func close() {
        phase = .closed
        body?.discard()
        body = nil
        for intake in intakes {
            intake.close()
            _ = intake.link.discard(.cancelled, forGood: true)
        }
        intakes = []
        let links = lane.map { $0.ordering.closed() ? $0.ordering.links : [] } ?? outputLinks
        for link in links {
            link.close()
            engine.takers(of: link)
        }
        engine.closed(self)
    }

    /// Stops at once, at the end of a run: what is held is dropped for this reason.
    func cancel(_ reason: DropReason) {
        body?.discard()
        body = nil
        if lane != nil { _ = flushLane(cell.pointee.now) }
        cell.pointee.drop(counted(discardInbox(), .inboxCancelled), reason)
        cell.pointee.drop(counted(cell.pointee.kept, .keptCancelled), reason)
        cell.pointee.kept = 0
        mailbox.renew()
        for intake in intakes {
            intake.close()
            _ = intake.link.discard(reason, forGood: false)
        }
        intakes = []
        if lane != nil {
            _ = flushLane(cell.pointee.now)
        } else {
            for port in 0..<outputs { outboxes[port].abandon(reason) }
        }
        phase = .closed
        publish()
    }

    // MARK: Numbers

    /// Makes what the step has changed readable for others.
    private func publish() {
        numbersLock.lock()
        recordWork()
        numbers.books.in = cell.pointee.taken
        numbers.books.done = cell.pointee.done
        numbers.books.failed = cell.pointee.failed
        numbers.books.made = cell.pointee.made
        numbers.books.held = cell.pointee.kept + waitingItems
        numbers.books.sent = 0
        for port in 0..<outputs {
            numbers.sent[port] = outboxes[port].sent
            numbers.books.sent += outboxes[port].sent
        }
        if cell.pointee.hasDropped { numbers.books.dropped = cell.pointee.dropped }
        if failure != nil { numbers.failure = failure }
        numbers.restarts = restartCount
        numbers.stalls = stallCount
        numbers.state =
            switch phase {
            case .new, .running: hasPending ? .blocked : isStalled ? .stalled : .running
            case .restarting: .restarting
            case .closing, .closed: body == nil && failure != nil && !hasFinished ? .failed : .ended
            }
        numbersLock.unlock()
    }

    /// Items of the batch that are still to be worked on.
    private var waitingItems: Int {
        var items = 0
        var index = inboxStart
        while index < inboxEnd {
            if !inbox[index].header.isGap { items += 1 }
            index += 1
        }
        return items
    }

    private func recordWork() {
        numbers.busy += worked.time
        if worked.items > 0 { numbers.service.record(worked.time / worked.items, times: worked.items) }
        worked = (0, 0)
    }

    private var outputLinks: [Link] { (0..<outputs).flatMap { outboxes[$0].links.map(\.link) } }
    private var hasPending: Bool {
        for port in 0..<outputs where outboxes[port].count > 0 { return true }
        return false
    }
}
