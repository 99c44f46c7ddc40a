/// Which batches a stage looks at to enter their times into its histograms: all of them, unless more than a hundred thousand come in a
/// second. Then it looks at each thirteenth, and those up to the next count as it did: a look costs what some items cost, and
/// thousands of looks a second tell as much as all of them.
///
/// Thirteen, since bursts are of powers of two: so each of their batches has its turn.
struct Glances {
    /// Batches that are left out between two looks.
    private var between = 0
    private let most: Int
    private var leftOut = 0
    /// By when there is a look in any case.
    private var due = Int.min
    /// Batches since the rate was measured last, and when that was.
    private var round = (batches: 0, began: 0)

    private static let step = 13
    private static let roundOf = 64
    /// Nanoseconds a batch.
    private static let fast = 10_000

    /// Where time stands still within a step, and where each wait is written down, there is nothing to be spared.
    init(seesAll: Bool) { most = seesAll ? 0 : Self.step - 1 }

    /// Whether to look at the batch that is taken now.
    @inline(__always)
    mutating func looks(at now: Int) -> Bool {
        if leftOut < between, now < due {
            leftOut += 1
            return false
        }
        look(at: now)
        return true
    }

    private mutating func look(at now: Int) {
        round.batches += leftOut + 1
        leftOut = 0
        due = now &+ Self.step * Self.fast
        guard round.batches >= Self.roundOf else { return }
        between = now &- round.began < round.batches * Self.fast ? most : 0
        round = (0, now)
    }
}
