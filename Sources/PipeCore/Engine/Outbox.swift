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
    public let isLinked: Bool
    /// Items sent since the run began.
    @usableFromInline var sent = 0
    /// Slots at the front that are gone already.
    private var start = 0
    let links: [LinkReference]
    let leavesGaps: Bool
    /// How far each link of a fan-out has got.
    private var cursors: [Int]

    /// With `isPassedOn` it is a replica's: what is sent goes to the `Ordering`, which has the links.
    init(links: [Link], cell: UnsafeMutablePointer<Cell>, isPassedOn: Bool = false) {
        limit = Node.batch
        capacity = limit
        self.cell = cell
        // The last of several gets the slots themselves, gaps among them: it is one that knows what to do with a gap.
        let ordered = links.filter { !$0.leavesGaps } + links.filter(\.leavesGaps)
        self.links = isPassedOn ? [] : ordered.map(LinkReference.init)
        isLinked = !links.isEmpty
        leavesGaps = links.contains { $0.leavesGaps }
        cursors = [Int](repeating: 0, count: links.count)
        slots = .allocate(capacity: limit)
    }

    /// The place for one more slot, which the caller fills.
    @inlinable
    mutating func push() -> UnsafeMutablePointer<Slot> {
        if count == capacity { grow() }
        let place = slots + count
        count &+= 1
        if count >= limit { cell.pointee.stops = true }
        return place
    }

    @usableFromInline
    mutating func grow() {
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
        let slot = push()
        slot.initialize(to: Slot(header: item.header))
        slot.fill(item.payload, kind)
        slot.pointee.header.sent = Instant(nanoseconds: cell.pointee.now)
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
        let slot = push()
        slot.initialize(
            to: Slot(
                header: Header(
                    sequence: cell.pointee.sequence,
                    captured: captured ?? now,
                    sent: now,
                    key: key,
                    source: cell.pointee.source
                )
            )
        )
        slot.fill(payload, kind)
        sent &+= counted(1, .outputMade)
        cell.pointee.sequence &+= 1
        cell.pointee.made &+= counted(1, .stageMade)
    }

    /// Says that items will not come, where somebody waits for them: what a test feeds may have gaps.
    package mutating func miss(_ gap: Gap) {
        guard leavesGaps else { return }
        let now = Instant(nanoseconds: cell.pointee.now)
        let header = Header(sequence: gap.first, captured: now, sent: now, key: gap.key, source: gap.source)
        push().initialize(to: Slot(gapAt: header, count: gap.count, reason: gap.reason))
    }

    @usableFromInline
    mutating func dropUnlinked() {
        guard cell.pointee.open > 0 else { return }
        cell.pointee.open -= 1
        cell.pointee.drop(counted(1, .outputUnlinked), .notChosen)
    }

    /// Whether the memory can change hands: nothing of it is gone, and it has not grown.
    var isWhole: Bool { start == 0 && capacity == limit }

    /// Room for items in the links that make the sender wait.
    var room: Int {
        var room = limit
        for link in links { room = min(room, link.link.room) }
        return room
    }

    /// Offers all to the links, and tells who got something. True when nothing is left.
    mutating func flush(now: Int, told: (Link) -> Void) -> Bool {
        guard count > 0 else { return true }
        let number = count - start
        if links.isEmpty {
            destroySlots()
            return true
        }
        if links.count == 1 {
            let taken = links[0].link.put(slots + start, number, copying: false, now: now)
            if taken > 0 { told(links[0].link) }
            start += taken
        } else {
            start += spread(number, now: now, told: told)
        }
        guard start == count else { return false }
        (start, count) = (0, 0)
        if capacity > 16 * limit { shrink() }
        return true
    }

    /// To several links: all but the last get copies, the last gets the items themselves, once the others have them.
    private mutating func spread(_ number: Int, now: Int, told: (Link) -> Void) -> Int {
        let last = links.count - 1
        var slowest = number
        for index in 0..<last {
            let waiting = number - cursors[index]
            if waiting > 0 {
                let taken = links[index].link.put(slots + start + cursors[index], waiting, copying: true, now: now)
                cursors[index] += taken
                if taken > 0 { told(links[index].link) }
            }
            slowest = min(slowest, cursors[index])
        }
        let taken = slowest > 0 ? links[last].link.put(slots + start, slowest, copying: false, now: now) : 0
        if taken > 0 { told(links[last].link) }
        for index in 0..<last { cursors[index] -= taken }
        return taken
    }

    /// Whether a link has no room; each that has none tells the stage when it has.
    func mustWait() -> Bool {
        var mustWait = false
        for reference in links where reference.link.policy.whenFull == .block && !reference.link.awaitRoom() {
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
        slots = .allocate(capacity: limit)
        capacity = limit
    }

    /// Enters what was sent and will not be taken any more into the links' books.
    mutating func abandon(_ reason: DropReason) {
        for (index, link) in links.enumerated() {
            let first = start + (links.count > 1 && index < links.count - 1 ? cursors[index] : 0)
            link.link.abandon((first..<max(first, count)).count { !slots[$0].header.isGap }, reason)
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

/// A link that the engine owns, without counting.
struct LinkReference {
    unowned(unsafe) let link: Link

    init(_ link: Link) { self.link = link }
}
