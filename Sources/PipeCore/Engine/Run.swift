/// How a run ended.
public struct RunOutcome: Sendable {
    /// The last numbers: nothing moves any more.
    public var numbers: RunNumbers
    /// What failed for good, in words.
    public var troubles: [String]
    /// Every stage came to its end by itself.
    public var isComplete: Bool
}

/// A graph that runs on real time.
public final class Run: Sendable {
    private let engine: Engine
    private let workers: Workers

    /// `fuses: false` keeps a queue between any two stages.
    public init(
        _ plan: Plan,
        _ options: EngineOptions,
        workers settings: WorkerSettings = WorkerSettings(),
        fuses: Bool = true
    ) {
        workers = Workers(settings, mayFuse: fuses)
        engine = Engine(plan, options, runner: workers)
        workers.engine = engine
    }

    public func start() {
        engine.begin()  // before a worker could find that nothing moves
        workers.start()
    }

    /// The time since the start.
    public var time: Duration { .nanoseconds(workers.time) }
    public var numbers: RunNumbers { engine.numbers }

    /// Sources make no more; what is under way goes on to its end.
    public func stop() { engine.stop() }

    /// Ends a `wait` at once.
    public func interrupt() { workers.interrupt() }

    /// Waits for the end, for an interruption, or for so long since the start; true says that the end has come.
    public func wait(until time: Duration? = nil) -> Bool {
        workers.wait(until: time?.nanoseconds)
    }

    /// Ends the run: what has not come to its end is dropped for this reason. To be called once, at the end.
    public func finish(dropping reason: DropReason = .cancelled) -> RunOutcome {
        workers.stop()
        if workers.isStandstill { engine.reportStandstill() }
        let isComplete = engine.nodes.allSatisfy(\.isOver)
        engine.cancel(reason)
        return RunOutcome(numbers: engine.numbers, troubles: engine.allTroubles, isComplete: isComplete)
    }
}

/// A graph that runs on virtual time.
public struct SimulatedRun {
    /// Runs a plan to its end, for so long in virtual time, or for so many steps. What is left then is still held, for
    /// the books to show. `stop` is when the sources are told to make no more.
    public static func run(
        _ plan: Plan,
        _ options: EngineOptions,
        faults: [PlannedFault] = [],
        for duration: Duration? = nil,
        stoppingAt stop: Duration? = nil,
        steps: Int = .max
    ) -> RunOutcome {
        let simulator = Simulator(seed: options.seed, faults: faults)
        let engine = Engine(plan, options, runner: simulator)
        simulator.engine = engine
        engine.begin()
        if let stop {
            simulator.run(until: min(stop, duration ?? stop).nanoseconds, steps: steps)
            engine.stop()
        }
        simulator.run(until: duration?.nanoseconds ?? .max, steps: steps)
        if simulator.isStandstill, !simulator.isFinished { engine.reportStandstill() }
        let outcome = RunOutcome(
            numbers: engine.numbers,
            troubles: engine.allTroubles,
            isComplete: engine.nodes.allSatisfy(\.isOver)
        )
        engine.cancel(.cancelled)
        simulator.end()
        return outcome
    }
}
