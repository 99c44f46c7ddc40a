/// Something that became known of an item that is followed, or of several in a row that fared alike.
public struct ItemNote: Sendable, BitwiseCopyable {
    public enum Event: Sendable, Hashable, BitwiseCopyable {
        /// A stage took it at `begin`, and had worked on it at `end`. It had been sent at `sent`.
        case worked
        /// A stage sent it by an output at `sent`.
        case sent(port: Int)
        /// A stage dropped it, or failed on it.
        case dropped(DropReason), failed
        /// It was lost in a link, to which it had been sent at `sent`.
        case lost(DropReason)
    }

    public let source: UInt32
    /// The number of the first, and how many they are.
    public let sequence: Int
    public private(set) var count: Int
    public let key: Key
    public let captured: Instant
    public let event: Event
    public let sent: Instant
    public let begin: Instant
    public let end: Instant
    /// The link that the stage took it from, of an item that it worked on, or that it lost before it could.
    var link = -1

    init(_ header: Header, _ event: Event, from begin: Int, to end: Int, count: Int = 1) {
        (source, sequence, key, captured) = (header.source, header.sequence, header.key, header.captured)
        sent = header.sent
        self.count = count
        self.event = event
        self.begin = Instant(nanoseconds: begin)
        self.end = Instant(nanoseconds: end)
    }

    public var numbers: Range<Int> { sequence..<sequence + count }

    func isAbout(_ item: FollowedItem) -> Bool {
        source == item.source && key == item.key && numbers.contains(item.sequence)
    }

    /// Takes in what is noted next, if it is the same of the item that comes next.
    mutating func extend(with next: ItemNote) -> Bool {
        guard next.sequence == sequence + count, next.source == source, next.captured == captured, next.sent == sent,
            next.begin == begin, next.end == end, next.link == link, next.event == event, next.key == key
        else { return false }
        count += next.count
        return true
    }
}

/// An item by what tells it from any other of its run.
struct FollowedItem: Hashable {
    let source: UInt32
    let sequence: Int
    let key: Key
}

/// The latest notes of one place; with the place for another the oldest is forgotten. Its memory is asked for with the first
/// note, and touched as notes come, so that nothing is ever moved.
struct NoteRing {
    private var notes: UnsafeMutablePointer<ItemNote>?
    /// All that were ever noted here.
    private(set) var total = 0
    private let most: Int

    /// Notes that all stages of a run hold together, about; each holds its part.
    private static let inAll = 1 << 17

    /// One of so many places.
    init(among places: Int) { most = min(4096, max(256, Self.inAll / max(1, places))) }

    /// To be called once.
    func deallocate() { notes?.deallocate() }

    mutating func append(_ note: ItemNote) {
        let notes = notes ?? .allocate(capacity: most)
        self.notes = notes
        (notes + total % most).initialize(to: note)
        total += 1
    }

    private var known: Range<Int> { max(0, total - most)..<total }

    /// What was noted after so many, oldest first, as far as it is still known.
    func after(_ earlier: Int) -> [ItemNote] {
        guard let notes else { return [] }
        return known.clamped(to: earlier..<max(earlier, total)).map { notes[$0 % most] }
    }

    var hasForgotten: Bool { total > most }

    /// The oldest that is known.
    var oldest: ItemNote? { notes.flatMap { notes in known.first.map { notes[$0 % most] } } }
}
