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
            while index < range.upperBound, slots[index].header.follows(first, by: index - start) { index += 1 }
            body(FollowedRow(start: start, count: index - start, header: first.pointee.header))
        }
    }
}

extension Header {
    fileprivate func follows(_ first: UnsafeMutablePointer<Slot>, by distance: Int) -> Bool {
        let times =
            (captured.nanoseconds ^ first.pointee.header.captured.nanoseconds)
            | (sent.nanoseconds ^ first.pointee.header.sent.nanoseconds)
        let numbers =
            (sequence ^ (first.pointee.header.sequence &+ distance))
            | Int(source ^ first.pointee.header.source) | Int(mark ^ first.pointee.header.mark)
        return times | numbers == 0 && key == first.pointee.header.key && !isGap
    }
}

// What a stage copy notes of items that are followed. It looks for them only in batches that may hold some.
extension Node {
    /// Items that are followed may be among what was taken.
    func welcome(_ count: Int, from link: Int, now: Int) {
        FollowedRow.all(in: inbox, 0..<count) { row in
            cell.pointee.carries = true
            var row = row
            (row.link, row.taken) = (link, now)
            visitors.append(row)
        }
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
            FollowedRow.all(in: outboxes[port].slots, news) { row in
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
