/// Steps the stages of an engine on one thread and on virtual time, in an order that a seed decides. The same seed gives
/// the same run, to the last drop.
final class Simulator: Runner {
    private(set) var time = 0
    private var queue: [Node] = []
    private var timers = TimerQueue()
    private var chance: RandomSource
    private var underway = 0
    /// Stages that wait for something of the world, which never comes on virtual time.
    private var waiting: [Node] = []
    private(set) var steps = 0
    private(set) var isFinished = false
    private(set) var isStandstill = false
    private var faults: [PlannedFault]
    unowned(unsafe) var engine: Engine?

    /// What work on one item costs in virtual time.
    private static let itemCost = 1000

    init(seed: UInt64, faults: [PlannedFault]) {
        chance = RandomSource(seed: seed ^ 0x5DEE_CE66)
        self.faults = faults.sorted { $0.at < $1.at }
    }

    var realStart: Int? { nil }
    /// Now and then, so that what fusion changes shows, which is nothing but the order of steps.
    var mayFuse: Bool { chance.share() < 0.1 }

    func add(_ fault: PlannedFault) {
        faults.append(fault)
        faults.sort { $0.at < $1.at }
    }

    func ready(_ node: Node) { queue.append(node) }
    func finished() { isFinished = true }

    func arm(_ node: Node, at time: Int, isWatch: Bool) {
        timers.add(isWatch ? .watch(Uncounted(node)) : .notify(Uncounted(node)), at: time)
    }

    /// Most often all that there is, sometimes less: what a graph does must not rest on how batches fall.
    func batch(_ most: Int) -> Int {
        guard most > 1, chance.share() < 0.25 else { return most }
        return Int.random(in: 1...most, using: &chance)
    }

    func spent(on items: Int) -> Int {
        time += items * Self.itemCost
        return time
    }

    func submit(_ operation: Operation) {
        if operation.waitsForWorld { return waiting.append(operation.node) }
        underway += 1
        begin(operation, attempt: 1)
    }

    /// The work is done at once, and its answer comes after a while.
    private func begin(_ operation: Operation, attempt: Int) {
        timers.add(.begin(operation, attempt: attempt), at: time + Int.random(in: 10_000...2_000_000, using: &chance))
    }

    /// Runs until every stage has closed, until nothing can move, or until a time.
    func run(until end: Int, steps most: Int) {
        isStandstill = false
        while !isFinished, !isStandstill, steps < most {
            applyFaults()
            fireTimers()
            if !queue.isEmpty {
                guard time < end else { break }
                let index = queue.count == 1 ? 0 : Int.random(in: 0..<queue.count, using: &chance)
                queue.swapAt(index, queue.count - 1)
                let node = queue.removeLast()
                steps += 1
                if node.run(now: time) { queue.append(node) }
            } else if !timers.hasWork, underway == 0, faults.isEmpty, engine?.unblock() ?? false {
                continue
            } else if let next = nextEvent {
                guard next <= end else { break }
                time = max(time, next)
            } else if engine?.mayBeFed ?? false || waiting.contains(where: { !$0.isOver }) {
                break
            } else {
                isStandstill = true
            }
        }
        if !isFinished, !isStandstill, end != .max { time = max(time, end) }
    }

    /// Stages and operations keep who runs them: what has not ended yet must not be kept by it.
    func forget() {
        timers = TimerQueue()
        (queue, waiting) = ([], [])
    }

    /// Watches alone bring nothing about.
    private var nextEvent: Int? {
        let next = timers.hasWork || underway > 0 || !faults.isEmpty || engine?.mayBeFed ?? false ? timers.next : nil
        guard let fault = faults.first?.at else { return next }
        return min(next ?? .max, fault)
    }

    private func fireTimers() {
        while let entry = timers.pop(by: time) {
            switch entry.action {
            case .notify(let node), .watch(let node): node.with { $0.notify() }
            case .begin(let operation, let attempt):
                switch operation.settle(attempt, operation.perform()) {
                case .none: break
                case .again(let wait): timers.add(.begin(operation, attempt: attempt + 1), at: time + wait)
                case .answered: underway -= 1
                }
            case .expire: break  // an operation is never late here
            }
        }
    }

    private func applyFaults() {
        while let fault = faults.first, fault.at <= time {
            faults.removeFirst()
            guard let engine else { return }
            for node in engine.nodes where node.setup.name == fault.stage {
                node.faults.apply(fault.kind, now: time)
                node.notify()
            }
        }
    }
}

/// Something that goes wrong in a test, and when.
public struct PlannedFault: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// It takes nothing for so long.
        case stall(Duration)
        /// It dies.
        case kill
        /// This share of its items fails.
        case error(Double)
        /// Each item takes so much longer.
        case slow(Duration)
        case loseConnection
        case jumpClock(Duration)
        /// What it writes fails for so long.
        case fillDisk(Duration)
    }

    public var stage: String
    var at: Int
    public var kind: Kind

    public init(stage: String, at: Duration, kind: Kind) {
        self.stage = stage
        self.at = at.nanoseconds
        self.kind = kind
    }

    public var time: Duration { .nanoseconds(at) }
}

extension NodeFaults {
    mutating func apply(_ kind: PlannedFault.Kind, now: Int) {
        switch kind {
        case .stall(let time): stalledUntil = (Instant(nanoseconds: now) + time).nanoseconds
        case .kill: kill = true
        case .error(let share): errorShare = share
        case .slow(let time): slow = time.nanoseconds
        case .loseConnection:
            disturbances.append(.connectionLost)
            isDisturbed = true
        case .jumpClock(let time): clockJump = clockJump.addingReportingOverflow(time.nanoseconds).partialValue
        case .fillDisk(let time): diskFullUntil = (Instant(nanoseconds: now) + time).nanoseconds
        }
    }
}
