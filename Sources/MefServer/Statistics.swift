internal import Synchronization

/// What a server has done so far and holds now.
public struct Statistics: Sendable, Hashable {
    /// Calls that were answered, and those in progress.
    public var calls = 0
    public var activeCalls = 0
    /// Clients with calls in progress.
    public var activeClients = 0
    /// Calls refused for want of a token or of room.
    public var refusedCalls = 0
    /// Sessions that are open.
    public var openFiles = 0
    /// Values sent, NaN included.
    public var values = 0
    /// Tiles found in memory, and those that had to be read.
    public var tileHits = 0
    public var tileMisses = 0
    /// Misses of tiles that somebody else was having read already.
    public var tileJoins = 0
    /// Tiles read before anybody asked, and how many of them somebody did ask for.
    public var prefetched = 0
    public var prefetchHits = 0
    /// Tiles that made room for others.
    public var evictions = 0
    /// Tiles in memory and the bytes of their samples.
    public var tiles = 0
    public var tileBytes = 0
    /// Damaged blocks behind messages that were sent, again for each message, and damage found when opening.
    public var damaged = 0
}

/// Counts that many threads add to.
final class Counters: Sendable {
    let calls = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let values = Atomic<Int>(0)
    let damaged = Atomic<Int>(0)
}

extension Service {
    var statistics: Statistics {
        var statistics = Statistics()
        statistics.calls = counters.calls.load(ordering: .relaxed)
        statistics.refusedCalls = counters.refused.load(ordering: .relaxed)
        statistics.values = counters.values.load(ordering: .relaxed)
        statistics.damaged = counters.damaged.load(ordering: .relaxed)
        statistics.activeClients = activeClients
        statistics.openFiles = openFiles
        let (shelf, bytes, tiles) = cache.counts
        statistics.tileHits = shelf.hits
        statistics.tileMisses = shelf.misses
        statistics.tileJoins = shelf.joined
        statistics.prefetched = shelf.aheadReads
        statistics.prefetchHits = shelf.aheadHits
        statistics.evictions = shelf.evictions
        statistics.tiles = tiles
        statistics.tileBytes = bytes
        return statistics
    }
}
