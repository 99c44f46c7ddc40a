/// Items that are followed and stand in a row of slots, numbered in a row too, and alike in all else.
struct FollowedRow {
    /// The place of the first.
    var start: Int
    var count: Int
    /// The first one's.
    var header: Header
    /// Of a stage's inbox: where it came from, and when it was taken.
    var link = -1
    var taken = 0

    /// Those that stand from a place on.
    static func all(
        in slots: UnsafeMutablePointer<Slot>,
        _ range: Range<Int>,
        do body: (FollowedRow) -> Void
    ) {
        var index = range.lowerBound
        while index < range.upperBound {
            let first = slots + index
            let start = index
            index += 1
            guard first.pointee.header.isFollowed else { continue }
            if first.beginsRow(range.upperBound - start) {
                index = range.upperBound
            } else {
                while index < range.upperBound, first.isRow(to: index - start) { index += 1 }
            }
            body(FollowedRow(start: start, count: index - start, header: first.pointee.header))
        }
    }
}

extension UnsafeMutablePointer<Slot> {
    /// Whether the slot at a distance is numbered by so much more, and like this one in all else. Nothing in it depends on
    /// what was found before.
    @inline(__always)
    private func difference(to distance: Int) -> UInt64 {
        let (a, b) = (pointee.header, self[distance].header)
        let times = (a.captured.nanoseconds ^ b.captured.nanoseconds) | (a.sent.nanoseconds ^ b.sent.nanoseconds)
        let numbers = (a.sequence &+ distance) ^ b.sequence
        let keys = (a.key.low ^ b.key.low) | (a.key.high ^ b.key.high)
        return UInt64(bitPattern: Int64(times | numbers)) | keys | (kinship ^ (self + distance).kinship)
    }

    fileprivate func isRow(to distance: Int) -> Bool { difference(to: distance) == 0 }

    /// Whether so many are a row: most often all that stand there are, which is told at once without a branch for each.
    fileprivate func beginsRow(_ count: Int) -> Bool {
        var difference: UInt64 = 0
        for distance in 1..<max(1, count) { difference |= self.difference(to: distance) }
        return difference == 0
    }
}

// What a stage copy notes of items that are followed. It looks for them only in batches that may hold some.
extension Node {
    /// Items that are followed may be among what was taken.
    func welcome(_ count: Int, from link: Int, now: Int) {
        FollowedRow.all(in: inbox, 0..<count) { welcome($0, from: link, now: now) }
    }

    func welcome(_ row: FollowedRow, from link: Int, now: Int) {
        cell.pointee.carries = true
        var row = row
        (row.link, row.taken) = (link, now)
        visitors.append(row)
    }

    /// The stage has worked on what stood before this place of its inbox.
    func noteWork(until end: Int) {
        var finished = 0
        while finished < visitors.count, visitors[finished].start < inboxStart {
            let row = visitors[finished]
            let done = min(row.count, inboxStart - row.start)
            var note = ItemNote(row.header, .worked, from: row.taken, to: end, count: done)
            note.link = row.link
            self.note(note)
            if done < row.count {
                visitors[finished].start += done
                visitors[finished].count -= done
                visitors[finished].header.sequence += done
                break
            }
            finished += 1
        }
        visitors.removeFirst(finished)
    }

    /// Notes what leaves by its outputs. Who meets it further on must find here where it came from, so that this is public
    /// before it leaves.
    func noteSent() {
        defer { if !notes.isEmpty { numbersLock.locked { publishNotes() } } }
        for port in 0..<outputs {
            let news = outboxes[port].takeNews()
            if news.lowerBound == 0 { leavers.removeAll(keepingCapacity: true) }
            FollowedRow.all(in: outboxes[port].slots, news) { row in
                outboxes[port].followed += row.count
                if follower != nil { leavers.append(row) }
                let sent = row.header.sent.nanoseconds
                note(ItemNote(row.header, .sent(port: port), from: sent, to: sent, count: row.count))
            }
        }
    }

    /// Nothing is in its hands any more.
    func carryNoMore() {
        if inboxStart == inboxEnd, cell.pointee.kept == 0, !hasPending { cell.pointee.carries = false }
    }

    func noteFate(_ header: Header, _ event: ItemNote.Event) {
        guard header.isFollowed else { return }
        let now = cell.pointee.now
        note(ItemNote(header, event, from: now, to: now))
    }

    /// What stands in the inbox will not be worked on.
    func noteInbox(_ event: ItemNote.Event) {
        let now = cell.pointee.now
        for row in visitors {
            var note = ItemNote(row.header, event, from: now, to: now, count: row.count)
            note.link = row.link
            self.note(note)
        }
        visitors.removeAll(keepingCapacity: true)
    }

    private func note(_ note: ItemNote) {
        if let last = notes.indices.last, notes[last].extend(with: note) { return }
        notes.append(note)
        if notes.count >= Self.batch { numbersLock.locked { publishNotes() } }
    }

    /// With the lock of the numbers held.
    func publishNotes() {
        for note in notes { numbers.notes.append(note) }
        notes.removeAll(keepingCapacity: true)
    }
}
