/// What a stage has sent on one output and its links have not taken yet.
///
/// A step sends into it without looking; afterwards it is offered to the links, and the stage is not stepped again
/// before all is taken. So `send` never fails and never waits, and what stands here is bounded by one step's output.
public struct Outbox: ~Copyable {
    private(set) var slots: UnsafeMutablePointer<Slot>
    /// The place of the next slot.
    @usableFromInline var next: UnsafeMutablePointer<Slot>
    /// An item that reaches this place needs a second look: a step ends early here, and where nothing is linked each item
    /// is dropped. One comparison so tells what is most often true.
    @usableFromInline var end: UnsafeMutablePointer<Slot>
    @usableFromInline let cell: UnsafeMutablePointer<Cell>
    private var capacity: Int
    /// Beyond so many, a step ends early.
    private let limit: Int
    public private(set) var isLinked: Bool
    /// Items sent since the run began.
    @usableFromInline var sent = 0
    /// Slots at the front that are gone already.
    private var start = 0
    /// Slots at the front that were looked at already, see `takeNews`.
    private var seen = 0
    /// Items among those that are followed, since nothing stood here.
    var followed = 0
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
        (next, end) = (slots, slots)
        emptied()
    }

    var count: Int { next - slots }

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
        emptied()
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
        fill(next)
        next += 1
        if count >= limit { reachLimit() }
    }

    private mutating func reachLimit() {
        cell.pointee.stops = true
        if count == capacity { grow() }
    }

    private mutating func grow() {
        let number = count
        let larger = UnsafeMutablePointer<Slot>.allocate(capacity: capacity * 2)
        (larger + start).moveInitialize(from: slots + start, count: number - start)
        slots.deallocate()
        slots = larger
        capacity *= 2
        next = slots + number
        end = slots + limit
    }

    /// Sends an item on. `kind` is the payload's type where the output declares one.
    ///
    /// There always is a place for it: whether there is room is looked at behind an item and not before, so that its way
    /// from slot to slot is not interrupted by a call.
    @inlinable
    public mutating func send<Carried: Payload>(_ item: consuming Item<Carried>, _ kind: UInt16) {
        let slot = next
        slot.begin(item.header)
        if keepsBooks { slot.pointee.header.sent = Instant(nanoseconds: cell.pointee.now) }
        slot.fill(item.payload, kind)
        next = slot + 1
        guard next < end || hasReachedLimit() else { return dropUnlinked() }
        sent &+= counted(1, .outputSent)
        cell.pointee.send()
    }

    /// The step ends early; or false: nothing is linked, and the item is gone.
    @usableFromInline
    mutating func hasReachedLimit() -> Bool {
        if isLinked {
            reachLimit()
        } else {
            next -= 1
            next.destroy()
        }
        return isLinked
    }

    /// Sends something that begins here.
    @inlinable
    public mutating func make<Carried: Payload>(
        _ payload: consuming Carried,
        _ kind: UInt16,
        key: Key,
        captured: Instant?
    ) {
        let now = Instant(nanoseconds: cell.pointee.now)
        let slot = next
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
        if cell.pointee.sequence >= cell.pointee.sampling.next { follow(slot) }
        next = slot + 1
        guard next < end || hasReachedLimit() else { return }
        sent &+= counted(1, .outputMade)
        cell.pointee.sequence &+= 1
        cell.pointee.made &+= counted(1, .stageMade)
    }

    /// What becomes of the item is noted.
    @usableFromInline
    mutating func follow(_ slot: UnsafeMutablePointer<Slot>) {
        slot.pointee.header.isFollowed = true
        cell.pointee.sampling.follow(cell.pointee.sequence, now: cell.pointee.now)
        cell.pointee.carries = true
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
        cell.pointee.close(1)
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
        let (first, number) = (start, count - start)
        guard number > 0 else { return true }
        if links.isEmpty {
            destroySlots()
            return true
        }
        if links.count == 1 {
            start += isWhole ? offerBatch(now) : offer(start, number, copying: false, to: links[0], now)
        } else {
            start += spread(number, now: now)
        }
        guard start == first + number else { return false }
        emptied()
        return true
    }

    /// The places of what was sent since the last call.
    mutating func takeNews() -> Range<Int> {
        defer { seen = count }
        return max(seen, start)..<count
    }

    /// Exchanges the memory of a whole batch, all of whose slots were moved out, for another batch's.
    mutating func exchange(_ batch: inout UnsafeMutablePointer<Slot>) {
        swap(&slots, &batch)
        emptied()
    }

    private func offer(_ first: Int, _ number: Int, copying: Bool, to link: Uncounted<Link>, _ now: Int) -> Int {
        link.with { link in
            let taken = link.put(slots + first, number, copying: copying, carries: cell.pointee.carries, now: now)
            if taken > 0 { link.notifyTakers() }
            return taken
        }
    }

    private mutating func offerBatch(_ now: Int) -> Int {
        let number = count
        return links[0].with { link in
            let taken = link.put(batch: &slots, number, followed: followed, now: now)
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

    /// All slots were moved out.
    mutating func emptied() {
        if capacity > 16 * limit { shrink() }
        (start, seen, followed) = (0, 0, 0)
        next = slots
        end = isLinked ? slots + limit : slots
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
            link.object.abandon(slots + first, max(0, count - first), reason)
            cursors[index] = 0
        }
        destroySlots()
    }

    /// Ends what stands here. The links may be gone by now.
    mutating func destroySlots() {
        for index in start..<count { (slots + index).destroy() }
        (start, seen, followed, next) = (0, 0, 0, slots)
    }
}
