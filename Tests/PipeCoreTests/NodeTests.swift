import Testing

@testable import PipeCore

/// What the engine does with a few stages, each of which once did something else.
struct NodeTests {
    /// Links lead from the first output to the first input.
    private func plan(
        _ witness: Witness,
        _ links: [(from: Int, to: Int, policy: LinkPolicy)],
        _ stages: [TestStage]
    ) -> Plan {
        var plan = Plan()
        plan.stages = stages.map { $0.plan(witness, .counted, onMade: { _ in }) }
        plan.links = links.map {
            LinkPlan(
                name: "\(stages[$0.from].name)→\(stages[$0.to].name)",
                from: .init(stage: $0.from, port: 0),
                to: .init(stage: $0.to, port: 0),
                policy: $0.policy
            )
        }
        return plan
    }

    /// The link to the sink without partners comes last, and moves whole batches.
    @Test func `a gap is no item, for whoever stands beside one that waits for it`() {
        let witness = Witness()
        let plan = plan(
            witness,
            [(0, 1, LinkPolicy()), (1, 2, LinkPolicy()), (1, 3, LinkPolicy())],
            [
                TestStage(name: "source", work: .source(20)),
                TestStage(name: "even", work: .divisible(by: 2)),
                TestStage(name: "partner", work: .sink, awaitsPartners: true),
                TestStage(name: "other", work: .sink),
            ]
        )
        let outcome = SimulatedRun.run(plan, .seeded(1))
        #expect(outcome.numbers.imbalances(hasEnded: true) == [])
        #expect(outcome.numbers.links.map(\.books.in) == [20, 10, 10])
        #expect(witness.missing.map(\.sequence) == Array(stride(from: 1, to: 20, by: 2)))
    }

    /// Gaps take no room that items need: a sender that believed so would neither send nor wait.
    @Test func `gaps that wait leave room for items`() {
        let witness = Witness()
        var narrow = LinkPolicy()
        narrow.capacity = 4
        let plan = plan(
            witness,
            [(0, 1, narrow), (1, 2, narrow)],
            [
                TestStage(name: "source", work: .source(40)),
                TestStage(name: "even", work: .divisible(by: 2)),
                TestStage(name: "partner", work: .sink, awaitsPartners: true, busy: .milliseconds(1)),
            ]
        )
        let outcome = SimulatedRun.run(plan, .seeded(1), steps: 5000)
        #expect(outcome.isComplete)
        #expect(witness.arrivals.count == 20)
    }

    /// Several sources wait for memory at once, and one of them ends while the others do.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `each source that waits for memory is asked again`(seed: UInt64) {
        let witness = Witness()
        let sources = (0...2).map { TestStage(name: "source\($0)", work: .source(10)) }
        var plan = plan(
            witness,
            (0...2).map { ($0, 3, LinkPolicy()) },
            sources + [TestStage(name: "sink", work: .sink, busy: .microseconds(2))]
        )
        plan.memory = 20
        let outcome = SimulatedRun.run(plan, .seeded(seed))
        #expect(outcome.troubles == [])
        #expect(witness.arrivals.count == 30)
    }

    /// A partner downstream would give up an item that still comes.
    @Test func `an item that fails later than it came leaves its own gap`() {
        let gaps = Box<[Int]>()
        gaps.value = []
        var plan = Plan()
        plan.stages = [
            StagePlan(name: "source", isSource: true, inputs: 0, outputs: 1) { outputs in
                StageBody(produce: { _, _ in
                    for value in 0..<3 {
                        outputs.pointee.make(AnyPayload(Number(value: value)), 0, key: .none, captured: nil)
                    }
                    return .ended
                })
            },
            StagePlan(name: "keeper", inputs: 1, outputs: 1, onError: .skip) { outputs in
                let kept = Box<[Item<AnyPayload>]>()
                kept.value = []
                return StageBody(
                    eachItem: { item, context in
                        kept.value?.append(item)
                        context.keep()
                    },
                    finish: { context in
                        for item in kept.value ?? [] {
                            context.release()
                            if item.sequence == 0 {
                                context.fail(item, StageError("too late"))
                            } else {
                                outputs.pointee.send(item, 0)
                            }
                        }
                    }
                )
            },
            StagePlan(name: "partner", inputs: 1, outputs: 0, awaitsPartners: true) { _ in
                StageBody(eachItem: { _, _ in }, eachGap: { gap, _ in gaps.value?.append(gap.first) })
            },
        ]
        plan.links = (0...1).map { from in
            LinkPlan(
                name: "\(from)",
                from: .init(stage: from, port: 0),
                to: .init(stage: from + 1, port: 0),
                policy: LinkPolicy()
            )
        }
        let outcome = SimulatedRun.run(plan, .seeded(1))
        #expect(outcome.numbers.imbalances(hasEnded: true) == [])
        #expect(gaps.value == [0])
    }

    /// It may stand in a read that returns when its run is long over.
    @Test func `work outside that outlives its run does no harm`() {
        let (begun, mayEnd, ended) = (Gate(), Gate(), Gate())
        do {
            let last = Farewell(ended)
            var plan = Plan()
            plan.stages = [
                StagePlan(name: "source", isSource: true, inputs: 0, outputs: 0) { _ in
                    StageBody(
                        start: { context in
                            context.submit { [last] in
                                begun.open()
                                mayEnd.wait()
                                return withExtendedLifetime(last) { 0 }
                            }
                        },
                        produce: { _, _ in .later }
                    )
                }
            ]
            let run = Run(plan, .seeded(1), workers: WorkerSettings(count: 1))
            run.start()
            begun.wait()
            #expect(!run.finish().isComplete)
        }
        mayEnd.open()
        ended.wait()
    }

    /// A worker that fires timers lets go of the lock for that, and may miss what is said to those who sleep.
    @Test func `a run can be ended at any moment`() {
        let witness = Witness()
        for number in 0..<(isLong ? 100_000 : 1000) {
            let plan = plan(
                witness,
                [(0, 1, LinkPolicy())],
                [
                    TestStage(name: "source", work: .source(.max)),
                    TestStage(name: "sink", work: .sink, busy: .microseconds(number % 50)),
                ]
            )
            let run = Run(plan, .seeded(1), workers: WorkerSettings(count: 1 + number % 4))
            run.start()
            _ = run.wait(until: .microseconds(number % 300))
            #expect(run.finish().numbers.imbalances(hasEnded: true) == [])
        }
    }

    @Test func `who pushes when the run is over is told so`() throws {
        let intake = Box<Intake>()
        do {
            var plan = Plan()
            plan.stages = [
                StagePlan(name: "source", isSource: true, inputs: 0, outputs: 0) { _ in
                    StageBody(start: { intake.value = $0.intake(LinkPolicy()) }, produce: { _, _ in .later })
                }
            ]
            _ = SimulatedRun.run(plan, .seeded(1), steps: 1)
        }
        #expect(try !#require(intake.value).push(Number(value: 1)))
        intake.value?.close()
    }
}

/// What one thread waits for and another one brings about.
private final class Gate: @unchecked Sendable {  // guarded by its lock
    private let lock = Lock()
    private let changed = Lock.Condition()
    private var isOpen = false

    func open() {
        lock.locked {
            isOpen = true
            changed.broadcast()
        }
    }

    func wait() { lock.locked { while !isOpen { changed.wait(lock) } } }
}

/// Opens a gate when nobody holds it any more.
private final class Farewell: Sendable {
    private let gate: Gate
    init(_ gate: Gate) { self.gate = gate }
    deinit { gate.open() }
}
