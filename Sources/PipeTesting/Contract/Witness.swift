import PipeCore
import Synchronization

/// Looks on as the engine calls the instances of a stage, and tells what goes against their life: made, started,
/// finished once, let go.
final class Witness: Sendable {
    struct Life {
        var made = 0
        var finished = 0
        var discarded = 0
        var oddities: Set<String> = []
    }

    private let life = Mutex(Life())
    var seen: Life { life.withLock { $0 } }

    /// Puts itself around the stage under test.
    func watch(_ harness: inout StageHarness) {
        let tune = harness.tune
        harness.tune = { [self] plan in
            tune(&plan)
            for place in plan.stages.indices where plan.stages[place].name == StageHarness.subject {
                let make = plan.stages[place].make
                plan.stages[place].make = { [self] in wrap(make($0)) }
            }
        }
    }

    private func wrap(_ body: StageBody) -> StageBody {
        var (hasStarted, hasFinished, isGone) = (false, false, false)
        life.withLock { $0.made += 1 }
        func odd(_ what: String) { life.withLock { _ = $0.oddities.insert(what) } }
        func note(_ call: String) {
            if isGone { odd("\(call) after it was let go") }
            if !hasStarted { odd("\(call) before start") }
        }
        return StageBody(
            start: { context in
                if hasStarted { odd("started twice") }
                hasStarted = true
                try body.start(context)
            },
            process: { slots, count, context in
                note("process")
                if hasFinished { odd("process after finish") }
                return body.process(slots, count, context)
            },
            produce: { room, context in
                note("produce")
                if hasFinished { odd("produce after finish") }
                return try body.produce(room, context)
            },
            wake: { context in
                note("wake")
                try body.wake(context)
            },
            completed: { completion, context in
                note("completed")
                try body.completed(completion, context)
            },
            ended: { input, context in
                note("ended")
                try body.ended(input, context)
            },
            finish: { [self] context in
                note("finish")
                if hasFinished { odd("finished twice") }
                hasFinished = true
                life.withLock { $0.finished += 1 }
                try body.finish(context)
            },
            disturb: { try body.disturb($0, $1) },
            discard: { [self] in
                if isGone { odd("let go twice") }
                isGone = true
                life.withLock { $0.discarded += 1 }
                body.discard()
            }
        )
    }
}

/// A payload that counts how many of it there are.
struct Tracked: Payload {
    static let payload = PayloadInfo("tracked", "What a test looks for after its end.", worstCase: .kibibytes(1))

    let described: JSON
    private let token: Token

    final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        var living: Int { count.load(ordering: .relaxed) }
        func add(_ change: Int) { count.add(change, ordering: .relaxed) }
    }

    private final class Token: Sendable {
        let counter: Counter
        init(_ counter: Counter) {
            self.counter = counter
            counter.add(1)
        }
        deinit { counter.add(-1) }
    }

    init(_ described: JSON, _ counter: Counter) {
        self.described = described
        token = Token(counter)
    }
}
