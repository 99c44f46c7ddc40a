import Glibc
import PipeCore

/// Packets on their way to a peer: those that wait, those that were written, and of those what the peer has. Without
/// socket, time or thread.
struct SendQueue {
    private struct Entry {
        let item: Item<PacketBatch>
        /// Bytes of whole packets that the peer has.
        var confirmed = 0
        /// It was written to an earlier connection.
        var isAgain = false

        var bytes: Int { item.payload.byteCount - confirmed }
        /// Packets that the peer does not have.
        var packets: Int { item.payload.packets(in: confirmed..<item.payload.byteCount) }
    }

    /// What was begun, on this connection or an earlier one: it cannot be dropped any more.
    private var begun = FIFO<Entry>()
    private var waiting = FIFO<Entry>()
    /// Of those that were begun, how many are written whole, and how many bytes of the next one.
    private var written = 0
    private var partial = 0

    /// Bytes that the peer is not known to have, and those of them that are not written.
    private(set) var heldBytes = 0
    private(set) var unwrittenBytes = 0

    // Packets.
    private(set) var sent = 0
    private(set) var resent = 0

    var count: Int { begun.count + waiting.count }
    var hasUnwritten: Bool { written < begun.count || waiting.count > 0 }
    var onTheWay: Int { heldBytes - unwrittenBytes }

    mutating func add(_ item: consuming Item<PacketBatch>) {
        heldBytes += item.payload.byteCount
        unwrittenBytes += item.payload.byteCount
        waiting.append(Entry(item: item))
    }

    /// Puts what is to be written next into `pieces`, and returns how many there are.
    func fill(_ pieces: UnsafeMutableBufferPointer<iovec>) -> Int {
        var number = 0
        while number < pieces.count, written + number < count {
            let place = written + number
            let entry = place < begun.count ? begun[place] : waiting[place - begun.count]
            let bytes = entry.item.payload.bytes[(entry.confirmed + (number == 0 ? partial : 0))...]
            let base = UnsafeRawBufferPointer(rebasing: bytes).baseAddress
            pieces[number] = iovec(iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: bytes.count)
            number += 1
        }
        return number
    }

    mutating func wrote(_ bytes: Int) {
        unwrittenBytes -= bytes
        partial += bytes
        while partial > 0 {
            if written == begun.count {
                guard let next = waiting.popFirst() else { return }
                begun.append(next)
            }
            let entry = begun[written]
            guard partial >= entry.bytes else { return }
            partial -= entry.bytes
            if entry.isAgain { resent += entry.packets }
            written += 1
        }
    }

    /// All written bytes but the last so many are with the peer; returns how many items are so done.
    mutating func confirm(allBut unconfirmed: Int) -> Int {
        var done = 0
        while written > 0, onTheWay - begun[0].bytes >= unconfirmed, let entry = begun.popFirst() {
            heldBytes -= entry.bytes
            sent += entry.packets
            written -= 1
            done += 1
        }
        return done
    }

    /// The connection is lost, and with it what was not confirmed: it is written again, from the first packet that the
    /// peer does not have whole. Returns how many items are done.
    mutating func broke(unconfirmed: Int) -> Int {
        let done = confirm(allBut: unconfirmed)
        if written > 0 || partial > 0 { confirmPart(min(begun[0].bytes, max(0, onTheWay - unconfirmed))) }
        for place in 0..<(written + (partial > 0 ? 1 : 0)) { begun[place].isAgain = true }
        unwrittenBytes = heldBytes
        (written, partial) = (0, 0)
        return done
    }

    /// So many bytes of the first item are with the peer.
    private mutating func confirmPart(_ bytes: Int) {
        let entry = begun[0]
        let whole = entry.item.payload.wholeBytes(upTo: entry.confirmed + bytes)
        sent += entry.item.payload.packets(in: entry.confirmed..<whole)
        heldBytes -= whole - entry.confirmed
        begun[0].confirmed = whole
    }

    /// Takes out the oldest that was not begun; nil where all were.
    mutating func dropOldest() -> Item<PacketBatch>? {
        guard let entry = waiting.popFirst() else { return nil }
        heldBytes -= entry.bytes
        unwrittenBytes -= entry.bytes
        return entry.item
    }

    /// Gives everything up; returns how many items and packets that are.
    mutating func giveUp() -> (items: Int, packets: Int) {
        var (items, packets) = (0, 0)
        while let entry = begun.popFirst() ?? waiting.popFirst() {
            items += 1
            packets += entry.packets
        }
        (written, partial, heldBytes, unwrittenBytes) = (0, 0, 0, 0)
        return (items, packets)
    }
}

/// A queue whose ends cost the same.
private struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }

    subscript(place: Int) -> Element {
        get {
            guard let element = elements[head + place] else { preconditionFailure("nothing at \(place)") }
            return element
        }
        set { elements[head + place] = newValue }
    }

    mutating func append(_ element: consuming Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            elements[head] = nil
            head += 1
            if head == elements.count || head >= 1024 {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}

extension PacketBatch {
    /// Packets within a range of bytes that begins and ends between packets.
    func packets(in range: Range<Int>) -> Int {
        if range.count == byteCount { return count }
        return client.framing.cut(UnsafeRawBufferPointer(rebasing: bytes[range])).packets
    }

    /// Bytes of whole packets within the first so many.
    func wholeBytes(upTo end: Int) -> Int {
        end >= byteCount ? byteCount : client.framing.cut(UnsafeRawBufferPointer(rebasing: bytes[..<end])).whole
    }
}
