/// How a run ended.
public struct RunOutcome: Sendable {
    /// The last numbers: nothing moves any more.
    public var numbers: RunNumbers
    /// What failed for good, in words.
    public var troubles: [String]
    /// Every stage came to its end by itself.
    public var isComplete: Bool

    package init(numbers: RunNumbers, troubles: [String], isComplete: Bool) {
        self.numbers = numbers
        self.troubles = troubles
        self.isComplete = isComplete
    }
}

/// What those may look at who talk to a run.
public protocol InspectedRun: Sendable {
    /// The name of the stage copy that an item began at.
    func sourceName(_ source: UInt32) -> String
    /// Looks at the items of the links of this name, over all stations or at one; false where there is none.
    func add(_ watch: LinkWatch, to link: String) -> Bool
    func remove(_ watch: LinkWatch)
    /// What became of an item that is followed; nil where nothing is known of such a one.
    func story(of choice: ItemChoice) -> ItemStory?
    /// Items of a source of which something is known, near to this one.
    func followed(of source: String, near sequence: Int) -> [Int]
}

/// A graph that runs on real time.
public final class Run: InspectedRun {
    let engine: Engine
    private let workers: Workers

    /// `fuses: false` keeps a queue between any two stages.
    public init(
        _ plan: Plan,
        _ options: EngineOptions,
        workers settings: WorkerSettings = WorkerSettings(),
        fuses: Bool = true
    ) {
        workers = Workers(settings, mayFuse: fuses && options.recorder == nil)
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

    /// Goes over to another plan of the same graph, with other stations: new copies begin, those that are gone come to their
    /// end, and the others go on as they are. The memory of those that have ended stays with the run.
    public func adopt(_ plan: Plan) throws { try engine.adopt(plan) }

    /// Threads that step the stages.
    public var workerCount: Int { workers.count }

    public func sourceName(_ source: UInt32) -> String {
        let nodes = engine.nodes
        return nodes.indices.contains(Int(source)) ? nodes[Int(source)].fullName : "?"
    }

    public func add(_ watch: LinkWatch, to link: String) -> Bool { engine.add(watch, to: link) }
    public func remove(_ watch: LinkWatch) { engine.remove(watch) }

    public func story(of choice: ItemChoice) -> ItemStory? { engine.story(of: choice) }
    public func followed(of source: String, near sequence: Int) -> [Int] {
        engine.followed(of: source, near: sequence)
    }
    /// What became known of items that are followed since the last look.
    public func notes(_ cursor: inout NoteCursor) -> [PlacedNote] { engine.notes(&cursor) }

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

/// A graph that runs on virtual time, as far as it is told to.
public final class SimulatedRun {
    private let simulator: Simulator
    let engine: Engine
    private var hasBegun = false

    public init(_ plan: Plan, _ options: EngineOptions, faults: [PlannedFault] = []) {
        simulator = Simulator(seed: options.seed, faults: faults)
        engine = Engine(plan, options, runner: simulator)
        simulator.engine = engine
    }

    deinit { simulator.forget() }

    /// The time since the start.
    public var time: Duration { .nanoseconds(simulator.time) }
    /// How often a stage was stepped.
    public var steps: Int { simulator.steps }
    /// Every stage has come to its end.
    public var isFinished: Bool { simulator.isFinished }
    public var numbers: RunNumbers { engine.numbers }

    /// Goes on to a time since the start, for so many steps, or as far as it goes.
    public func advance(to time: Duration? = nil, steps: Int = .max) {
        if !hasBegun { engine.begin() }
        hasBegun = true
        let (most, isEndless) = simulator.steps.addingReportingOverflow(steps)
        simulator.run(until: time?.nanoseconds ?? .max, steps: isEndless ? .max : most)
    }

    /// Sources make no more; what is under way goes on to its end.
    public func stop() { engine.stop() }

    /// Goes over to another plan of the same graph, with other stations.
    public func adopt(_ plan: Plan) throws { try engine.adopt(plan) }

    /// Something goes wrong, now or later.
    public func add(_ fault: PlannedFault) { simulator.add(fault) }

    /// Ends the run. What has not come to its end is dropped for a reason, or without one is still held, for the books
    /// to show. To be called once, at the end.
    public func finish(dropping reason: DropReason? = nil) -> RunOutcome {
        if simulator.isStandstill, !simulator.isFinished { engine.reportStandstill() }
        let isComplete = engine.nodes.allSatisfy(\.isOver)
        let held = engine.numbers
        engine.cancel(reason ?? .cancelled)
        return RunOutcome(
            numbers: reason == nil ? held : engine.numbers,
            troubles: engine.allTroubles,
            isComplete: isComplete
        )
    }

    /// Runs a plan to its end, for so long in virtual time, or for so many steps. `stop` is when the sources are told to
    /// make no more.
    public static func run(
        _ plan: Plan,
        _ options: EngineOptions,
        faults: [PlannedFault] = [],
        for duration: Duration? = nil,
        stoppingAt stop: Duration? = nil,
        steps: Int = .max
    ) -> RunOutcome {
        let run = SimulatedRun(plan, options, faults: faults)
        if let stop {
            run.advance(to: min(stop, duration ?? stop), steps: steps)
            run.stop()
        }
        run.advance(to: duration, steps: steps == .max ? .max : steps - run.steps)
        return run.finish()
    }
}
