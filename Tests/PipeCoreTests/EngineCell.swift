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
            workers: workers
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

// MARK: - What must come out

extension EngineCell {
    /// Nothing that this link gets can be lost by chance: what comes out of it follows from what goes in.
    private func isDetermined(_ policy: LinkPolicy) -> Bool {
        let mayOverflow = policy.whenFull != .block && (policy.capacity < 200 || policy.maxBytes != nil)
        return !mayOverflow && limit != .young && limit != .rate || policy == LinkPolicy()
    }

    struct Lane: Hashable {
        var sink: String
        var port: Int
        var source: UInt32
    }

    /// The numbers that reach each sink from each source, in order, where the policies alone decide that.
    func expectation(made: [UInt32: Int]) -> [Lane: [Int]]? {
        let graph = graph
        guard ending != .cancel, graph.edges.indices.allSatisfy({ isDetermined(policy(ofLink: $0)) }) else {
            return nil
        }
        let isPartial = ending == .fail || ending == .restartTwice
        if isPartial, shape == .fanIn { return nil }  // which source's item is the last to be taken is left to chance
        // What is outside when a stage fails is lost, and what comes back does so in any order.
        if shape == .operate, isPartial || ending == .restart || policy(ofLink: 1).skipFrames > 0 { return nil }
        var lanes: [Lane: [Int]] = [:]
        // What each stage got, by input port and source. Stages stand in the order of the way.
        var came = graph.stages.map { _ in [Lane: [Int]]() }
        for (index, stage) in graph.stages.enumerated() {
            if stage.isSource { came[index] = [Lane(sink: "", port: 0, source: UInt32(index)): []] }
            for (lane, numbers) in came[index].sorted(by: { $0.key.port < $1.key.port }) {
                let numbers = stage.isSource ? Array(0..<made[lane.source, default: 0]) : numbers
                let (done, failed) = stage.results(of: numbers)
                if stage.work == .sink { lanes[Lane(sink: stage.name, port: lane.port, source: lane.source)] = done }
                for (link, edge) in graph.edges.enumerated() where edge.from == index {
                    let sent = stage.onError == .deadLetter && edge.fromPort == stage.outputs - 1 ? failed : done
                    let skip = policy(ofLink: link).skipFrames + 1
                    let passed = sent.enumerated().filter { $0.offset % skip == 0 }.map(\.element)
                    came[edge.to][Lane(sink: "", port: edge.port, source: lane.source)] = passed
                }
            }
        }
        return lanes
    }

    private func mayDrop(for reason: DropReason) -> Bool {
        switch reason {
        case .overflow: whenFull != .block
        case .skipped: limit == .skip
        case .tooOld: limit == .young
        case .rate: limit == .rate
        case .notChosen: false
        case .failed: ending == .fail || ending == .restartTwice
        case .cancelled: ending == .cancel
        case .drainedLate: false
        }
    }

    /// What is wrong with a run, in words: nothing, or the engine is.
    func faults(_ outcome: RunOutcome, _ witness: Witness) -> [String] {
        var found = outcome.numbers.imbalances(hasEnded: outcome.isComplete)
        found += outcome.troubles.filter { $0.hasPrefix("nothing can move") }
        if ending != .cancel, !outcome.isComplete { found.append("it has not come to its end") }
        for link in outcome.numbers.links {
            for (reason, count) in link.books.dropped.nonZero where !mayDrop(for: reason) {
                found.append("link \(link.fullName) dropped \(count) as \(reason.rawValue)")
            }
            if outcome.isComplete, link.books.held > 0 {
                found.append("link \(link.fullName) holds \(link.books.held)")
            }
        }
        let arrivals = Dictionary(grouping: witness.arrivals) { Lane(sink: $0.sink, port: $0.port, source: $0.source) }
            .mapValues { $0.map(\.sequence) }
        found += countFaults(outcome, witness, arrivals)
        if shape != .operate {
            for (lane, numbers) in arrivals where zip(numbers, numbers.dropFirst()).contains(where: { $0 >= $1 }) {
                found.append("\(lane) out of order: \(numbers)")
            }
        }
        if let expected = expectation(made: witness.made) {
            for (lane, numbers) in expected where arrivals[lane, default: []].sorted() != numbers {
                found.append("\(lane) got \(arrivals[lane, default: []]), not \(numbers)")
            }
        } else {
            found += freshnessFaults(witness, arrivals)
        }
        if shape == .partners { found += partnerFaults(witness) }
        return found
    }

    /// The engine's counts beside those of the stages themselves.
    private func countFaults(_ outcome: RunOutcome, _ witness: Witness, _ arrivals: [Lane: [Int]]) -> [String] {
        var found: [String] = []
        for (index, stage) in outcome.numbers.stages.enumerated() {
            let name = stage.fullName
            if stage.isSource, shape != .intake {
                let made = witness.made[UInt32(index), default: 0]
                if stage.books.made != made { found.append("\(name) counts \(stage.books.made), and made \(made)") }
            } else if stage.isSink {
                let came = arrivals.reduce(0) { $0 + ($1.key.sink == name ? $1.value.count : 0) }
                if stage.books.done != came { found.append("\(name) counts \(stage.books.done), and got \(came)") }
            }
        }
        return found
    }

    /// Which end of a series survives overload: its newest under drop_oldest and latest, its oldest under drop_newest.
    private func freshnessFaults(_ witness: Witness, _ arrivals: [Lane: [Int]]) -> [String] {
        guard ending == .input || ending == .stop, shape != .partners, shape != .operate else { return [] }
        guard limit != .young, limit != .rate, limit != .skip else { return [] }
        var found: [String] = []
        for lane in expectedLanes {
            let made = witness.made[lane.source, default: 0]
            guard made > 0 else { continue }
            let got = arrivals[lane, default: []]
            switch whenFull {
            case .block: break
            case .dropOldest, .latest:
                if got.last != made - 1 { found.append("\(lane) did not get the last, \(made - 1), but \(got)") }
            case .dropNewest:
                if got.first != 0 { found.append("\(lane) did not get the first, but \(got)") }
            }
        }
        return found
    }

    private var expectedLanes: [Lane] {
        switch shape {
        case .fanOut: (1...3).map { Lane(sink: "sink\($0)", port: 0, source: 0) }
        case .fanIn: (0...2).map { Lane(sink: "sink", port: 0, source: $0) }
        case .diamond, .partners: (0...1).map { Lane(sink: "sink", port: $0, source: 0) }
        case .line, .chain, .hold, .operate, .intake: [Lane(sink: "sink", port: 0, source: 0)]
        }
    }

    /// Who waits for partners is told of each item, on each input and once: it comes, or a gap says that it will not.
    /// Failures leave no gap, and of very many gaps the oldest are forgotten.
    private func partnerFaults(_ witness: Witness) -> [String] {
        guard ending == .input || ending == .stop else { return [] }
        let mayForget = limit != .roomy
        return (0...1).compactMap { port in
            let told = (witness.arrivals + witness.missing).filter { $0.sink == "sink" && $0.port == port }.map(
                \.sequence
            )
            let made = Array(0..<witness.made[0, default: 0])
            if mayForget ? Set(told).count == told.count && Set(told).isSubset(of: made) : told.sorted() == made {
                return nil
            }
            return "port \(port) was told of \(told.sorted()), of \(made.count) made"
        }
    }
}

extension TestStage {
    /// What it sends on, or has done, of a series on one input; and what it fails on.
    fileprivate func results(of numbers: [Int]) -> (done: [Int], failed: [Int]) {
        var (done, failed): ([Int], [Int]) = ([], [])
        var kept: Int?
        for number in numbers {
            if fails(on: number) {
                failed.append(number)
                if onError == .fail {
                    kept = nil
                    if failed.count > restart?.max ?? 0 { return (done, failed) }
                }
                continue
            }
            switch work {
            case .divisible(let divisor): if number % divisor == 0 { done.append(number) }
            case .hold:
                if let kept { done.append(kept) }
                kept = number
            case .source, .intake, .reject, .pass, .operate, .sink: done.append(number)
            }
        }
        if let kept { done.append(kept) }
        return (done, failed)
    }
}
