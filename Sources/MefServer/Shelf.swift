/// Which tile.
protocol ShelfKey: Hashable, Sendable {
    /// Number of the session it belongs to, never used twice.
    var file: Int { get }
    /// Memory it takes.
    var bytes: Int { get }
}

/// What tiles are in memory, being read or waited for: the rules, without lock, thread or clock.
///
/// A request takes all tiles of its step at once or waits in line, and gives all of them back before it asks for more.
/// So nobody holds tiles while waiting for room, and requests cannot block each other for ever. A tile is read once
/// however many want it.
struct Shelf<Key: ShelfKey, Tile> {
    /// What a request has to do next.
    struct Order {
        /// Tiles to read: nobody has begun with them.
        var reads: [Key] = []
        /// Requests that have all their tiles now.
        var complete: [Int] = []
    }

    private struct Entry {
        var tile: Tile?
        var isBegun = false
        var pins = 0
        var isDoomed = false
        /// Read before anybody asked, and not asked for since.
        var isAhead = false
        var stamp = 0
        var used: ContinuousClock.Instant
    }

    private struct Request {
        var keys: [Key]
        var missing = 0
        var isAdmitted = false
    }

    struct Counts {
        var hits = 0
        var misses = 0
        /// Misses of tiles that were being read already.
        var joined = 0
        var aheadReads = 0
        var aheadHits = 0
        var evictions = 0
    }

    let budget: Int
    private(set) var bytes = 0
    private(set) var counts = Counts()
    private var pinnedBytes = 0
    private var entries: [Key: Entry] = [:]
    private var requests: [Int: Request] = [:]
    private var line = Fifo<Int>()
    /// Tiles by last use; those whose stamp is not the entry's have been used since.
    private var recency = Fifo<(key: Key, stamp: Int)>()
    private var stamp = 0
    private var waiters: [Key: [Int]] = [:]

    init(budget: Int) { self.budget = budget }

    var count: Int { entries.count }

    /// A request for tiles, each named once; `ticket` names the request.
    mutating func ask(_ ticket: Int, _ keys: [Key], _ now: ContinuousClock.Instant) -> Order {
        var order = Order()
        requests[ticket] = Request(keys: keys)
        line.append(ticket)
        admit(&order, now)
        return order
    }

    /// Whether the caller is the one to read a tile; others have begun, or nobody wants it any more.
    mutating func begin(_ key: Key) -> Bool {
        guard let entry = entries[key], !entry.isBegun, entry.tile == nil else { return false }
        if entry.isDoomed, entry.pins == 0 {
            drop(key)
            return false
        }
        entries[key]?.isBegun = true
        return true
    }

    /// A tile was read. One that is not worth keeping serves those who wait for it and goes.
    mutating func finish(_ key: Key, _ tile: Tile, keep: Bool, _ now: ContinuousClock.Instant) -> Order {
        var order = Order()
        entries[key]?.tile = tile
        if !keep { entries[key]?.isDoomed = true }
        touch(key, now)
        for ticket in waiters.removeValue(forKey: key) ?? [] {
            requests[ticket]?.missing -= 1
            if requests[ticket]?.missing == 0 { order.complete.append(ticket) }
        }
        if let entry = entries[key], entry.isDoomed, entry.pins == 0 { drop(key) }
        // It may have been begun for nobody, and the room given away since.
        evict()
        admit(&order, now)
        return order
    }

    /// The tiles of a complete request, in the order they were asked for.
    func tiles(_ ticket: Int) -> [Tile] { (requests[ticket]?.keys ?? []).compactMap { entries[$0]?.tile } }

    /// The request is over, complete or not.
    mutating func giveBack(_ ticket: Int, _ now: ContinuousClock.Instant) -> Order {
        var order = Order()
        guard let request = requests.removeValue(forKey: ticket) else { return order }
        if request.isAdmitted {
            for key in request.keys {
                if request.missing > 0, waiters[key]?.contains(ticket) == true {
                    waiters[key]?.removeAll { $0 == ticket }
                    if waiters[key]?.isEmpty == true { waiters[key] = nil }
                }
                unpin(key, now)
            }
        } else {
            line.removeAll { $0 == ticket }
        }
        admit(&order, now)
        return order
    }

    /// Tiles that may be wanted soon: those there is room for without taking any from a request.
    mutating func offer(_ keys: [Key], _ now: ContinuousClock.Instant) -> [Key] {
        guard line.isEmpty else { return [] }
        var reads: [Key] = []
        for key in keys where entries[key] == nil {
            let size = key.bytes
            guard pinnedBytes + size <= budget else { break }
            evict(for: size, sparesAhead: true)
            guard bytes + size <= budget else { break }
            entries[key] = Entry(isAhead: true, used: now)
            bytes += size
            counts.aheadReads += 1
            touch(key, now)
            reads.append(key)
        }
        return reads
    }

    /// Drops what belongs to sessions that were closed, as soon as nobody uses it.
    mutating func forget(file: Int) {
        for (key, entry) in entries where key.file == file {
            if entry.pins == 0, entry.tile != nil || !entry.isBegun { drop(key) } else { entries[key]?.isDoomed = true }
        }
    }

    /// Drops tiles nobody has asked for since `cutoff`.
    mutating func expire(before cutoff: ContinuousClock.Instant) {
        for (key, entry) in entries where entry.pins == 0 && entry.tile != nil && entry.used < cutoff { drop(key) }
    }

    // In order, so that a large request is not overtaken for ever by small ones.
    private mutating func admit(_ order: inout Order, _ now: ContinuousClock.Instant) {
        while let ticket = line.first, let request = requests[ticket] {
            var fresh = 0
            for key in request.keys where entries[key].map({ $0.pins == 0 }) ?? true { fresh += key.bytes }
            // A request that is larger than everything gets its turn when it is alone.
            guard pinnedBytes + fresh <= budget || pinnedBytes == 0 else { return }
            _ = line.popFirst()
            take(ticket, request, &order, now)
        }
    }

    private mutating func take(
        _ ticket: Int,
        _ request: Request,
        _ order: inout Order,
        _ now: ContinuousClock.Instant
    ) {
        var missing = 0
        for key in request.keys {
            if entries[key] == nil {
                entries[key] = Entry(used: now)
                bytes += key.bytes
            }
            guard var entry = entries[key] else { continue }
            if entry.pins == 0 { pinnedBytes += key.bytes }
            entry.pins += 1
            if entry.isAhead {
                entry.isAhead = false
                counts.aheadHits += 1
            }
            entries[key] = entry
            if entry.tile != nil {
                counts.hits += 1
                continue
            }
            counts.misses += 1
            if waiters[key] != nil { counts.joined += 1 }
            missing += 1
            waiters[key, default: []].append(ticket)
            // One that waits for a spare thread is asked for again in the urgent lane; the first to begin reads it.
            if !entry.isBegun { order.reads.append(key) }
        }
        requests[ticket]?.missing = missing
        requests[ticket]?.isAdmitted = true
        if missing == 0 { order.complete.append(ticket) }
        evict()
    }

    private mutating func unpin(_ key: Key, _ now: ContinuousClock.Instant) {
        guard var entry = entries[key] else { return }
        entry.pins -= 1
        entries[key] = entry
        guard entry.pins == 0 else { return }
        pinnedBytes -= key.bytes
        // A read nobody waits for any more is not begun; one that has begun ends and is kept.
        if entry.isDoomed && entry.tile != nil || entry.tile == nil && !entry.isBegun { return drop(key) }
        touch(key, now)
        evict()
    }

    private mutating func touch(_ key: Key, _ now: ContinuousClock.Instant) {
        guard entries[key] != nil else { return }
        stamp += 1
        entries[key]?.stamp = stamp
        entries[key]?.used = now
        recency.append((key, stamp))
        guard recency.count > 2 * entries.count + 64 else { return }
        let entries = entries
        recency.removeAll { entries[$0.key]?.stamp != $0.stamp }
    }

    /// Makes room by dropping what was used longest ago, as far as nobody uses it now.
    ///
    /// - Parameter spares: Stops at what is still to be read ahead, so that guesses do not push each other out.
    private mutating func evict(for size: Int = 0, sparesAhead spares: Bool = false) {
        while bytes + size > budget, let (key, stamp) = recency.first {
            if let entry = entries[key], entry.stamp == stamp, entry.pins == 0 {
                let isUnread = entry.tile == nil && !entry.isBegun
                if isUnread, spares { return }
                if entry.tile != nil || isUnread {
                    counts.evictions += 1
                    drop(key)
                }
            }
            // What is pinned or being read comes back into the order when it is given back or finished.
            _ = recency.popFirst()
        }
    }

    private mutating func drop(_ key: Key) {
        if entries.removeValue(forKey: key) != nil { bytes -= key.bytes }
    }
}
