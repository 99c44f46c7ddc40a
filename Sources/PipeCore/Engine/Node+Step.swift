// One step of a stage: events, then items, then what follows from the end of its inputs.
extension Node {
    /// What a step comes to, once it is known what there is to do.
    enum Undertaking {
        /// It has ended; `again` says that there is more to do at once.
        case over(again: Bool)
        /// Nothing is to be worked on now.
        case settle(more: Bool)
        /// Items stand in the inbox.
        case process
        /// A source may make so many.
        case produce(room: Int)
    }

    /// Does what there is to do, within bounds; true says that there is more.
    func step(now: Int) -> Bool {
        if let recorder { return recordedStep(recorder, now: now) }
        let undertaking = head(now)
        if case .over(let again) = undertaking { return again }
        return settleStep(now, more: perform(undertaking, now))
    }

    /// The beginning of a step: what was made leaves, what has happened is told, items are taken.
    func head(_ now: Int) -> Undertaking {
        if changes.areWaiting { applyToInputs() }
        guard phase != .closed else { return .over(again: false) }
        cell.pointee.now = now
        cell.pointee.stops = false
        cell.pointee.sampling.look(at: now, next: cell.pointee.sequence)
        if steppedAt == nil { steppedAt = now }
        guard flush() else { return .over(again: false) }
        if changes.areWaiting { applyToOutputs() }
        if phase == .closing {
            close()
            return .over(again: false)
        }
        if now < faults.stalledUntil {
            arm(at: faults.stalledUntil)
            return .over(again: false)
        }
        guard begin(now) else { return .over(again: phase == .closing) }
        deliverEvents(now)
        watch(now)
        guard now >= cell.pointee.busyUntil else {
            arm(at: cell.pointee.busyUntil)
            return .settle(more: false)
        }
        if mustRestart { return .settle(more: false) }
        return setup.isSource ? prepareProduction(now) : takeWork(now)
    }

    /// The work itself. It concerns nobody but the stage.
    func perform(_ undertaking: Undertaking, _ now: Int) -> Bool {
        switch undertaking {
        case .over(let again): return again
        case .settle(let more): return more
        case .process:
            process(now)
            return true
        case .produce(let room): return produce(room, now)
        }
    }

    /// What follows each step, whatever it did: failure, output, end, timers.
    func settleStep(_ now: Int, more: Bool) -> Bool {
        if mustRestart {
            mustRestart = false
            fail()
        }
        guard flush() else { return false }
        if cell.pointee.carries { carryNoMore() }
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
    func flush() -> Bool {
        let now = cell.pointee.now
        if cell.pointee.carries { noteSent() }
        if let ordering { return flush(over: ordering, now) }
        var isEmpty = true
        for port in 0..<outputs {
            let outbox = outboxes + port
            guard outbox.pointee.count > 0, !(follows && handOver(outbox, now: now)) else { continue }
            if !outbox.pointee.flush(now: now) { isEmpty = false }
        }
        return isEmpty
    }

    /// A replica's items leave in the order that all replicas share.
    func flush(over ordering: Ordering, _ now: Int) -> Bool {
        if let lane, !lane.finished.isEmpty || hasPending {
            ordering.hand(over: lane, outboxes)
            self.lane?.handedOver()
        }
        return ordering.flush(now: now)
    }

    // MARK: Beginning and failing

    /// Makes the instance where there is none; false where it is not time for that.
    func begin(_ now: Int) -> Bool {
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
            let made = isRecordedSource && recorder?.isReplaying ?? false ? .silent : setup.make(outboxes)
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
    func attempt(_ call: () throws -> Void) -> Bool {
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
    func fail() {
        let now = cell.pointee.now
        cell.pointee.failed += counted(cell.pointee.kept, .keptFailed)
        cell.pointee.kept = 0
        lane?.giveUp(all: false)
        cell.pointee.wake = .max
        cell.pointee.busyUntil = .min
        pausedInputs = []
        stepLimit = Self.batch
        body?.discard()
        body = nil
        mailbox.renew()
        pendingMail = []
        nextProduction = .min
        let reason = failure ?? "it failed"
        closeIntakes(.failed)
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
    func die() {
        phase = .closing
        noteInbox(.failed)
        cell.pointee.failed += counted(discardInbox(), .inboxFailed)
        if let ordering, !ordering.died() {
            log(.warning, "goes on with fewer replicas")
            return
        }
        for input in inputs {
            input.link.with { if $0.discard(.failed, forGood: true) { $0.notifySenders() } }
        }
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

    func deliverEvents(_ now: Int) {
        guard mailbox.hasMail || !pendingMail.isEmpty || now >= cell.pointee.wake || faults.isPending else { return }
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
        for letter in takeMail() {
            guard attempt({ try body.completed(letter.completion, context) }) else { return }
        }
        if now >= cell.pointee.wake {
            cell.pointee.wake = .max
            _ = attempt { try body.wake(context) }
        }
    }

    /// Where a run is recorded, what had come when the step began, and nothing that came since.
    private func takeMail() -> [Mailbox.Letter] {
        guard recorder != nil else { return mailbox.hasMail ? mailbox.take() : [] }
        defer { pendingMail = [] }
        return pendingMail
    }

    /// Says so when no item has come for longer than the graph expects.
    func watch(_ now: Int) {
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
}
