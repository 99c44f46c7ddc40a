/// What an item is known by, whatever it carries.
public struct Header: Sendable, BitwiseCopyable {
    /// Counts the items of a source, from 0.
    public var sequence: Int
    /// When the picture was taken, the packet came, the line was read.
    public var captured: Instant
    /// When it was sent to where it waits now.
    public var sent: Instant
    /// What belongs together, and stays in order: a camera, a client, an order's number.
    public var key: Key
    /// The stage copy that the item began at; the run has the names.
    public var source: UInt32
    /// The payload's type; 0 for a gap.
    public var kind: UInt16 = 0
    /// Of a gap why its items will not come; of an item not 0 where it is followed.
    var mark: UInt16 = 0
    /// Bytes of the payload. The header so fills whole words: one that ends within a word is copied by two moves that
    /// overlap, and to read over such a seam costs more than all else that is done to an item.
    public var bytes = 0

    @inlinable public init(sequence: Int, captured: Instant, sent: Instant, key: Key, source: UInt32) {
        self.sequence = sequence
        self.captured = captured
        self.sent = sent
        self.key = key
        self.source = source
    }

    @inlinable public var isGap: Bool { kind == 0 }

}

/// The place of one item in a link: 80 bytes, whatever the payload.
///
/// A ring of slots knows nothing of payload types: the checker has compared those of each link, and a stage's port reads
/// a slot as what it declares. So links, policies, books and runners are compiled once, and a stage that takes anything
/// costs its neighbours nothing. A slot is moved, never copied by plain assignment: its words may be references.
public struct Slot: ~Copyable {
    public var header: Header
    /// A payload of up to 24 bytes, or a reference to its box. For a gap the number of missing items.
    @usableFromInline var words: (UInt, UInt, UInt) = (0, 0, 0)

    @inlinable public init(header: consuming Header) { self.header = header }
}

extension Slot {
    /// A note that items of a source will not come: `count` of them, beginning with the header's sequence.
    init(gapAt header: Header, count: Int, reason: DropReason) {
        self.header = header
        self.header.kind = 0
        self.header.bytes = 0
        self.header.mark = UInt16(reason.index)
        words.0 = UInt(count)
    }

    /// The same gap once more.
    init(gapAgain other: borrowing Slot) {
        header = other.header
        words = other.words
    }

    var gap: Gap {
        Gap(
            source: header.source,
            key: header.key,
            first: header.sequence,
            count: Int(words.0),
            reason: DropReason.allCases[Int(header.mark)]
        )
    }

    /// Takes in what comes right after this gap; false where the two do not belong together.
    mutating func extend(with next: borrowing Slot) -> Bool {
        guard header.isGap, next.header.isGap, header.source == next.header.source,
            header.sequence + Int(words.0) == next.header.sequence, header.mark == next.header.mark,
            header.key == next.header.key
        else { return false }
        words.0 += next.words.0
        return true
    }
}

/// Items that will not come, and why.
public struct Gap: Sendable, Hashable {
    public let source: UInt32
    public let key: Key
    public let first: Int
    public let count: Int
    public let reason: DropReason

    public init(source: UInt32, key: Key, first: Int, count: Int, reason: DropReason) {
        self.source = source
        self.key = key
        self.first = first
        self.count = count
        self.reason = reason
    }
}

extension Payload {
    @inlinable static var isInPlace: Bool {
        MemoryLayout<Self>.size <= 24 && MemoryLayout<Self>.alignment <= MemoryLayout<UInt>.alignment
    }

    @inlinable
    public static func take(from slot: UnsafeMutablePointer<Slot>) -> Self {
        if isInPlace { return slot.words.assumingMemoryBound(to: Self.self).move() }
        return slot.words.assumingMemoryBound(to: PayloadBox<Self>.self).move().value
    }

    @inlinable
    public consuming func put(into slot: UnsafeMutablePointer<Slot>) {
        slot.pointee.header.bytes = byteCount
        slot.pointee.header.kind = PayloadType.kind(of: Self.self)
        putWords(into: slot)
    }

    /// As `put`, where kind and size stand in the header already.
    @inlinable
    consuming func putWords(into slot: UnsafeMutablePointer<Slot>) {
        if Self.isInPlace {
            slot.words.assumingMemoryBound(to: Self.self).initialize(to: self)
        } else {
            slot.words.assumingMemoryBound(to: PayloadBox<Self>.self).initialize(to: PayloadBox(self))
        }
    }
}

extension UnsafeMutablePointer<Slot> {
    /// Begins a slot's life; its payload is still to be written.
    @inlinable
    func begin(_ header: Header) {
        UnsafeMutableRawPointer(self).initializeMemory(as: Header.self, to: header)
    }

    /// Writes the payload. `kind` says its type, unless it is one of any type, which is asked itself.
    @inlinable
    func fill<Carried: Payload>(_ payload: consuming Carried, _ kind: UInt16) {
        if Carried.self == AnyPayload.self {
            payload.put(into: self)
        } else {
            assert(kind != 0, "a payload without its type would pass for a gap")
            pointee.header.kind = kind
            pointee.header.bytes = payload.byteCount
            payload.putWords(into: self)
        }
    }
}

@usableFromInline
final class PayloadBox<Value: Payload>: Sendable {
    @usableFromInline let value: Value

    @inlinable init(_ value: consuming Value) { self.value = value }
}

extension UnsafeMutablePointer<Slot> {
    /// The end of the row that was sent at one time and begins at `start`, where none was sent before the one ahead of it.
    /// Most rows are long, so the end is looked for in steps that double, and then between the last two.
    func endOfSent(_ time: Instant, from start: Int, _ count: Int) -> Int {
        if self[count - 1].header.sent == time { return count }
        var (inside, step) = (start, 1)
        while inside + step < count, self[inside + step].header.sent == time {
            inside += step
            step *= 2
        }
        var outside = Swift.min(inside + step, count - 1)
        while outside - inside > 1 {
            let middle = (inside + outside) / 2
            if self[middle].header.sent == time { inside = middle } else { outside = middle }
        }
        return outside
    }

    /// Source, kind and mark as one word, which they fill.
    var kinship: UInt64 { UnsafeRawPointer(self).load(fromByteOffset: Self.placeOfSource, as: UInt64.self) }

    private static var placeOfSource: Int { MemoryLayout<Header>.offset(of: \.source) ?? 0 }
}

// What is done to slots as a whole. The pointer's owner has the slot for itself.
extension UnsafeMutablePointer<Slot> {
    /// Where the payload stands: right behind the header.
    @inlinable var words: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self) + MemoryLayout<Header>.stride }

    /// Ends the slot's life, payload included.
    func destroy() {
        if pointee.header.kind != 0 { PayloadType[pointee.header.kind].destroy(self) }
        deinitialize(count: 1)
    }

    /// Begins a second life of the same item in another slot.
    func copy(to other: UnsafeMutablePointer<Slot>) {
        other.initialize(to: Slot(header: pointee.header))
        if pointee.header.kind == 0 {
            other.pointee.words = pointee.words
        } else {
            PayloadType[pointee.header.kind].copy(self, other)
        }
    }
}
