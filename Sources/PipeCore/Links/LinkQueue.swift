/// What waits in a link, under its policy, with its books. A plain value: no lock, no clock. `Tests/PipeCoreTests` holds
/// a slow model of it, which says in a few lines what must come out.
struct LinkQueue {
    let policy: LinkPolicy
    /// Whether somebody downstream waits for what this link may lose: then each loss leaves a gap in its place.
    let leavesGaps: Bool
    private(set) var books = LinkBooks()
    private(set) var isClosed = false
    /// The stage behind it has failed for good: whatever comes is dropped.
    private(set) var isDead = false
    /// Told of each item that is followed and dropped here; with `tellsAll` of any.
    var dropped: ((Header, DropReason) -> Void)?
    var tellsAll = false
    /// Items among those that wait that are followed.
    private(set) var followed = 0
    private var ring = Ring()
    private var admission: Admission
    private var bytes = 0
    private let countsBytes: Bool
    /// Nothing to decide but room: a batch moves as a whole.
    let isPlain: Bool

    init(_ policy: LinkPolicy, leavesGaps: Bool, countsBytes: Bool) {
        self.policy = policy
        self.leavesGaps = leavesGaps
        self.countsBytes = countsBytes || policy.maxBytes != nil
        admission = Admission(policy)
        isPlain = policy.whenFull == .block && admission.isOpen && !leavesGaps && !self.countsBytes
    }

    /// All that waits must have been discarded.
    func deallocate() { ring.deallocate() }

    /// Slots that wait, gaps included.
    var count: Int { ring.count }
    var heldBytes: Int { bytes }
    var held: Int { books.held }
    var isEnded: Bool { isClosed && ring.count == 0 }

    /// Items that can come before the sender must wait.
    var room: Int { policy.whenFull == .block && !isDead ? max(0, policy.capacity - books.held) : .max }

    // MARK: In

    /// Offers slots in order, and returns how many were taken, into the queue or into the books. The others must wait.
    /// With `copying` the slots stay with the caller; without, those that were taken are gone. A link that leaves no gaps
    /// gets them only as copies, beside one that does. `carries` says that some of them may be followed.
    mutating func offer(
        _ slots: UnsafeMutablePointer<Slot>,
        _ number: Int,
        copying: Bool,
        carries: Bool = false,
        now: Int
    ) -> Int {
        if isPlain, !isDead, !(copying && slots.holdGap(number)) {
            let accepted = min(number, policy.capacity - books.held)
            guard accepted > 0 else { return 0 }
            assert(!slots.holdGap(accepted), "a gap was to be counted as an item")
            if carries { followed += slots.countFollowed(accepted) }
            if copying { ring.copyIn(slots, accepted) } else { ring.moveIn(slots, accepted) }
            books.in += counted(accepted, .linkTookBatch)
            books.held += accepted
            return accepted
        }
        for index in 0..<number where !offer(slots + index, copying: copying, now: now) { return index }
        return number
    }

    /// Offers what stands in a batch's memory, from its start; the memory is exchanged where that spares the moves. So many of
    /// the items are followed.
    mutating func offer(
        batch: inout UnsafeMutablePointer<Slot>,
        _ number: Int,
        followed among: Int = 0,
        now: Int
    ) -> Int {
        guard isPlain, !isDead, number <= policy.capacity - books.held, ring.exchange(&batch, number) else {
            return offer(batch, number, copying: false, carries: among > 0, now: now)
        }
        followed += among
        books.in += counted(number, .linkTookBatch)
        books.held += number
        return number
    }

    private mutating func offer(_ slot: UnsafeMutablePointer<Slot>, copying: Bool, now: Int) -> Bool {
        if slot.pointee.header.isGap {
            if leavesGaps, !isDead { appendGap(Slot(gapAgain: slot.pointee)) }
            if !copying { slot.destroy() }
            return true
        }
        if isDead {
            refuse(slot, .failed, copying: copying)
            return true
        }
        if let reason = admission.refusal(slot.pointee.header, now: now) {
            admission.refuse(for: reason)
            refuse(slot, reason, copying: copying)
            return true
        }
        let size = slot.pointee.header.bytes
        if !hasRoom(for: size) {
            expire(now: now)
            switch policy.whenFull {
            case .block: if !hasRoom(for: size) { return false }
            case .dropNewest:
                if !hasRoom(for: size) {
                    refuse(slot, .overflow, copying: copying)
                    return true
                }
            case .dropOldest, .latest: while !hasRoom(for: size) { dropOldest(.overflow) }
            }
        }
        admission.admit(now: now)
        books.in += counted(1, .linkTook)
        books.held += 1
        if slot.pointee.header.isFollowed { followed += 1 }
        if countsBytes { bytes += size }
        let place = ring.pushBack()
        if copying { slot.copy(to: place) } else { place.moveInitialize(from: slot, count: 1) }
        return true
    }

    /// An empty link takes any one item, or one that is larger than the link would wait forever.
    private func hasRoom(for size: Int) -> Bool {
        if books.held >= policy.capacity { return false }
        guard let most = policy.maxBytes?.bytes, books.held > 0 else { return true }
        return bytes + size <= most
    }

    private mutating func refuse(_ slot: UnsafeMutablePointer<Slot>, _ reason: DropReason, copying: Bool) {
        books.in += counted(1, .linkRefusedArrival)
        books.dropped[reason] += counted(1, .linkRefused)
        tell(slot.pointee.header, reason)
        if leavesGaps, !isDead { appendGap(Slot(gapAt: slot.pointee.header, count: 1, reason: reason)) }
        if !copying { slot.destroy() }
    }

    // MARK: Out

    /// Moves what waits to the caller, oldest first, and returns how many slots. A batch's whole memory is exchanged
    /// where that spares the moves.
    mutating func take(into batch: inout UnsafeMutablePointer<Slot>, _ most: Int, now: Int) -> Int {
        expire(now: now)
        let number = min(most, ring.count)
        guard number > 0 else { return 0 }
        if !ring.exchangeOut(&batch, number) { ring.moveOut(to: batch, number) }
        if followed > 0 { followed -= ring.count == 0 ? followed : batch.countFollowed(number) }
        if isPlain {
            books.out += counted(number, .linkGaveBatch)
            books.held -= number
        } else {
            for index in 0..<number where !batch[index].header.isGap {
                books.out += counted(1, .linkGave)
                books.held -= 1
                if countsBytes { bytes -= batch[index].header.bytes }
            }
        }
        if isEnded { ring.shrink() }
        return number
    }

    /// Drops what has become too old. Items of one source come in order of capture, so the first that is young enough
    /// ends the search; what an older one behind it waits for is the next `take`.
    private mutating func expire(now: Int) {
        guard policy.maxAge != nil else { return }
        while let oldest = oldestItem, admission.isTooOld(ring.slot(oldest).pointee.header, now: now) {
            dropOldest(.tooOld)
        }
    }

    /// The position of the oldest item: only gaps stand before it.
    private var oldestItem: Int? {
        guard books.held > 0 else { return nil }
        var position = 0
        while ring.slot(position).pointee.header.isGap { position += 1 }
        return position
    }

    private mutating func dropOldest(_ reason: DropReason) {
        guard let position = oldestItem else { return }
        books.dropped[reason] += counted(1, .linkDroppedOldest)
        books.held -= 1
        let slot = ring.slot(position)
        forget(slot.pointee.header, reason)
        if countsBytes { bytes -= slot.pointee.header.bytes }
        guard leavesGaps else {
            ring.popFront().destroy()
            return
        }
        let gap = Slot(gapAt: slot.pointee.header, count: 1, reason: reason)
        slot.destroy()
        if position > 0, ring.slot(position - 1).pointee.extend(with: gap) {
            closeHole(at: position)
        } else {
            slot.initialize(to: gap)
            if gapCount > mostGaps { ring.popFront().destroy() }
        }
    }

    // MARK: Items that are followed

    private func tell(_ header: Header, _ reason: DropReason) {
        if tellsAll || header.isFollowed { dropped?(header, reason) }
    }

    /// One that waited here is lost.
    private mutating func forget(_ header: Header, _ reason: DropReason) {
        if header.isFollowed { followed -= 1 }
        tell(header, reason)
    }

    /// Whether the item waits here.
    func holds(_ item: FollowedItem) -> Bool {
        (0..<ring.count).contains { position in
            let header = ring.slot(position).pointee.header
            return !header.isGap && header.source == item.source && header.sequence == item.sequence
                && header.key == item.key
        }
    }

    // MARK: Gaps

    private var gapCount: Int { ring.count - books.held }
    /// A gap is a service to who waits for a partner. Where more of them than this cannot be told in one, the oldest is
    /// forgotten, and the partner's `window` ends the wait.
    private var mostGaps: Int { policy.capacity + 8 }

    private mutating func appendGap(_ gap: consuming Slot) {
        if ring.count > 0, ring.slot(ring.count - 1).pointee.extend(with: gap) { return }
        guard gapCount < mostGaps else { return }
        ring.pushBack().initialize(to: gap)
    }

    /// Moves the slots before an emptied place up by one.
    private mutating func closeHole(at position: Int) {
        for index in stride(from: position, to: 0, by: -1) {
            ring.slot(index).moveInitialize(from: ring.slot(index - 1), count: 1)
        }
        _ = ring.popFront()
    }

    // MARK: The end

    /// Nothing more will come.
    mutating func close() {
        isClosed = true
        if isEnded { ring.shrink() }
    }

    /// Drops all that waits.
    mutating func discard(_ reason: DropReason) {
        while ring.count > 0 {
            let slot = ring.popFront()
            if !slot.pointee.header.isGap {
                forget(slot.pointee.header, reason)
                books.dropped[reason] += counted(1, .linkDiscarded)
                books.held -= 1
            }
            slot.destroy()
        }
        bytes = 0
    }

    /// Items that were sent and never offered.
    mutating func abandon(_ count: Int, _ reason: DropReason) {
        books.in += counted(count, .linkAbandonedArrival)
        books.dropped[reason] += counted(count, .linkAbandoned)
    }

    /// The stage behind it has failed for good.
    mutating func die() {
        discard(.failed)
        isDead = true
    }
}

extension UnsafeMutablePointer<Slot> {
    fileprivate func holdGap(_ number: Int) -> Bool { (0..<number).contains { self[$0].header.isGap } }
}
