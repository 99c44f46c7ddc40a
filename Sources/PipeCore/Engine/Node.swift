import Synchronization

/// A stage copy while a graph runs: its instance, its ends of links, its counts. One worker at a time steps it.
final class Node: @unchecked Sendable {  // `state` says who may touch the rest; what others read is under `numbersLock`
    let index: Int
    let setup: StagePlan
    let fullName: String
    unowned let engine: Engine
    let cell: UnsafeMutablePointer<Cell>
    /// One for each output.
    let outboxes: UnsafeMutablePointer<Outbox>
    var inputs: [InputLink] = []
    var phase = Phase.new
    var body: StageBody?

    // What has been taken and not worked on yet.
    let inbox: UnsafeMutablePointer<Slot>
    var inboxStart = 0
    var inboxEnd = 0
    var inboxInput = 0

    var pausedInputs: Set<Int> = []
    var endedInputs: Set<Int> = []
    var hasFinished = false
    var isStopping = false
    /// When a source wants to be asked next.
    var nextProduction = Int.min
    var turn = 0
    /// Nanoseconds that an item costs, as measured; unknown counts as expensive.
    var cost = unknownCost
    static let unknownCost = 20_000
    /// What the step has worked on, for the numbers.
    var worked = (time: 0, items: 0, end: 0)
    var restarts: [Int] = []
    var failure: String?
    let mailbox = Mailbox()
    var intakes: [Intake] = []
    var lastItem = 0
    /// A failure in the current step that ends the instance.
    var mustRestart = false
    var isStalled = false
    var restartCount = 0
    var stallCount = 0
    /// When and where the items of a batch began, for a sink.
    let arrivals: UnsafeMutablePointer<(captured: Int, source: UInt32)>
    let isSink: Bool
    /// Asked from outside: make no more, and end when all is passed on.
    let stopRequest = Atomic<Bool>(false)

    /// The earliest timer that will notify the stage, and the earliest that only watches.
    private var armed = (work: Int.max, watch: Int.max)

    // Faults of a test.
    var faults = NodeFaults()

    let numbersLock = Lock()
    var numbers = NodeNumbers()

    private let schedule = Atomic<UInt8>(Schedule.idle)

    enum Phase: Equatable {
        case new, running
        case restarting(at: Int)
        /// Nothing more is taken; what was sent is still to be passed on.
        case closing, closed
    }

    struct InputLink {
        let link: Link
        let port: Int
        let sender: Int
    }

    init(_ index: Int, _ setup: StagePlan, _ engine: Engine, links: [[Link]]) {
        self.index = index
        self.setup = setup
        fullName = setup.fullName
        self.engine = engine
        cell = .allocate(capacity: 1)
        cell.initialize(to: Cell(source: UInt32(index), seed: engine.options.seed &+ UInt64(index) &* 0x9E37_79B9))
        cell.pointee.savesItems = setup.onError == .deadLetter
        outboxes = .allocate(capacity: max(1, links.count))
        for (port, links) in links.enumerated() { (outboxes + port).initialize(to: Outbox(links: links, cell: cell)) }
        inbox = .allocate(capacity: Self.batch)
        arrivals = .allocate(capacity: Self.batch)
        isSink = links.allSatisfy(\.isEmpty)
    }

    deinit {
        body?.discard()
        _ = discardInbox()
        cell.pointee.forget()
        arrivals.deallocate()
        for port in 0..<setup.outputs {
            outboxes[port].abandon(.cancelled)
            outboxes[port].slots.deallocate()
        }
        outboxes.deinitialize(count: setup.outputs)
        outboxes.deallocate()
        cell.pointee.saved.deallocate()
        cell.deinitialize(count: 1)
        cell.deallocate()
        inbox.deallocate()
    }

    /// Most items that a step works on.
    static let batch = 64

    var context: StageContext { StageContext(cell: cell, node: self) }
    var isOver: Bool { phase == .closed }

    // MARK: Scheduling

    enum Schedule {
        static let idle: UInt8 = 0
        static let queued: UInt8 = 1
        static let running: UInt8 = 2
        static let runningAgain: UInt8 = 3
    }

    /// Says that there may be something to do. Any thread may say so, at any time.
    func notify() {
        var current = schedule.load(ordering: .acquiring)
        while true {
            let wanted: UInt8
            switch current {
            case Schedule.idle: wanted = Schedule.queued
            case Schedule.running: wanted = Schedule.runningAgain
            default: return
            }
            let (done, seen) = schedule.compareExchange(
                expected: current,
                desired: wanted,
                ordering: .acquiringAndReleasing
            )
            if done {
                if wanted == Schedule.queued { engine.runner.ready(self) }
                return
            }
            current = seen
        }
    }

    /// Steps the stage; true says that it is to be queued again. The caller took it from the queue.
    func run(now: Int) -> Bool {
        _ = schedule.exchange(Schedule.running, ordering: .acquiringAndReleasing)
        let again = step(now: now)
        if !again,
            schedule.compareExchange(
                expected: Schedule.running,
                desired: Schedule.idle,
                ordering: .acquiringAndReleasing
            ).exchanged
        {
            return false
        }
        schedule.store(Schedule.queued, ordering: .releasing)
        return true
    }

    /// Asks to be notified at a time, unless something else will do so earlier.
    func arm(at time: Int, isWatch: Bool = false) {
        let now = cell.pointee.now
        let pending = isWatch ? armed.watch : armed.work
        guard time < pending || pending <= now else { return }
        if isWatch { armed.watch = time } else { armed.work = time }
        engine.runner.arm(self, at: time, isWatch: isWatch)
    }

    // MARK: What a stage asks for

    func pause(_ input: Int, _ isPaused: Bool) {
        if isPaused { pausedInputs.insert(input) } else { pausedInputs.remove(input) }
    }

    func date(of instant: Instant) -> Double {
        engine.options.epoch + Double(instant.nanoseconds + faults.clockJump) * 1e-9
    }

    func sourceName(_ source: UInt32) -> String { engine.nodes[Int(source)].fullName }

    func log(_ level: LogLevel, _ message: String) {
        engine.options.log(LogEntry(at: Instant(nanoseconds: cell.pointee.now), level, setup.fullName, message))
    }

    func submit(_ token: Int, _ effort: Effort, _ work: @escaping @Sendable () throws -> any Sendable) {
        mailbox.begin()
        let operation = Operation(node: self, token: token, effort: effort, generation: mailbox.generation, work: work)
        engine.runner.submit(operation)
    }

    func intake(_ policy: LinkPolicy) -> Intake {
        let end = LinkPlan.End(stage: index, port: 0)
        let plan = LinkPlan(name: "\(setup.name).intake", station: setup.station, from: end, to: end, policy: policy)
        let link = Link(plan, index: -1, leavesGaps: false, meter: engine.meter)
        let intake = Intake(link: link, node: self)
        intakes.append(intake)
        engine.intakeOpened()
        return intake
    }

    // MARK: Fates

    func drop(_ header: Header, _ reason: DropReason) {
        precondition(cell.pointee.open > 0, "'\(setup.name)' drops an item that it does not have")
        cell.pointee.open -= 1
        cell.pointee.dropped[reason] += counted(1, .stageDropped)
        leaveGap(header, reason)
    }

    private func leaveGap(_ header: Header, _ reason: DropReason) {
        for port in 0..<setup.outputs where outboxes[port].leavesGaps {
            outboxes[port].push().initialize(to: Slot(gapAt: header, count: 1, reason: reason))
        }
    }

    func passOnGap(_ slot: UnsafeMutablePointer<Slot>) {
        for port in 0..<setup.outputs where outboxes[port].leavesGaps {
            outboxes[port].push().initialize(to: Slot(gapAgain: slot.pointee))
        }
        slot.destroy()
    }

    /// The instance is to be given up at the end of this step.
    func die(_ error: any Error) {
        failure = "\(error)"
        mustRestart = true
        cell.pointee.stops = true
    }

    /// The stage failed on items that it had in its hands.
    func failed(_ count: Int, _ error: any Error) {
        cell.pointee.open -= count
        cell.pointee.failed += counted(count, .stageFailed)
        failure = "\(error)"
        switch setup.onError {
        case .skip: break
        case .deadLetter:
            if cell.pointee.hasSaved, count > 0 {
                let slot = outboxes[setup.outputs - 1].push()
                outboxes[setup.outputs - 1].sent += counted(1, .deadLetterSent)
                slot.moveInitialize(from: cell.pointee.saved, count: 1)
                slot.pointee.header.sent = Instant(nanoseconds: cell.pointee.now)
                cell.pointee.hasSaved = false
            }
        case .fail: die(error)
        }
    }
}

/// What a test has done to a stage.
struct NodeFaults {
    var stalledUntil = Int.min
    var slow = 0
    var errorShare = 0.0
    var clockJump = 0
    var diskFullUntil = Int.min
    var kill = false
    var disturbances: [Disturbance] = []
}

extension Node {
    var currentNumbers: StageNumbers {
        let numbers = numbersLock.locked { self.numbers }
        return StageNumbers(
            name: setup.name,
            station: setup.station,
            isSource: setup.isSource,
            isSink: isSink,
            state: numbers.state,
            books: numbers.books,
            sent: numbers.sent,
            restarts: numbers.restarts,
            stalls: numbers.stalls,
            busy: .nanoseconds(numbers.busy),
            wait: numbers.wait,
            service: numbers.service,
            failure: numbers.failure
        )
    }
}
