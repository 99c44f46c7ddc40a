import Synchronization
import Testing

@testable import PipeCore

/// Stations that come and go while a graph runs.
struct StationTests {
    /// What the sink got, by source.
    private final class Arrivals: Sendable {
        private let counts = Mutex<[String: [Int]]>([:])
        func add(_ source: String, _ number: Int) { counts.withLock { $0[source, default: []].append(number) } }
        func of(_ source: String) -> [Int] { counts.withLock { $0[source] ?? [] } }
        var all: [String: [Int]] { counts.withLock { $0 } }
    }

    /// A shared source feeds a stage of each station, each station has a source of its own, and all come together again.
    private func plan(_ stations: [String], _ arrivals: Arrivals, replicas: Int = 1) -> Plan {
        var plan = Plan()
        func add(_ stage: StagePlan) -> Int {
            plan.stages.append(stage)
            return plan.stages.count - 1
        }
        func link(_ from: Int, _ to: Int, port: Int = 0, _ station: String) {
            let name = "\(plan.stages[from].name) -> \(plan.stages[to].name)"
            plan.links.append(
                LinkPlan(
                    name: name,
                    station: station,
                    from: .init(stage: from, port: 0),
                    to: .init(stage: to, port: port),
                    policy: LinkPolicy()
                )
            )
        }
        let shared = add(source("shared"))
        let sink = add(
            StagePlan(name: "sink", inputs: 1, outputs: 0) { _ in
                StageBody(eachItem: { item, context in arrivals.add(context.source(item.header), item.sequence) })
            }
        )
        for station in stations {
            let own = add(source("own", station))
            let pass = add(
                StagePlan(name: "pass", station: station, inputs: 1, outputs: 1, replicas: replicas) { outputs in
                    StageBody(eachItem: { item, _ in outputs.pointee.send(item, 0) })
                }
            )
            link(shared, pass, station)
            link(own, pass, station)
            link(pass, sink, station)
        }
        return plan
    }

    /// Two items each millisecond, until it is stopped.
    private func source(_ name: String, _ station: String = "") -> StagePlan {
        StagePlan(name: name, station: station, isSource: true, inputs: 0, outputs: 1) { outputs in
            StageBody(produce: { _, context in
                for _ in 0..<2 { outputs.pointee.make(AnyPayload(Number(value: 1)), 0, key: .none, captured: nil) }
                return .at(context.now + .milliseconds(1))
            })
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>, [1, 3])
    func `on virtual time a station begins and ends in the midst of a run, and no item is lost`(
        seed: UInt64,
        replicas: Int
    )
        throws
    {
        let arrivals = Arrivals()
        let run = SimulatedRun(plan(["a", "b"], arrivals, replicas: replicas), .seeded(seed))
        run.advance(to: .milliseconds(100))
        try run.adopt(plan(["a", "b", "c"], arrivals, replicas: replicas))
        run.advance(to: .milliseconds(200))
        try run.adopt(plan(["a", "c"], arrivals, replicas: replicas))
        run.advance(to: .milliseconds(300))
        let ended = run.numbers.stages.filter { $0.station == "b" }
        #expect(ended.map(\.state) == [.ended, .ended])
        try run.adopt(plan(["a", "b", "c"], arrivals, replicas: replicas))
        run.advance(to: .milliseconds(400))
        run.stop()
        run.advance()
        let outcome = run.finish()
        #expect(outcome.isComplete && outcome.troubles == [])
        #expect(outcome.numbers.imbalances(hasEnded: true) == [])
        #expect(outcome.numbers.stages.allSatisfy { $0.books.dropped.total == 0 && $0.books.failed == 0 })
        // Each source counts what it makes, and all of it arrives; the shared one's once for each station there was.
        let made = Dictionary(grouping: outcome.numbers.stages.filter(\.isSource), by: \.fullName)
        for name in ["own/a", "own/b", "own/c"] {
            #expect(arrivals.of(name).count == made[name]?.reduce(0) { $0 + $1.books.made })
        }
        let once = made["shared"]?[0].books.made ?? 0
        #expect(arrivals.of("own/c").count > arrivals.of("own/b").count / 2)
        #expect(arrivals.of("shared").count > 2 * once && arrivals.of("shared").count < 3 * once)
        // In order for each way through the graph.
        #expect(arrivals.of("own/a") == Array(0..<arrivals.of("own/a").count))
    }

    @Test func `who looks at a link sees it in stations that come later`() throws {
        let arrivals = Arrivals()
        let run = SimulatedRun(plan(["a"], arrivals), .seeded(1))
        let all = LinkWatch {}
        let one = LinkWatch {}
        let gone = LinkWatch {}
        #expect(run.engine.add(all, to: "own -> pass") && run.engine.add(one, to: "own -> pass/a"))
        #expect(run.engine.add(gone, to: "own -> pass") && !run.engine.add(gone, to: "own -> pass/b"))
        run.advance(to: .milliseconds(10))
        run.engine.remove(gone)
        try run.adopt(plan(["a", "b"], arrivals))
        run.advance(to: .milliseconds(20))
        run.stop()
        run.advance()
        let outcome = run.finish()
        let out = outcome.numbers.links.filter { $0.name == "own -> pass" }.map(\.books.out)
        #expect(out.count == 2 && out[1] > 0)
        #expect(all.take().counts.passed == out[0] + out[1])
        #expect(one.take().counts.passed == out[0])
        #expect(gone.take().counts.passed < out[0])
    }

    @Test(arguments: [1, 2, 4])
    func `on real time stations come and go a hundred times`(workers: Int) throws {
        let arrivals = Arrivals()
        let run = Run(plan(["a"], arrivals), .seeded(1), workers: WorkerSettings(count: workers))
        run.start()
        let isOver = Atomic<Bool>(false)
        let reader = startThread(named: "reader") {
            // What is told of an item meanwhile may be of stations that this reader does not know yet.
            while !isOver.load(ordering: .relaxed) { _ = run.story(of: .last) }
        }
        defer {
            isOver.store(true, ordering: .relaxed)
            reader.join()
        }
        for round in 1...100 {
            let names = ["a"] + (0..<4).filter { round >> $0 & 1 == 1 }.map { "s\($0)" }
            try run.adopt(plan(names, arrivals))
            _ = run.wait(until: run.time + .milliseconds(2))
        }
        run.stop()
        #expect(run.wait(until: run.time + .seconds(60)))
        let outcome = run.finish()
        #expect(outcome.isComplete && outcome.troubles == [])
        #expect(outcome.numbers.imbalances(hasEnded: true) == [])
        #expect(outcome.numbers.links.filter { $0.books.dropped.total > 0 }.map { "\($0.fullName) \($0.books)" } == [])
        #expect(
            outcome.numbers.stages.filter { $0.books.dropped.total + $0.books.failed + $0.books.held > 0 }.map {
                "\($0.fullName) \($0.books)"
            } == []
        )
        let made = outcome.numbers.stages.filter { $0.name == "own" }.reduce(0) { $0 + $1.books.made }
        #expect(arrivals.all.filter { $0.key != "shared" }.values.reduce(0) { $0 + $1.count } == made)
        #expect(outcome.numbers.merged.stages.map(\.name) == ["shared", "sink", "own", "pass"])
    }

    @Test func `what is more than a change of stations is refused, and nothing is changed`() throws {
        let arrivals = Arrivals()
        let run = SimulatedRun(plan(["a"], arrivals), .seeded(1))
        run.advance(to: .milliseconds(10))
        var other = plan(["a", "b"], arrivals)
        other.stages[0].name = "elsewhere"
        #expect(throws: StageError.self) { try run.adopt(other) }
        other = plan(["a", "b"], arrivals)
        other.stages.append(source("more"))
        #expect(throws: StageError.self) { try run.adopt(other) }
        #expect(run.numbers.stages.count == 4)
        run.stop()
        run.advance()
        #expect(throws: StageError.self) { try run.adopt(plan(["a", "b"], arrivals)) }
        #expect(run.finish().isComplete)
    }
}
