/// What a stage has sent on one output and its links have not taken yet.
///
/// A step sends into it without looking; afterwards it is offered to the links, and the stage is not stepped again
/// before all is taken. So `send` never fails and never waits, and what stands here is bounded by one step's output.
public struct Outbox: ~Copyable {
    @usableFromInline var slots: UnsafeMutablePointer<Slot>
    @usableFromInline var capacity: Int
    @usableFromInline var count = 0
    @usableFromInline let cell: UnsafeMutablePointer<Cell>
    /// Beyond so many, a step ends early.
    @usableFromInline let limit: Int
    public private(set) var isLinked: Bool
    /// Items sent since the run began.
    @usableFromInline var sent = 0
    /// Slots at the front that are gone already.
    private var start = 0
    private(set) var links: FixedList<Uncounted<Link>>
    let leavesGaps: Bool
    /// How far each link of a fan-out has got.
    private var cursors: FixedList<Int>

    /// With `isPassedOn` it is a replica's: what is sent goes to the `Ordering`, which has the links.
    init(links: [Link], cell: UnsafeMutablePointer<Cell>, isPassedOn: Bool = false) {
        limit = Node.batch
        capacity = Node.batchMemory
        self.cell = cell
        self.links = FixedList(isPassedOn ? [] : Self.ordered(links))
        isLinked = !links.isEmpty
        leavesGaps = links.contains { $0.leavesGaps }
        cursors = FixedList([Int](repeating: 0, count: links.count))
        slots = Node.allocateBatch()
    }

    /// The last of several gets the slots themselves, gaps among them: it is one that knows what to do with a gap.
    private static func ordered(_ links: [Link]) -> [Uncounted<Link>] {
        (links.filter { !$0.leavesGaps } + links.filter(\.leavesGaps)).map(Uncounted.init)
    }

    /// Sends to other links from now on. Nothing may stand here.
    mutating func relink(_ change: (inout [Link]) -> Void) {
        var changed = links.map(\.object)
        change(&changed)
        links.deallocate()
        cursors.deallocate()
        links = FixedList(Self.ordered(changed))
        cursors = FixedList([Int](repeating: 0, count: changed.count))
        isLinked = !changed.isEmpty
    }

    /// What stands here must have been taken or destroyed.
    mutating func deallocate() {
        destroySlots()
        slots.deallocate()
        links.deallocate()
        cursors.deallocate()
    }

    /// Enters a slot.
    mutating func push(_ fill: (UnsafeMutablePointer<Slot>) -> Void) {
        fill(slots + count)
        entered()
    }

    /// The place behind the last has been filled. There always is one: whether there is room is looked at behind an item
    /// and not before, so that the way of an item from slot to slot is not interrupted by a call.
    @inlinable
    mutating func entered() {
        count &+= 1
        if count >= limit { reachLimit() }
    }

    @usableFromInline
    mutating func reachLimit() {
        cell.pointee.stops = true
        if count == capacity { grow() }
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Slot>.allocate(capacity: capacity * 2)
        (larger + start).moveInitialize(from: slots + start, count: count - start)
        slots.deallocate()
        slots = larger
        capacity *= 2
    }

    /// Sends an item on. `kind` is the payload's type where the output declares one.
    @inlinable
    public mutating func send<Carried: Payload>(_ item: consuming Item<Carried>, _ kind: UInt16) {
        guard isLinked else { return dropUnlinked() }
        let slot = slots + count
        slot.begin(item.header)
        slot.pointee.header.sent = Instant(nanoseconds: cell.pointee.now)
        slot.fill(item.payload, kind)
        entered()
        sent &+= counted(1, .outputSent)
        cell.pointee.send()
    }

    /// Sends something that begins here.
    @inlinable
    public mutating func make<Carried: Payload>(
        _ payload: consuming Carried,
        _ kind: UInt16,
        key: Key,
        captured: Instant?
    ) {
        guard isLinked else { return }
        let now = Instant(nanoseconds: cell.pointee.now)
        let slot = slots + count
        slot.begin(
            Header(
                sequence: cell.pointee.sequence,
                captured: captured ?? now,
                sent: now,
                key: key,
                source: cell.pointee.source
            )
        )
        slot.fill(payload, kind)
        entered()
        sent &+= counted(1, .outputMade)
        cell.pointee.sequence &+= 1
        cell.pointee.made &+= counted(1, .stageMade)
    }

    /// Says that items will not come, where somebody waits for them: what a test feeds may have gaps.
    package mutating func miss(_ gap: Gap) {
        guard leavesGaps else { return }
        let now = Instant(nanoseconds: cell.pointee.now)
        let header = Header(sequence: gap.first, captured: now, sent: now, key: gap.key, source: gap.source)
        push { $0.initialize(to: Slot(gapAt: header, count: gap.count, reason: gap.reason)) }
    }

    @usableFromInline
    mutating func dropUnlinked() {
        guard cell.pointee.open > 0 else { return }
        cell.pointee.open -= 1
        cell.pointee.drop(counted(1, .outputUnlinked), .notChosen)
    }

    /// Whether the memory can change hands: nothing of it is gone, and it has not grown.
    var isWhole: Bool { start == 0 && capacity == Node.batchMemory && count <= Node.batch }

    var isEmptyAndWhole: Bool { count == 0 && isWhole }

    /// When what stands here was sent: all of it in one step, since there is no other before it is gone.
    var sentAt: Int { slots.pointee.header.sent.nanoseconds }

    /// Room for items in the links that make the sender wait.
    var room: Int {
        var room = limit
        for link in links { room = min(room, link.with { $0.room }) }
        return room
    }

    /// Offers all to the links, and tells who got something. True when nothing is left.
    mutating func flush(now: Int) -> Bool {
        guard count > 0 else { return true }
        let number = count - start
        if links.isEmpty {
            destroySlots()
            return true
        }
        if links.count == 1 {
            start += isWhole ? offerBatch(now) : offer(start, number, copying: false, to: links[0], now)
        } else {
            start += spread(number, now: now)
        }
        guard start == count else { return false }
        (start, count) = (0, 0)
        if capacity > 16 * limit { shrink() }
        return true
    }

    private func offer(_ first: Int, _ number: Int, copying: Bool, to link: Uncounted<Link>, _ now: Int) -> Int {
        link.with { link in
            let taken = link.put(slots + first, number, copying: copying, now: now)
            if taken > 0 { link.notifyTakers() }
            return taken
        }
    }

    private mutating func offerBatch(_ now: Int) -> Int {
        links[0].with { link in
            let taken = link.put(batch: &slots, count, now: now)
            if taken > 0 { link.notifyTakers() }
            return taken
        }
    }

    /// To several links: all but the last get copies, the last gets the items themselves, once the others have them.
    private func spread(_ number: Int, now: Int) -> Int {
        let last = links.count - 1
        var slowest = number
        for index in 0..<last {
            let waiting = number - cursors[index]
            if waiting > 0 {
                cursors[index] += offer(start + cursors[index], waiting, copying: true, to: links[index], now)
            }
            slowest = min(slowest, cursors[index])
        }
        let taken = slowest > 0 ? offer(start, slowest, copying: false, to: links[last], now) : 0
        for index in 0..<last { cursors[index] -= taken }
        return taken
    }

    /// Whether a link has no room; each that has none tells the stage when it has.
    func mustWait() -> Bool {
        var mustWait = false
        for link in links where link.with({ $0.policy.whenFull == .block && !$0.awaitRoom() }) {
            mustWait = true
        }
        return mustWait
    }

    /// All slots were moved out by somebody else.
    mutating func emptied() {
        (start, count) = (0, 0)
        if capacity > 16 * limit { shrink() }
    }

    /// One large output must not keep its memory forever.
    private mutating func shrink() {
        slots.deallocate()
        slots = Node.allocateBatch()
        capacity = Node.batchMemory
    }

    /// Enters what was sent and will not be taken any more into the links' books.
    mutating func abandon(_ reason: DropReason) {
        for (index, link) in links.enumerated() {
            let first = start + (links.count > 1 && index < links.count - 1 ? cursors[index] : 0)
            link.object.abandon((first..<max(first, count)).count { !slots[$0].header.isGap }, reason)
            cursors[index] = 0
        }
        destroySlots()
    }

    /// Ends what stands here. The links may be gone by now.
    mutating func destroySlots() {
        for index in start..<count { (slots + index).destroy() }
        (start, count) = (0, 0)
    }
}
