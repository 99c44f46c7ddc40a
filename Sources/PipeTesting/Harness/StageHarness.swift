public import PipeCore
import PipeGraph
public import PipeKit
import Synchronization

/// Runs one stage of a plugin as a graph would: its options are bound from YAML, its inputs are fed by the test, and what
/// leaves it is recorded.
///
///     var harness = StageHarness(Batch.self, "count: 2")
///     harness.feed("items", .values(["n": 1], ["n": 2], ["n": 3]))
///     let result = try harness.run()
///     #expect(result.values("batches") == [["items": [["n": 1], ["n": 2]]], ["items": [["n": 3]]]])
///     #expect(result.imbalances.isEmpty)
///
/// `run` goes to the end on virtual time, or with real threads; `start` gives the time into the test's hands.
public struct StageHarness: Sendable {
    /// The name of the stage under test: in books, logs and faults.
    public static let subject = "subject"

    /// What time a run has.
    public enum Clock: Sendable, CaseIterable {
        case virtual
        /// Real time, with workers that are threads.
        case real
    }

    /// What is left to chance: the order of steps and the size of batches on virtual time.
    public var seed: UInt64 = 1
    /// Options of the links to the stage and from it, as in `capacity: 1, when_full: drop_oldest`.
    public var inputLinks = ""
    public var outputLinks = ""
    /// Optional outputs that nothing is linked to.
    public var unlinked: Set<String> = []
    /// Where the stage writes: memory that is empty at the start of each run, where nothing else is given.
    public var files: (any FileStore)?
    /// Where the stage shows what it has: a board of its own for each run, where none is given.
    public var board: Board?

    let type: StageType
    /// One for each copy of the stage; a test has one.
    var options: [String]
    private var feeds: [(input: String, items: [Fed], ends: Bool)] = []
    private var faults: [PlannedFault] = []
    /// Links that take from each output.
    var fan = 1
    /// Changes to the plan that a graph cannot state.
    var tune: @Sendable (inout Plan) -> Void = { _ in }

    /// `options` are what a user writes under the stage's name, without `type` and `from`.
    public init<S: Stage>(_ stage: S.Type, _ options: String = "") {
        self.init(StageType(stage), options)
    }

    public init(_ type: StageType, _ options: String = "") {
        self.type = type
        self.options = [options]
    }

    /// Feeds an input. One that takes several links may be fed several times. With `ends: false` the input stays open
    /// after the last item. A required input that is not fed ends at once.
    public mutating func feed(_ input: String, _ items: [Fed], ends: Bool = true) {
        feeds.append((input, items, ends))
    }

    /// Takes back what was fed before: of each input all feeds but the last.
    mutating func dropFirstFeeds(of type: StageType) {
        feeds = type.inputs.compactMap { input in feeds.last { $0.input == input.name } }
    }

    /// Something goes wrong: with the stage, or with another: `feed_` and the input's name, `take_` and the output's.
    public mutating func fault(_ kind: PlannedFault.Kind, at time: Duration = .zero, on stage: String = subject) {
        faults.append(PlannedFault(stage: stage, at: time, kind: kind))
    }

    // MARK: Running

    /// Runs to the end. `time` is when sources are stopped, if they have not ended by then.
    public func run(on clock: Clock = .virtual, stoppingAt time: Duration? = nil) throws -> StageResult {
        switch clock {
        case .virtual:
            let run = try start()
            run.advance(to: time)
            if time != nil {
                run.stop()
                run.advance()
            }
            return run.end()
        case .real:
            let (plan, observed) = try plan()
            let run = Run(plan, options(observed), workers: WorkerSettings(count: 2))
            run.start()
            if !run.wait(until: time ?? .seconds(60)) {
                run.stop()
                _ = run.wait(until: (time ?? .zero) + .seconds(60))
            }
            return observed.result(run.finish())
        }
    }

    /// Begins a run on virtual time that goes on only as the test says.
    public func start() throws -> SteppedStage {
        let (plan, observed) = try plan()
        return SteppedStage(SimulatedRun(plan, options(observed), faults: faults), observed)
    }

    /// What is seen of a run.
    struct Observed: Sendable {
        final class Log: Sendable {
            let entries = Mutex<[LogEntry]>([])
        }

        var outputs: [StageResult.Recorders] = []
        let log = Log()
        let files: any FileStore

        func result(_ outcome: RunOutcome) -> StageResult {
            StageResult(
                outputs,
                outcome,
                log: log.entries.withLock { $0 },
                files: (files as? MemoryFiles)?.contents ?? [:]
            )
        }
    }

    private func options(_ observed: Observed) -> EngineOptions {
        var options = EngineOptions(epoch: 1_767_225_600, files: observed.files) { entry in
            observed.log.entries.withLock { $0.append(entry) }
        }
        options.seed = seed
        if let board { options.board = board }
        return options
    }

    // MARK: The graph around the stage

    private func plan() throws -> (Plan, Observed) {
        var feeds = feeds
        for input in type.inputs where input.arity != .optional && !feeds.contains(where: { $0.input == input.name }) {
            feeds.append((input.name, [], true))
        }
        var outputs = type.outputs.filter { $0.arity == .required || !unlinked.contains($0.name) }.map(\.name)
        if options[0].contains("on_error: dead_letter") { outputs.append("dead_letter") }
        var plan = try HarnessGraph(self, feeds: feeds.map(\.input), outputs: outputs).plan()

        var observed = Observed(files: files ?? MemoryFiles())
        for copy in options.indices {
            let suffix = HarnessGraph.copySuffix(copy)
            for (number, feed) in feeds.enumerated() {
                guard let port = type.inputs.first(where: { $0.name == feed.input }) else {
                    throw StageError("'\(type.name)' has no input '\(feed.input)'")
                }
                let items = try Feed(feed.items, to: port, ends: feed.ends)
                let name = HarnessGraph.feeder(number, of: feeds.map(\.input)) + suffix
                plan.replace(name) { place, outbox in items.body(place, outbox) }
            }
            for output in outputs {
                let recorders = (0..<fan).map { _ in RunRecorder() }
                for (number, recorder) in recorders.enumerated() {
                    plan.replace("take_\(output)\(HarnessGraph.suffix(number))\(suffix)") { _, _ in recorder.body }
                }
                observed.outputs.append(.init(name: output + suffix, recorders: recorders))
            }
        }
        tune(&plan)
        return (plan, observed)
    }
}

extension Plan {
    fileprivate mutating func replace(
        _ stage: String,
        by body: @escaping @Sendable (Int, UnsafeMutablePointer<Outbox>) -> StageBody
    ) {
        guard let place = stages.firstIndex(where: { $0.name == stage }) else {
            preconditionFailure("no stage '\(stage)' in the plan")
        }
        stages[place].make = { body(place, $0) }
    }
}
