/// Times that are to enter a stage's histograms, each with how many items it holds for. Items of a batch most often share
/// theirs, so that a batch costs little more than one item; and the histograms' lock is taken when a stage is let go.
struct TimeRuns {
    enum Kind {
        /// In the link.
        case wait
        /// In the stage.
        case service
        /// From capture to a sink.
        case latency(source: UInt32)
    }

    struct Run {
        var kind: Kind
        var nanoseconds: Int
        var items: Int
    }

    private let runs = UnsafeMutablePointer<Run>.allocate(capacity: most)
    private(set) var count = 0
    private static let most = 32

    /// To be called once.
    func deallocate() { runs.deallocate() }

    var isFull: Bool { count == Self.most }

    subscript(index: Int) -> Run { runs[index] }

    mutating func removeAll() { count = 0 }

    /// There must be room.
    mutating func add(_ kind: Kind, _ nanoseconds: Int, items: Int) {
        (runs + count).initialize(to: Run(kind: kind, nanoseconds: nanoseconds, items: items))
        count += 1
    }
}
