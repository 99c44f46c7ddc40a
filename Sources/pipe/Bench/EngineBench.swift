import Glibc
import PipeCore
import PipeKit
import Synchronization

/// The workloads of `Benchmarks/engine`: what they are is written there, for us and for the peers alike.
enum EngineWorkload: String, CaseIterable {
    case chain4, chain8
    /// 20 µs of work in each stage.
    case chain4Work = "chain4-work"
    case chain4Wide = "chain4-1024"
    case chain4Fused = "chain4-fused"
    case frames, fanout, fanin, ordered, latency, overload
    case overloadLatest = "overload-latest"

    struct Result {
        var items: Int
        var seconds: Double
        var details: [(String, JSON)] = []
    }

    /// Runs for so long. Each sink checks what it gets, and the books must balance.
    func run(seconds: Double, workers: Int?, isBare: Bool) throws -> Result {
        var plan = Plan()
        build(&plan)
        var options = EngineOptions(epoch: 0, files: MemoryFiles())
        options.observes = !isBare
        let run = Run(
            plan,
            options,
            workers: WorkerSettings(count: workers),
            fuses: mayFuse
        )
        Taken.items.store(0, ordering: .relaxed)
        run.start()
        // As a monitor would that is in a hurry.
        while !isBare, run.time + .milliseconds(250) < .seconds(seconds),
            !run.wait(until: run.time + .milliseconds(250))
        {
            _ = run.numbers
        }
        _ = run.wait(until: .seconds(seconds))
        run.stop()
        guard run.wait(until: .seconds(seconds + 30)) else { throw StageError("\(rawValue) does not end") }
        let time = run.time.seconds
        let outcome = run.finish()
        let taken = Taken.items.load(ordering: .relaxed)
        var problems = outcome.troubles
        if keepsBooks {
            problems += outcome.numbers.imbalances(hasEnded: true)
            let done = outcome.numbers.stages.reduce(0) { $0 + ($1.isSink ? $1.books.done : 0) }
            if done != taken { problems.append("the sinks took \(taken) items, and the books say \(done)") }
        }
        if let problem = problems.first { throw StageError("\(rawValue): \(problem)") }
        return result(outcome.numbers, taken, time)
    }

    private var mayFuse: Bool { self == .chain4Fused || self == .latency }

    private func result(_ numbers: RunNumbers, _ taken: Int, _ seconds: Double) -> Result {
        var result = Result(items: taken / numbers.stages.count(where: \.isSink), seconds: seconds)
        guard isTimed, let latency = numbers.paths.first?.latency else { return result }
        for (name, share) in [("p50_us", 0.5), ("p99_us", 0.99)] {
            result.details.append((name, .number((latency.quantile(share)?.seconds ?? 0) * 1e6)))
        }
        if self != .latency {
            let link = numbers.links[0].books
            result.details += [
                ("delivered", .integer(link.out)), ("dropped", .integer(link.dropped.total)),
                ("offered", .number(Double(link.in) / seconds)),
            ]
        }
        return result
    }

    private var isTimed: Bool { [.latency, .overload, .overloadLatest].contains(self) }

    // MARK: The graphs

    private func build(_ plan: inout Plan) {
        var policy = LinkPolicy()
        switch self {
        case .chain4, .chain4Fused: chain(&plan, TicketSource.self, TicketStep.self, TicketSink.self, links: 4, policy)
        case .chain8: chain(&plan, TicketSource.self, TicketStep.self, TicketSink.self, links: 8, policy)
        case .chain4Wide:
            policy.capacity = 1024
            chain(&plan, TicketSource.self, TicketStep.self, TicketSink.self, links: 4, policy)
        case .chain4Work: chain(&plan, TicketSource.self, HardStep.self, OrderedSink.self, links: 4, policy)
        case .frames: chain(&plan, FrameSource.self, FrameStep.self, FrameSink.self, links: 4, policy)
        case .latency: chain(&plan, PacedSource.self, TicketStep.self, TicketSink.self, links: 5, policy)
        case .overload, .overloadLatest:
            policy.whenFull = self == .overload ? .dropOldest : .latest
            policy.capacity = self == .overload ? 4 : 1
            plan.add(FloodSource.self, inputs: 0, outputs: 1)
            plan.add(BusySink.self, inputs: 1, outputs: 0)
            plan.link(0, 1, policy)
        case .fanout:
            plan.add(TicketSource.self, inputs: 0, outputs: 1)
            for sink in 1...4 {
                plan.add(PlainSink.self, inputs: 1, outputs: 0)
                plan.link(0, sink, policy)
            }
        case .fanin:
            for _ in 0..<4 { plan.add(TicketSource.self, inputs: 0, outputs: 1) }
            plan.add(PlainSink.self, inputs: 1, outputs: 0)
            for source in 0..<4 { plan.link(source, 4, policy) }
        case .ordered:
            policy.capacity = 128
            plan.add(TicketSource.self, inputs: 0, outputs: 1)
            plan.add(HardStep.self, inputs: 1, outputs: 1, replicas: 2)
            plan.add(OrderedSink.self, inputs: 1, outputs: 0)
            plan.link(0, 1, policy)
            plan.link(1, 2, policy)
        }
    }

    private func chain(
        _ plan: inout Plan,
        _ source: (some Stage).Type,
        _ step: (some Stage).Type,
        _ sink: (some Stage).Type,
        links: Int,
        _ policy: LinkPolicy
    ) {
        plan.add(source, inputs: 0, outputs: 1)
        for _ in 1..<links { plan.add(step, inputs: 1, outputs: 1) }
        plan.add(sink, inputs: 1, outputs: 0)
        for link in 0..<links { plan.link(link, link + 1, policy) }
    }
}

extension Plan {
    fileprivate mutating func add<S: Stage>(_ type: S.Type, inputs: Int, outputs: Int, replicas: Int = 1) {
        stages.append(
            StagePlan(
                name: "\(type.info.name)\(stages.count)",
                isSource: inputs == 0,
                inputs: inputs,
                outputs: outputs,
                replicas: replicas,
                make: { S.body(.none, $0) }
            )
        )
    }

    fileprivate mutating func link(_ from: Int, _ to: Int, _ policy: LinkPolicy) {
        links.append(
            LinkPlan(
                name: "\(stages[from].name) -> \(stages[to].name)",
                from: .init(stage: from, port: 0),
                to: .init(stage: to, port: 0),
                policy: policy
            )
        )
    }
}
