import Synchronization

/// Where the results of operations wait for their stage.
final class Mailbox: @unchecked Sendable {  // guarded by its lock
    private let lock = Lock()
    private var arrived: [(letter: Letter, generation: Int)] = []
    private var underway = 0
    /// Results for an instance that has failed since are nobody's.
    private(set) var generation = 0

    /// An answer, and which of the stage's operations it is of.
    struct Letter {
        let number: Int
        let completion: Completion
    }

    /// Whether something may have arrived: most steps need not take the lock to know that nothing has.
    private let mayHoldMail = Atomic<Bool>(false)

    var hasMail: Bool { mayHoldMail.load(ordering: .relaxed) }

    var isIdle: Bool { lock.locked { underway == 0 } }

    func begin() { lock.locked { underway += 1 } }

    func put(_ completion: Completion, of number: Int, generation: Int) {
        lock.locked { arrived.append((Letter(number: number, completion: completion), generation)) }
        mayHoldMail.store(true, ordering: .releasing)
    }

    /// An answer was had by another way.
    func answered() { lock.locked { underway -= 1 } }

    func take() -> [Letter] {
        guard mayHoldMail.exchange(false, ordering: .acquiring) else { return [] }
        return lock.locked {
            guard !arrived.isEmpty else { return [] }
            defer { arrived = [] }
            let current = arrived.filter { $0.generation == generation }
            underway -= current.count
            return current.map(\.letter)
        }
    }

    func renew() {
        lock.locked {
            generation += 1
            underway = 0
        }
    }
}

/// Blocking work that a stage has submitted. Each attempt has one outcome: its own, or that its time was over.
final class Operation: @unchecked Sendable {  // all of it is Sendable but the runner, which is told under its own lock
    let node: Node
    let token: Int
    let effort: Effort
    /// It ends when something happens that may never happen.
    let waitsForWorld: Bool
    /// Which of its stage's operations it is, from 1.
    let number: Int
    private let generation: Int
    // It may end when the run has long ended: until then, what it tells must be there.
    private let engine: Engine
    private let runner: any Runner
    private let work: @Sendable () throws -> any Sendable
    /// Attempts that have an outcome.
    private let settled = Atomic<Int>(0)

    init(
        node: Node,
        token: Int,
        effort: Effort,
        waitsForWorld: Bool = false,
        generation: Int,
        number: Int,
        work: @escaping @Sendable () throws -> any Sendable
    ) {
        self.node = node
        engine = node.engine
        runner = node.runner
        self.token = token
        self.effort = effort
        self.waitsForWorld = waitsForWorld
        self.generation = generation
        self.number = number
        self.work = work
    }

    func perform() -> Result<any Sendable, any Error> { Result { try work() } }

    func isSettled(_ attempt: Int) -> Bool { settled.load(ordering: .relaxed) >= attempt }

    enum Step {
        /// The attempt had an outcome already.
        case none
        /// Another attempt is to begin after so many nanoseconds.
        case again(after: Int)
        /// The stage has its answer.
        case answered
    }

    /// Takes the outcome of an attempt, counted from 1. The first to come holds.
    func settle(_ attempt: Int, _ result: Result<any Sendable, any Error>) -> Step {
        let isFirst = settled.compareExchange(
            expected: attempt - 1,
            desired: attempt,
            ordering: .acquiringAndReleasing
        ).exchanged
        guard isFirst else { return .none }
        if case .failure = result, attempt < effort.attempts {
            return .again(after: min(effort.backoff.nanoseconds << min(attempt - 1, 20), 60_000_000_000))
        }
        node.mailbox.put(Completion(token: token, result: result), of: number, generation: generation)
        node.notify()
        return .answered
    }

    var isLate: Result<any Sendable, any Error> {
        .failure(StageError("it took longer than \(effort.deadline.text)"))
    }
}
