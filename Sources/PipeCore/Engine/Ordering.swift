/// What the replicas of a stage share: the way in, the way out, and the order of each key.
///
/// A replica takes items with a ticket each. What it makes of an item leaves when all tickets of the same key before it
/// have left; other keys do not wait. So a slow item holds up its own key only, and the order within a key is that of the
/// link it came by.
final class Ordering: @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private let cell: UnsafeMutablePointer<Cell>
    /// The outputs of the stage as a whole.
    private let outboxes: UnsafeMutablePointer<Outbox>
    private let ports: Int
    private var tickets: [Ticket] = []
    private var unused: [Int] = []
    private var queues: [Key: Queue] = [:]
    /// Tickets that are out. A bound, so that a slow item of one key cannot pile up what waits behind it.
    private var issued = 0
    private let most: Int
    private(set) var lanes: [Node] = []
    private var living = 0
    private var open = 0

    private struct Ticket {
        var key: Key
        var next = -1
        var isDone = false
        /// What was made of the item, by port, where it must wait.
        var made: [(port: Int, slot: UnsafeMutablePointer<Slot>)] = []
    }

    private struct Queue {
        var first: Int
        var last: Int
    }

    init(_ stage: StagePlan, links: [[Link]]) {
        ports = links.count
        cell = .allocate(capacity: 1)
        cell.initialize(to: Cell(source: 0, seed: 0))
        cell.pointee.carries = true
        outboxes = .allocate(capacity: max(1, ports))
        for (port, links) in links.enumerated() { (outboxes + port).initialize(to: Outbox(links: links, cell: cell)) }
        most = max(128, 16 * stage.replicas)
    }

    deinit {
        for port in 0..<ports { outboxes[port].deallocate() }
        for ticket in tickets {
            for (_, slot) in ticket.made {
                slot.destroy()
                slot.deallocate()
            }
        }
        outboxes.deinitialize(count: ports)
        outboxes.deallocate()
        cell.pointee.saved.deallocate()
        cell.deallocate()
    }

    func add(_ lane: Node) {
        lanes.append(lane)
        living += 1
        open += 1
    }

    // MARK: In

    /// Room for items downstream; none while something waits to leave or too much is under way.
    var room: Int {
        lock.locked {
            guard !hasPending else { return 0 }
            var room = most - issued
            for port in 0..<ports { room = min(room, outboxes[port].room) }
            return room
        }
    }

    func mustWait() -> Bool {
        lock.locked {
            if hasPending || issued >= most { return true }
            var mustWait = false
            for port in 0..<ports where outboxes[port].mustWait() { mustWait = true }
            return mustWait
        }
    }

    private var hasPending: Bool { (0..<ports).contains { outboxes[$0].count > 0 } }

    /// Takes items of a link for a replica, with a ticket for each.
    func take(
        _ link: Link,
        into inbox: inout UnsafeMutablePointer<Slot>,
        _ most: Int,
        now: Int
    ) -> (taken: Link.Taken, tickets: [Int]) {
        lock.locked {
            let taken = link.take(into: &inbox, min(most, self.most - issued), now: now)
            return (taken, (0..<taken.count).map { issue(inbox[$0].header.key) })
        }
    }

    private func issue(_ key: Key) -> Int {
        let number = unused.popLast() ?? tickets.count
        if number == tickets.count { tickets.append(Ticket(key: key)) } else { tickets[number] = Ticket(key: key) }
        if let queue = queues[key] {
            tickets[queue.last].next = number
            queues[key] = Queue(first: queue.first, last: number)
        } else {
            queues[key] = Queue(first: number, last: number)
        }
        issued += 1
        return number
    }

    // MARK: Out

    /// Takes over what a replica has sent: for each ticket the slots up to its marks, then what belongs to none.
    func hand(over lane: Lane, _ sent: UnsafeMutablePointer<Outbox>) {
        let finished = lane.finished.count
        lock.locked {
            for item in 0..<finished {
                let number = lane.finished[item]
                let mayLeave = queues[tickets[number].key]?.first == number
                for port in 0..<ports {
                    let start = item == 0 ? 0 : lane.marks[(item - 1) * ports + port]
                    for place in start..<lane.marks[item * ports + port] {
                        let slot = sent[port].slots + place
                        if mayLeave {
                            push(slot, port)
                        } else {
                            let kept = UnsafeMutablePointer<Slot>.allocate(capacity: 1)
                            kept.moveInitialize(from: slot, count: 1)
                            tickets[number].made.append((port, kept))
                        }
                    }
                }
                tickets[number].isDone = true
                if mayLeave { leave(number) }
            }
            for port in 0..<ports {
                let start = finished == 0 ? 0 : lane.marks[(finished - 1) * ports + port]
                for place in start..<sent[port].count {
                    let slot = sent[port].slots + place
                    push(slot, port)
                }
                sent[port].emptied()
            }
        }
    }

    /// Tickets whose items came to nothing, since their replica is no more.
    func void(_ numbers: some Sequence<Int>) {
        lock.locked {
            for number in numbers {
                tickets[number].isDone = true
                if queues[tickets[number].key]?.first == number { leave(number) }
            }
        }
    }

    /// The first ticket of its key is done: it leaves, and all that are done behind it.
    private func leave(_ first: Int) {
        let key = tickets[first].key
        var number = first
        while number >= 0, tickets[number].isDone {
            for (port, slot) in tickets[number].made {
                push(slot, port)
                slot.deallocate()
            }
            tickets[number].made = []
            unused.append(number)
            issued -= 1
            number = tickets[number].next
        }
        if number < 0 { queues[key] = nil } else { queues[key]?.first = number }
    }

    private func push(_ slot: UnsafeMutablePointer<Slot>, _ port: Int) {
        if !slot.pointee.header.isGap { outboxes[port].sent += 1 }
        if slot.pointee.header.isFollowed { outboxes[port].followed += 1 }
        outboxes[port].push { $0.moveInitialize(from: slot, count: 1) }
    }

    /// Offers to the links what may leave; true when nothing is left.
    func flush(now: Int) -> Bool {
        lock.locked {
            var isEmpty = true
            for port in 0..<ports where outboxes[port].count > 0 {
                if !outboxes[port].flush(now: now) { isEmpty = false }
            }
            return isEmpty
        }
    }

    /// Sends to other links from now on; false while something waits to leave.
    func relink(_ port: Int, _ change: (inout [Link], _ sent: Int) -> Void) -> Bool {
        lock.locked {
            guard outboxes[port].count == 0 else { return false }
            let sent = outboxes[port].sent
            outboxes[port].relink { change(&$0, sent) }
            return true
        }
    }

    // MARK: The end

    /// A replica has failed for good; true when it was the last.
    func died() -> Bool {
        lock.locked {
            living -= 1
            return living == 0
        }
    }

    /// A replica has ended; true when it was the last, so that the outputs can close.
    func closed() -> Bool {
        lock.locked {
            open -= 1
            return open == 0
        }
    }

    var links: [Link] { (0..<ports).flatMap { outboxes[$0].links.map(\.object) } }

    func abandon(_ reason: DropReason) {
        for port in 0..<ports { outboxes[port].abandon(reason) }
        for number in tickets.indices {
            for (port, slot) in tickets[number].made {
                for link in outboxes[port].links { link.object.abandon(slot, 1, reason) }
                slot.destroy()
                slot.deallocate()
            }
            tickets[number].made = []
        }
    }
}

/// What one replica holds of the order: the tickets of its items, and how far its outputs were when each was finished.
struct Lane {
    let ordering: Ordering
    private let ports: Int
    /// Tickets of the batch that is not worked on yet.
    private var waiting: [Int] = []
    /// Tickets of items that the stage keeps, oldest first. It releases them in that order.
    private var kept: [Int] = []
    /// Tickets of items that were released in the current call.
    private var released: [Int] = []
    /// Tickets that are finished, and the end of what was sent for each, by port.
    private(set) var finished: [Int] = []
    private(set) var marks: [Int] = []
    private var keptBefore = 0

    init(_ ordering: Ordering, ports: Int) {
        self.ordering = ordering
        self.ports = ports
    }

    mutating func took(_ tickets: [Int]) { waiting += tickets }

    /// The work on the next item of the batch has ended; `nowKept` says how many the stage keeps since.
    mutating func finishItem(_ outboxes: UnsafeMutablePointer<Outbox>, nowKept: Int) {
        let ticket = waiting.removeFirst()
        if nowKept + released.count > keptBefore { kept.append(ticket) } else { finish(ticket, outboxes) }
        finishCall(outboxes, nowKept: nowKept)
    }

    mutating func release(_ number: Int) {
        released += kept.prefix(number)
        kept.removeFirst(min(number, kept.count))
    }

    /// A call has returned: what was sent in it belongs to what was released in it.
    mutating func finishCall(_ outboxes: UnsafeMutablePointer<Outbox>, nowKept: Int) {
        for ticket in released { finish(ticket, outboxes) }
        released.removeAll(keepingCapacity: true)
        keptBefore = nowKept
    }

    private mutating func finish(_ ticket: Int, _ outboxes: UnsafeMutablePointer<Outbox>) {
        finished.append(ticket)
        for port in 0..<ports { marks.append(outboxes[port].count) }
    }

    mutating func handedOver() {
        finished.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
    }

    /// The instance is gone, and with it what it kept; `all` says that its batch is gone too.
    mutating func giveUp(all: Bool) {
        ordering.void(kept)
        kept = []
        keptBefore = 0
        guard all else { return }
        ordering.void(waiting)
        waiting = []
    }
}
