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
    }

    private var entries: [Entry] = []
    private var head = 0
    /// Entries that were written whole, and how many bytes of the next one were.
    private var written = 0
    private var partial = 0
    /// Bytes written on this connection that are not known to be with the peer, up to the first entry's beginning.
    private(set) var heldBytes = 0

    // Packets.
    private(set) var sent = 0
    private(set) var resent = 0

    var count: Int { entries.count - head }
    var hasUnwritten: Bool { head + written < entries.count }
    var hasWritten: Bool { written > 0 || partial > 0 }
    /// Bytes that wait to be written.
    private(set) var unwrittenBytes = 0

    mutating func add(_ item: consuming Item<PacketBatch>) {
        heldBytes += item.payload.byteCount
        unwrittenBytes += item.payload.byteCount
        entries.append(Entry(item: item))
    }

    /// Puts what is to be written next into `pieces`, and returns how many there are.
    func fill(_ pieces: UnsafeMutableBufferPointer<iovec>) -> Int {
        var number = 0
        var skip = partial
        for entry in entries[(head + written)...].prefix(pieces.count) {
            let bytes = entry.item.payload.bytes[(entry.confirmed + skip)...]
            let base = UnsafeRawBufferPointer(rebasing: bytes).baseAddress
            pieces[number] = iovec(iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: bytes.count)
            skip = 0
            number += 1
        }
        return number
    }

    mutating func wrote(_ bytes: Int) {
        unwrittenBytes -= bytes
        var left = bytes + partial
        partial = 0
        while head + written < entries.count, left >= entries[head + written].bytes {
            let entry = entries[head + written]
            left -= entry.bytes
            if entry.isAgain {
                resent += entry.item.payload.packets(in: entry.confirmed..<entry.item.payload.byteCount)
            }
            written += 1
        }
        partial = left
    }

    /// All written bytes but the last so many are with the peer; returns how many items are so done.
    mutating func confirm(allBut unconfirmed: Int) -> Int {
        var onTheWay = entries[head..<(head + written)].reduce(partial) { $0 + $1.bytes }
        var done = 0
        while written > 0, onTheWay - entries[head].bytes >= unconfirmed {
            let entry = entries[head]
            onTheWay -= entry.bytes
            heldBytes -= entry.bytes
            sent += entry.item.payload.packets(in: entry.confirmed..<entry.item.payload.byteCount)
            head += 1
            written -= 1
            done += 1
        }
        compact()
        return done
    }

    /// The connection is lost, and with it what was not confirmed: it is written again, from the first packet that the
    /// peer does not have whole.
    mutating func broke(unconfirmed: Int) -> Int {
        let done = confirm(allBut: unconfirmed)
        let onTheWay = entries[head..<(head + written)].reduce(partial) { $0 + $1.bytes }
        if head < entries.count, hasWritten {
            let confirmed = min(entries[head].bytes, max(0, onTheWay - unconfirmed))
            let whole = entries[head].item.payload.wholeBytes(upTo: entries[head].confirmed + confirmed)
            let more = whole - entries[head].confirmed
            sent += entries[head].item.payload.packets(in: entries[head].confirmed..<whole)
            entries[head].confirmed = whole
            heldBytes -= more
            unwrittenBytes -= more
        }
        let begun = written + (partial > 0 ? 1 : 0)
        for place in head..<min(entries.count, head + begun) { entries[place].isAgain = true }
        unwrittenBytes += onTheWay
        (written, partial) = (0, 0)
        return done
    }

    /// Takes out the oldest that was not begun; nil where all are on their way.
    mutating func dropOldest() -> Item<PacketBatch>? {
        let place = head + written + (partial > 0 ? 1 : 0)
        guard place < entries.count, !entries[place].isAgain else { return nil }
        let entry = entries.remove(at: place)
        heldBytes -= entry.bytes
        unwrittenBytes -= entry.bytes
        return entry.item
    }

    /// Gives everything up; returns how many items and packets that are.
    mutating func giveUp() -> (items: Int, packets: Int) {
        let left = entries[head...]
        let packets = left.reduce(0) { $0 + $1.item.payload.packets(in: $1.confirmed..<$1.item.payload.byteCount) }
        entries = []
        (head, written, partial, heldBytes, unwrittenBytes) = (0, 0, 0, 0, 0)
        return (left.count, packets)
    }

    private mutating func compact() {
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 256 {
            entries.removeFirst(head)
            head = 0
        }
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
