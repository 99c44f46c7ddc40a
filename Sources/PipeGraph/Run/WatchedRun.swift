public import PipeCore
import Synchronization

/// A run as those see it who watch it from outside: its page, monitors, people at a shell.
public struct WatchedRun: Sendable {
    public var graph: Graph
    public var version: String
    public var board: Board
    /// Threads that step the stages.
    public var workers: Int
    /// The date at which the run began: seconds since 1970.
    public var began: Double
    public var numbers: @Sendable () -> RunNumbers
    /// The time since the run began.
    public var time: @Sendable () -> Duration
    /// Whether the sources were told to make no more.
    public var isDraining: @Sendable () -> Bool
    /// Lets what is under way come to its end.
    public var drain: @Sendable () -> Void
    /// Ends the run at once.
    public var stop: @Sendable () -> Void

    public init(
        _ graph: Graph,
        version: String,
        board: Board,
        workers: Int,
        began: Double,
        numbers: @escaping @Sendable () -> RunNumbers,
        time: @escaping @Sendable () -> Duration,
        isDraining: @escaping @Sendable () -> Bool,
        drain: @escaping @Sendable () -> Void,
        stop: @escaping @Sendable () -> Void
    ) {
        self.graph = graph
        self.version = version
        self.board = board
        self.workers = workers
        self.began = began
        self.numbers = numbers
        self.time = time
        self.isDraining = isDraining
        self.drain = drain
        self.stop = stop
    }
}

extension WatchedRun {
    /// The date now: seconds since 1970, by the clock of the run, which never jumps.
    public var date: Double { began + time().seconds }
}

/// One snapshot for all who ask at about the same time: a run takes its locks a few times a second, however many ask.
public final class Snapshots: Sendable {
    private let take: @Sendable () -> RunNumbers
    private let last = Mutex<(numbers: RunNumbers, at: ContinuousClock.Instant)?>(nil)
    private let freshness = Duration.milliseconds(50)

    public init(_ take: @escaping @Sendable () -> RunNumbers) { self.take = take }

    public var numbers: RunNumbers {
        let now = ContinuousClock.now
        if let last = last.withLock({ $0 }), now - last.at < freshness { return last.numbers }
        let numbers = take()
        last.withLock { $0 = (numbers, now) }
        return numbers
    }
}
