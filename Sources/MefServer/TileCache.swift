internal import Mef3
internal import Synchronization

/// Decoded samples of consecutive blocks of a channel.
struct Tile: Sendable {
    /// Number of the first sample within the channel.
    let first: Int
    /// Samples as they are stored; the smallest number for those that are lost.
    let counts: [Int32]
    /// Blocks that could not be read.
    let damaged: Int

    var samples: Range<Int> { first..<first + counts.count }
}

/// A tile and where it is read from. Two are the same if they are the same part of the same open session.
struct TileKey: ShelfKey {
    let file: Int
    let channel: Int
    let number: Int
    let source: MefChannel
    let samples: Range<Int>

    var bytes: Int { samples.count * MemoryLayout<Int32>.size }

    static func == (a: TileKey, b: TileKey) -> Bool {
        a.file == b.file && a.channel == b.channel && a.number == b.number
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(file)
        hasher.combine(channel)
        hasher.combine(number)
    }
}

/// Keeps decoded tiles within a budget, and has each one read once by the pool.
final class TileCache: Sendable {
    typealias Outcome = Result<Tile, MefError>

    private struct State: ~Copyable {
        var shelf: Shelf<TileKey, Outcome>
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextTicket = 0
    }

    private let state: Mutex<State>
    private let pool: WorkPool
    private let clock = ContinuousClock()

    init(budget: Int, pool: WorkPool) {
        state = Mutex(State(shelf: Shelf(budget: budget)))
        self.pool = pool
    }

    /// Gets tiles and hands them to `body`, reading those that are not there.
    ///
    /// They stay in memory until `body` returns, which must not wait for other tiles.
    func with<Value: Sendable>(
        _ keys: [TileKey],
        _ body: ([Tile]) throws -> Value
    ) async throws -> Value {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let isComplete = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Cancelled before: nobody would resume it later.
                guard !Task.isCancelled else { return continuation.resume(returning: false) }
                act(
                    state.withLock { state in
                        state.waiting[ticket] = continuation
                        return state.shelf.ask(ticket, keys, clock.now)
                    }
                )
                if Task.isCancelled { abandon(ticket) }
            }
        } onCancel: {
            abandon(ticket)
        }
        defer { act(state.withLock { $0.shelf.giveBack(ticket, clock.now) }) }
        guard isComplete else { throw CancellationError() }
        let outcomes = state.withLock { $0.shelf.tiles(ticket) }
        return try body(try outcomes.map { outcome throws(MefError) in try outcome.get() })
    }

    /// Reads tiles ahead of any request, as far as there is room and idle threads.
    func prepare(_ keys: [TileKey]) {
        for key in state.withLock({ $0.shelf.offer(keys, clock.now) }) { pool.submit(.spare) { self.read(key) } }
    }

    func forget(file: Int) { state.withLock { $0.shelf.forget(file: file) } }

    func expire(olderThan age: Duration) { state.withLock { $0.shelf.expire(before: clock.now - age) } }

    var counts: (shelf: Shelf<TileKey, Outcome>.Counts, bytes: Int, tiles: Int) {
        state.withLock { ($0.shelf.counts, $0.shelf.bytes, $0.shelf.count) }
    }

    private func abandon(_ ticket: Int) {
        state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
    }

    private func act(_ order: Shelf<TileKey, Outcome>.Order) {
        for key in order.reads { pool.submit(.urgent) { self.read(key) } }
        for ticket in order.complete {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: true)
        }
    }

    private func read(_ key: TileKey) {
        guard state.withLock({ $0.shelf.begin(key) }) else { return }
        var outcome: Outcome
        // A tile that failed for a reason outside the recording is read again next time.
        var isLasting = true
        do throws(MefError) {
            let answer = try key.source.counts(key.samples)
            isLasting = !answer.damage.contains { $0.error.code == .system }
            outcome = .success(Tile(first: key.samples.lowerBound, counts: answer.values, damaged: answer.damage.count))
        } catch {
            isLasting = false
            outcome = .failure(error)
        }
        act(state.withLock { $0.shelf.finish(key, outcome, keep: isLasting, clock.now) })
    }
}
