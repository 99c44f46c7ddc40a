/// What others may read of a stage copy, as of the end of its last step.
struct NodeNumbers {
    var books = StageBooks()
    /// Items that came from the stage before without a queue.
    var passedOver = 0
    var sent: [Int] = []
    var state = StageNumbers.State.running
    var restarts = 0
    var stalls = 0
    var busy = 0
    var times = StageTimes()
    /// What the stage does since it was last let go, and since when.
    var stance = Stance.idle
    var standsSince = 0
    var failure: String?
    var progress: Progress?
    var pace = Pacing()
    /// Ways in for threads, with books of their own.
    var intakes: [Link] = []
    /// What became of items that are followed.
    var notes = NoteRing(among: .max)
    var unseen = Unseen()
}

/// Items of batches whose times were not looked at, since the last that was: they count as its items do. They enter the
/// histograms with the next look, so that what is seldom touched is not touched for them.
struct Unseen {
    var taken = 0
    var done = 0
    /// Where most items of the last batch that was looked at have their times from capture.
    var latencies: LiveHistogram?

    var isEmpty: Bool { taken == 0 && done == 0 }
}

/// Times from capture to a sink, by source. It is changed under the lock of the numbers, for those who read it.
struct LatencyHistograms {
    private(set) var all: [(source: UInt32, histogram: LiveHistogram)] = []
    /// By source, so that one is found at once; most stages know few.
    private var bySource: [LiveHistogram?] = []

    func deallocate() { for (_, histogram) in all { histogram.deallocate() } }

    /// Nil where none was recorded yet.
    subscript(source: UInt32) -> LiveHistogram? { source < bySource.count ? bySource[Int(source)] : nil }

    mutating func add(_ source: UInt32) -> LiveHistogram {
        let histogram = LiveHistogram()
        all.append((source, histogram))
        while bySource.count <= source { bySource.append(nil) }
        bySource[Int(source)] = histogram
        return histogram
    }
}

/// What a stage copy does between two steps.
enum Stance {
    /// Nothing has come for it.
    case idle
    /// There is something to do, and no worker has taken it up yet.
    case ready
    /// Its outputs have no room.
    case blocked
    /// It waits for its own work: an answer from outside, or the end of a time in which it takes nothing.
    case working
}

extension StageTimes {
    mutating func add(_ stance: Stance, _ nanoseconds: Int) {
        let time = Duration.nanoseconds(max(0, nanoseconds))
        switch stance {
        case .idle: idle += time
        case .ready: ready += time
        case .blocked: blocked += time
        case .working: working += time
        }
    }
}

/// How fast a source wants to be: what it makes between the times at which it asks to be called.
struct Pacing {
    private var first: (time: Int, made: Int)?
    private var last: (time: Int, made: Int)?

    mutating func asks(for time: Int, after made: Int) {
        if first == nil { first = (time, made) } else { last = (time, made) }
    }

    var perSecond: Double? {
        guard let first, let last, last.time > first.time, last.made > first.made else { return nil }
        return Double(last.made - first.made) * 1e9 / Double(last.time - first.time)
    }
}
