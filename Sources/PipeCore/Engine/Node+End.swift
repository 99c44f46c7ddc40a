// How a stage ends, and what others may read of it.
extension Node {
    // MARK: The end

    /// When all inputs have ended, tells the stage; when it is done with what it kept, closes. True when there is
    /// something to do at once.
    func finishIfEnded() -> Bool {
        if setup.isSource, !isStopping { return false }
        guard let body, inboxStart == inboxEnd else { return false }
        if !hasFinished {
            if setup.isSource {
                guard recorder == nil ? hasNoMoreToCome : mayFinish else { return false }
            } else {
                for port in 0..<setup.inputs where !endedInputs.contains(port) {
                    guard inputs.allSatisfy({ $0.port != port || $0.link.with { $0.isEnded } }) else { continue }
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
        guard setup.isSource || (mailbox.isIdle && pendingMail.isEmpty), cell.pointee.wake == .max else { return false }
        if cell.pointee.kept > 0 { log(.error, "ended with \(cell.pointee.kept) items that it kept") }
        phase = .closing
        return true
    }

    func close() {
        phase = .closed
        body?.discard()
        body = nil
        if logGate.untold > 0 { log(.info, "said \(logGate.untold) times more what stands above") }
        closeIntakes(.cancelled)
        let links = ordering.map { $0.closed() ? $0.links : [] } ?? outputLinks
        for link in links {
            link.close()
            link.notifyTakers()
        }
        publish()
        engine.closed(self)
    }

    /// No thread gets anything in any more; what waits is dropped. Another instance opens ways in of its own.
    func closeIntakes(_ reason: DropReason) {
        for intake in intakes {
            intake.close()
            _ = intake.link.discard(reason, forGood: false)
        }
        intakes = []
    }

    /// Stops at once, at the end of a run: what is held is dropped for this reason.
    func cancel(_ reason: DropReason) {
        let before = cell.pointee.dropped.total
        defer {
            let items = cell.pointee.dropped.total - before
            if items > 0 { tracer?.note(.cancelled(items: items), fullName, from: time, to: time) }
        }
        body?.discard()
        body = nil
        if let ordering { _ = flush(over: ordering, cell.pointee.now) }
        noteInbox(.dropped(reason))
        cell.pointee.drop(counted(discardInbox(), .inboxCancelled), reason)
        cell.pointee.drop(counted(cell.pointee.kept, .keptCancelled), reason)
        cell.pointee.kept = 0
        mailbox.renew()
        closeIntakes(reason)
        for port in 0..<outputs { outboxes[port].abandon(reason) }
        phase = .closed
        publish()
    }

    // MARK: Numbers

    /// Makes what has changed readable for others. `isReady` says that there is more to do at once.
    func publish(isReady: Bool = false) {
        let stance = stance(isReady: isReady)
        numbersLock.lock()
        if keepsBooks { publishBooks() }
        if !notes.isEmpty { publishNotes() }
        publishTimes(stance)
        if failure != nil { numbers.failure = failure }
        numbers.progress = progress
        numbers.pace = pace
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

    private func publishBooks() {
        numbers.busy = busy
        numbers.unseen = unseen
        numbers.books.in = cell.pointee.taken
        numbers.passedOver = passedOver
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
    }

    private func publishTimes(_ stance: Stance) {
        let end = max(cell.pointee.now, workedUntil)
        let began = steppedAt ?? end
        numbers.times.add(numbers.stance, began - numbers.standsSince)
        numbers.times.add(.working, end - began)
        (numbers.stance, numbers.standsSince) = (stance, end)
        steppedAt = nil
    }

    /// What the stage does from now on, until it is stepped again.
    private func stance(isReady: Bool) -> Stance {
        if hasPending { return .blocked }
        if case .restarting = phase { return .working }
        if cell.pointee.busyUntil > cell.pointee.now || faults.stalledUntil > cell.pointee.now { return .working }
        if isReady { return .ready }
        if setup.isSource { return room > 0 ? .idle : .blocked }
        if !pausedInputs.isEmpty, pausedInputs.count == setup.inputs { return .working }
        guard hasInput || inboxStart < inboxEnd else { return .idle }
        return room > 0 ? .ready : .blocked
    }

    /// Items of the batch that are still to be worked on.
    var waitingItems: Int {
        var items = 0
        var index = inboxStart
        while index < inboxEnd {
            if !inbox[index].header.isGap { items += 1 }
            index += 1
        }
        return items
    }

    var outputLinks: [Link] { (0..<outputs).flatMap { outboxes[$0].links.map(\.object) } }
    var hasPending: Bool {
        for port in 0..<outputs where outboxes[port].count > 0 { return true }
        return false
    }
}
