@testable import PipeCore

/// One of many whole graphs: a policy, a limit, a shape and an ending, and what a seed adds.
struct EngineCell: Sendable, CustomStringConvertible {
    enum Limit: CaseIterable {
        case one, three, roomy, bytes, young, old, skip, rate, memory
    }

    enum Shape: CaseIterable {
        /// source → sink
        case line
        /// source → pass → worker → pass → sink
        case chain
        /// source → three sinks
        case fanOut
        /// three sources → sink
        case fanIn
        /// source → two stages → sink with two inputs
        case diamond
        /// As the diamond, with one stage that leaves items out and a sink that waits for partners.
        case partners
        /// source → a stage that keeps the latest item → sink
        case hold
        /// source → a stage that works outside → sink
        case operate
        /// a source that is pushed → sink
        case intake
    }

    enum Ending: CaseIterable {
        case input, stop, cancel
        /// A stage fails on one item of five, …
        case skip, deadLetter, restart
        /// … with two restarts, or none.
        case restartTwice, fail

        var fails: Bool {
            switch self {
            case .input, .stop, .cancel: false
            case .skip, .deadLetter, .restart, .restartTwice, .fail: true
            }
        }
    }

    let whenFull: WhenFull
    let limit: Limit
    let shape: Shape
    let ending: Ending
    let seed: UInt64

    // Drawn from the seed.
    let items: Int
    let workers: Int
    let carriage: Carriage
    /// The link that has the policy; nil where all have it.
    let onlyLink: Int?
    let stopTime: Duration

    init(_ whenFull: WhenFull, _ limit: Limit, _ shape: Shape, _ ending: Ending, seed: UInt64) {
        self.whenFull = whenFull
        self.limit = limit
        self.shape = shape
        self.ending = ending
        self.seed = seed
        var chance = RandomSource(seed: seed)
        items = Int.random(in: 0...50, using: &chance)
        workers = Int.random(in: 1...4, using: &chance)
        carriage = Carriage.allCases.any(&chance)
        onlyLink = [nil, nil, 0, 1].any(&chance)
        stopTime = .microseconds(Int.random(in: 5...200, using: &chance))
    }

    /// Every combination, each with a seed of its own.
    static let all: [EngineCell] = {
        var cells: [EngineCell] = []
        for whenFull in WhenFull.allCases {
            for limit in Limit.allCases {
                for shape in Shape.allCases {
                    for ending in Ending.allCases {
                        cells.append(EngineCell(whenFull, limit, shape, ending, seed: UInt64(cells.count)))
                    }
                }
            }
        }
        return cells
    }()

    var description: String {
        "\(whenFull), \(limit), \(shape), \(ending), seed \(seed): \(items) items, \(workers) workers, \(carriage)"
            + (onlyLink.map { ", on link \($0)" } ?? "")
    }

    // MARK: The graph

    struct Edge: Sendable {
        var from: Int
        var to: Int
        var port = 0
        var fromPort = 0
    }

    var policy: LinkPolicy {
        var policy = LinkPolicy()
        policy.whenFull = whenFull
        switch limit {
        case .one: policy.capacity = 1
        case .three: policy.capacity = 3
        case .roomy: policy.capacity = 1000
        case .bytes: policy.maxBytes = ByteCount(100)
        case .young: policy.maxAge = .microseconds(8)
        case .old: policy.maxAge = .seconds(3600)
        case .skip: policy.skipFrames = 2
        case .rate: policy.rate = Rate(perSecond: 200_000)
        case .memory: policy.capacity = 5
        }
        return policy
    }

    func policy(ofLink index: Int) -> LinkPolicy { onlyLink ?? index == index ? policy : LinkPolicy() }

    /// A stage, the one of the graph that fails if its ending says so.
    private func failing(_ stage: TestStage) -> TestStage {
        guard ending.fails else { return stage }
        var stage = stage
        stage.failsOn = 3
        stage.onError = ending == .skip ? .skip : ending == .deadLetter ? .deadLetter : .fail
        let most: Int? = ending == .restart ? 1000 : ending == .restartTwice ? 2 : nil
        stage.restart = most.map { RestartPlan(max: $0, per: .seconds(3600), backoff: .nanoseconds(1)) }
        return stage
    }

    var graph: (stages: [TestStage], edges: [Edge]) {
        let count = ending == .stop || ending == .cancel ? 1_000_000 : items
        let source = TestStage(name: "source", work: .source(count))
        // What a sink does takes longer than what a source does, or nothing would ever be full.
        var sink = TestStage(name: "sink", work: .sink, busy: .microseconds(2))
        var (stages, edges): ([TestStage], [Edge])
        switch shape {
        case .line:
            (stages, edges) = ([source, failing(sink)], [Edge(from: 0, to: 1)])
        case .chain:
            stages = [source] + (1...3).map { TestStage(name: "pass\($0)", work: .pass) } + [sink]
            stages[2] = failing(stages[2])
            edges = (0...3).map { Edge(from: $0, to: $0 + 1) }
        case .fanOut:
            stages = [source] + (1...3).map { TestStage(name: "sink\($0)", work: .sink) }
            stages[1] = failing(stages[1])
            stages[2].busy = .microseconds(3)
            edges = (1...3).map { Edge(from: 0, to: $0) }
        case .fanIn:
            stages = (0...2).map { TestStage(name: "source\($0)", work: .source(count)) } + [failing(sink)]
            edges = (0...2).map { Edge(from: $0, to: 3) }
        case .diamond, .partners:
            sink.inputs = 2
            sink.awaitsPartners = shape == .partners
            let arm = TestStage(name: "arm", work: shape == .partners ? .divisible(by: 3) : .pass)
            stages = [source, failing(arm), TestStage(name: "other", work: .pass), sink]
            edges = [Edge(from: 0, to: 1), Edge(from: 0, to: 2), Edge(from: 1, to: 3), Edge(from: 2, to: 3, port: 1)]
        case .hold, .operate:
            let stage = TestStage(name: "worker", work: shape == .hold ? .hold : .operate)
            (stages, edges) = ([source, failing(stage), sink], [Edge(from: 0, to: 1), Edge(from: 1, to: 2)])
        case .intake:
            let intake = TestStage(name: "source", work: .intake(items))
            (stages, edges) = ([intake, failing(sink)], [Edge(from: 0, to: 1)])
        }
        if ending == .deadLetter, let stage = stages.firstIndex(where: { $0.onError == .deadLetter }) {
            edges.append(Edge(from: stage, to: stages.count, fromPort: stages[stage].outputs - 1))
            stages.append(TestStage(name: "dead", work: .sink))
        }
        return (stages, edges)
    }

    func plan(_ witness: Witness, onMade: @escaping @Sendable (Int) -> Void = { _ in }) -> Plan {
        let graph = graph
        var plan = Plan()
        plan.memory = limit == .memory ? 60 : nil
        plan.stages = graph.stages.map { $0.plan(witness, carriage, onMade: onMade) }
        plan.links = graph.edges.enumerated().map { index, edge in
            LinkPlan(
                name: "\(graph.stages[edge.from].name)→\(graph.stages[edge.to].name)",
                from: .init(stage: edge.from, port: edge.fromPort),
                to: .init(stage: edge.to, port: edge.port),
                policy: policy(ofLink: index)
            )
        }
        return plan
    }

    // MARK: Both runners

    func simulate() -> (outcome: RunOutcome, witness: Witness) {
        let witness = Witness()
        let outcome = SimulatedRun.run(
            plan(witness),
            .seeded(seed),
            for: ending == .cancel ? stopTime : nil,
            stoppingAt: ending == .stop ? stopTime : nil,
            steps: 100_000
        )
        return (outcome, witness)
    }

    /// The books after the run was cancelled on virtual time, so many steps after its beginning.
    func imbalancesAfterCancel(steps: Int) -> [String] {
        let simulator = Simulator(seed: seed, faults: [])
        let engine = Engine(plan(Witness()), .seeded(seed), runner: simulator)
        simulator.engine = engine
        engine.begin()
        simulator.run(until: .max, steps: steps)
        engine.cancel(.cancelled)
        return engine.numbers.imbalances(hasEnded: true)
    }

    func run() -> (outcome: RunOutcome, witness: Witness) {
        let witness = Witness()
        let control = RunControl()
        let run = Run(
            plan(witness) { number in
                guard number == items + 1 else { return }
                switch ending {
                case .stop: control.run?.stop()
                case .cancel: control.run?.interrupt()
                default: break
                }
            },
            .seeded(seed),
            workers: WorkerSettings(count: workers)
        )
        control.run = run
        run.start()
        // The time is no measure: it turns a run that stands still into a failure that names its seed.
        let hasEnded = run.wait(until: .seconds(60))
        var outcome = run.finish()
        control.run = nil
        if !hasEnded, ending != .cancel { outcome.troubles.append("nothing can move: still running") }
        return (outcome, witness)
    }

    /// The way from a stage to the run that it is part of. It is set before the run starts and after it has ended.
    private final class RunControl: @unchecked Sendable {
        var run: Run?
    }
}
