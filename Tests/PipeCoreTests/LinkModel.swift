import PipeCore

/// What a link does, said slowly: an array, and a few lines a rule. `LinkQueue` must do the same.
struct LinkModel {
    struct Waiting: Equatable {
        var source: UInt32
        var sequence: Int
        var captured: Int
        var bytes: Int
    }

    enum Entry: Equatable {
        case item(Waiting)
        /// Items of a source that will not come.
        case gap(source: UInt32, first: Int, count: Int, DropReason)
    }

    let policy: LinkPolicy
    let leavesGaps: Bool
    var waiting: [Entry] = []
    var arrived = 0
    var left = 0
    var dropped = DropCounts()
    var isClosed = false
    var isDead = false
    var toSkip = 0
    var due: Int?

    init(_ policy: LinkPolicy, leavesGaps: Bool) {
        self.policy = policy
        self.leavesGaps = leavesGaps
    }

    var items: [Waiting] { waiting.compactMap { if case .item(let item) = $0 { item } else { nil } } }
    var bytes: Int { items.reduce(0) { $0 + $1.bytes } }
    var gaps: Int { waiting.count - items.count }
    var isEnded: Bool { isClosed && waiting.isEmpty }
    var room: Int { policy.whenFull == .block && !isDead ? policy.capacity - items.count : .max }

    var books: LinkBooks {
        var books = LinkBooks()
        (books.in, books.out, books.dropped, books.held) = (arrived, left, dropped, items.count)
        return books
    }

    // MARK: In

    /// How many of these enter, into the queue or into the books, before one must wait.
    mutating func offer(_ entries: [Entry], now: Int) -> Int {
        entries.firstIndex { !takesIn($0, now: now) } ?? entries.count
    }

    private mutating func takesIn(_ entry: Entry, now: Int) -> Bool {
        guard case .item(let item) = entry else {
            remember(entry)
            return true
        }
        if let reason = refusal(of: item, now: now) {
            if reason == .skipped { toSkip -= 1 }
            lose(item, reason)
            return true
        }
        if !fits(item) { expire(now) }
        if !fits(item) {
            switch policy.whenFull {
            case .block: return false
            case .dropNewest:
                lose(item, .overflow)
                return true
            case .dropOldest, .latest: while !fits(item) { dropOldest(.overflow) }
            }
        }
        toSkip = policy.skipFrames
        if let interval { due = max(due ?? now, now) + interval }
        arrived += 1
        waiting.append(entry)
        return true
    }

    private func refusal(of item: Waiting, now: Int) -> DropReason? {
        if isDead { return .failed }
        if isTooOld(item, now) { return .tooOld }
        if toSkip > 0 { return .skipped }
        if let interval, let due, now < due - interval / 2 { return .rate }
        return nil
    }

    private var interval: Int? { policy.rate.map { Int(1e9 / $0.perSecond) } }

    private func isTooOld(_ item: Waiting, _ now: Int) -> Bool {
        policy.maxAge.map { now - item.captured > $0.nanoseconds } ?? false
    }

    /// An empty link takes one item of any size.
    private func fits(_ item: Waiting) -> Bool {
        guard items.count < policy.capacity else { return false }
        return items.isEmpty || bytes + item.bytes <= policy.maxBytes?.bytes ?? .max
    }

    private mutating func lose(_ item: Waiting, _ reason: DropReason) {
        arrived += 1
        dropped[reason] += 1
        remember(.gap(source: item.source, first: item.sequence, count: 1, reason))
    }

    // MARK: Out

    mutating func take(_ most: Int, now: Int) -> [Entry] {
        expire(now)
        let taken = Array(waiting.prefix(most))
        waiting.removeFirst(taken.count)
        for case .item in taken { left += 1 }
        return taken
    }

    private mutating func expire(_ now: Int) {
        while let oldest = items.first, isTooOld(oldest, now) { dropOldest(.tooOld) }
    }

    private mutating func dropOldest(_ reason: DropReason) {
        let place = waiting.firstIndex { if case .item = $0 { true } else { false } }
        guard let place, case .item(let item) = waiting[place] else { return }
        dropped[reason] += 1
        guard leavesGaps else {
            waiting.remove(at: place)
            return
        }
        let gap = Entry.gap(source: item.source, first: item.sequence, count: 1, reason)
        if place > 0, let both = Self.joined(waiting[place - 1], gap) {
            waiting.replaceSubrange(place - 1...place, with: [both])
        } else {
            waiting[place] = gap
            if gaps > mostGaps { waiting.removeFirst() }
        }
    }

    // MARK: Gaps

    private var mostGaps: Int { policy.capacity + 8 }

    private mutating func remember(_ gap: Entry) {
        guard leavesGaps, !isDead else { return }
        if let last = waiting.last, let both = Self.joined(last, gap) {
            waiting[waiting.count - 1] = both
        } else if gaps < mostGaps {
            waiting.append(gap)
        }
    }

    /// One gap for two that follow each other.
    private static func joined(_ a: Entry, _ b: Entry) -> Entry? {
        guard case .gap(let source, let first, let count, let reason) = a,
            case .gap(source, first + count, let more, reason) = b
        else { return nil }
        return .gap(source: source, first: first, count: count + more, reason)
    }

    // MARK: The end

    mutating func close() { isClosed = true }

    mutating func discard(_ reason: DropReason) {
        dropped[reason] += items.count
        waiting = []
    }

    mutating func abandon(_ count: Int, _ reason: DropReason) {
        arrived += count
        dropped[reason] += count
    }

    mutating func die() {
        discard(.failed)
        isDead = true
    }
}

extension LinkModel.Entry: CustomStringConvertible {
    var description: String {
        switch self {
        case .item(let item): "\(item.source)#\(item.sequence) of \(item.captured) (\(item.bytes) B)"
        case .gap(let source, let first, let count, let reason): "\(source)#\(first)+\(count) \(reason.rawValue)"
        }
    }
}
