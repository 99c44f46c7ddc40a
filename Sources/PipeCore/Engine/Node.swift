import Synchronization

/// A stage copy while a graph runs: its instance, its ends of links, its counts. One worker at a time steps it.
final class Node: @unchecked Sendable {  // `state` says who may touch the rest; what others read is under `numbersLock`
    let index: Int
    let setup: StagePlan
    let fullName: String
    let outputs: Int
    unowned(unsafe) let engine: Engine
    let runner: any Runner
    /// Where time is real: when the run began.
    let realStart: Int?
    let meter: MemoryMeter?
    let tracer: Tracer?
    /// Items that it has taken, as far as its trace says so.
    var tracedTaken = 0
    let recorder: RunRecorder?
    /// What it brings into the run is written down, since it cannot be had again.
    let isRecordedSource: Bool
    /// Of a source in a recorded run: nothing more will come of it, as was noted.
    var mayFinish = false
    /// In a recorded run: what had come when the step began.
    var pendingMail: [Mailbox.Letter] = []
    /// Operations that it has submitted.
    private var submissions = 0
    let cell: UnsafeMutablePointer<Cell>
    /// Keeps histograms, and follows items.
    let observes: Bool
    var glances: Glances
    /// The times of the batch in the inbox are looked at.
    var isLooking = false
    /// Items of those that were not, since the last that was.
    var unseen = Unseen()
    /// Items of the inbox that are followed, in their order, and what was noted and is not published yet.
    var visitors: [FollowedRow] = []
    /// Of a stage that may hand batches over as they stand: those of its outbox.
    var leavers: [FollowedRow] = []
    var notes: [ItemNote] = []
    /// One for each output.
    let outboxes: UnsafeMutablePointer<Outbox>
    private(set) var inputs = FixedList<InputLink>([])
    var phase = Phase.new
    var body: StageBody? { didSet { calls = body.map(Uncounted.init) } }
    /// The same, for what is called in each step.
    private(set) var calls: Uncounted<StageBody>?

    /// Set for one of several replicas, with its part in it.
    let ordering: Ordering?
    var lane: Lane?

    // What has been taken and not worked on yet.
    var inbox: UnsafeMutablePointer<Slot>
    var inboxStart = 0
    var inboxEnd = 0
    var inboxInput = 0

    var pausedInputs: Set<Int> = []
    var endedInputs: Set<Int> = []
    var hasFinished = false
    var isStopping = false
    /// Items that a step takes at most.
    var stepLimit = Node.batch
    /// When a source wants to be asked next.
    var nextProduction = Int.min
    var turn = 0
    /// Nanoseconds that an item costs, as measured; unknown counts as expensive.
    let cost = Atomic<Int>(unknownCost)
    static let unknownCost = 20_000
    /// The time that it has worked.
    var busy = 0
    var workedUntil = 0
    var restarts: [Int] = []
    var failure: String?
    var progress: Progress?
    var pace = Pacing()
    var logGate = LogGate()
    let mailbox = Mailbox()
    let changes = ChangeQueue()
    var intakes: [Intake] = []
    var lastItem = 0
    /// A failure in the current step that ends the instance.
    var mustRestart = false
    var isStalled = false
    var restartCount = 0
    var stallCount = 0
    let isSink: Bool
    /// Asked from outside: make no more, and end when all is passed on.
    let stopRequest = Atomic<Bool>(false)

    /// The earliest timer that will notify the stage, and the earliest that only watches.
    private var armed = (work: Int.max, watch: Int.max)

    // Faults of a test.
    var faults = NodeFaults()

    /// Items that came from the stage before without a queue.
    var passedOver = 0
    let numbersLock = Lock()
    /// When the first step since it was last let go began; nil where there was none.
    var steppedAt: Int?
    /// The same, for others to read: `Int.min` where it is not stepped.
    let runsSince = Atomic<Int>(.min)
    /// From being sent to being taken, and the work on one item. Only who steps the stage records.
    let waits = LiveHistogram()
    let services = LiveHistogram()
    var latencies = LatencyHistograms()
    var numbers = NodeNumbers()

    let schedule = Atomic<UInt8>(Schedule.idle)
    /// The next in the workers' queue.
    var nextReady: Uncounted<Node>?
    /// The stage behind it, where it could be absorbed, and whether it is.
    var follower: Uncounted<Node>?
    var follows = false
    var leader: Uncounted<Node>?

    enum Phase: Equatable {
        case new, running
        case restarting(at: Int)
        /// Nothing more is taken; what was sent is still to be passed on.
        case closing, closed
    }

    struct InputLink {
        let link: Uncounted<Link>
        let port: Int
        let sender: Int
        var priority: Int { link.with { $0.policy.priority } }
    }

    init(_ index: Int, _ setup: StagePlan, _ engine: Engine, links: [[Link]], ordering: Ordering? = nil) {
        self.index = index
        self.setup = setup
        fullName = setup.fullName
        outputs = setup.outputs
        numbers.sent = [Int](repeating: 0, count: setup.outputs)
        self.engine = engine
        runner = engine.runner
        realStart = engine.runner.realStart
        meter = engine.meter
        tracer = engine.options.tracer
        recorder = engine.options.recorder
        isRecordedSource = setup.isSource && recorder?.sources.contains(index) ?? false
        cell = .allocate(capacity: 1)
        observes = engine.options.observes
        glances = Glances(seesAll: realStart == nil || tracer != nil)
        let seed = engine.options.seed &+ UInt64(index) &* 0x9E37_79B9
        cell.initialize(to: Cell(source: UInt32(index), seed: seed, engine.options))
        cell.pointee.savesItems = setup.onError == .deadLetter
        cell.pointee.marksItems = setup.onError == .deadLetter || ordering != nil
        self.ordering = ordering
        lane = ordering.map { Lane($0, ports: links.count) }
        outboxes = .allocate(capacity: max(1, links.count))
        for (port, links) in links.enumerated() {
            (outboxes + port).initialize(to: Outbox(links: links, cell: cell, isPassedOn: ordering != nil))
        }
        inbox = Self.allocateBatch()
        isSink = links.allSatisfy(\.isEmpty)
        cell.pointee.leavesGaps = links.contains { $0.contains(where: \.leavesGaps) }
        if cell.pointee.marksItems || cell.pointee.leavesGaps { cell.pointee.needsCare = true }
        numbers.notes = NoteRing(among: engine.plannedStages)
    }

    deinit {
        body?.discard()
        _ = discardInbox()
        cell.pointee.forget()
        for port in 0..<outputs { outboxes[port].deallocate() }
        inputs.deallocate()
        numbers.notes.deallocate()
        waits.deallocate()
        services.deallocate()
        latencies.deallocate()
        outboxes.deinitialize(count: setup.outputs)
        outboxes.deallocate()
        cell.pointee.saved.deallocate()
        cell.deinitialize(count: 1)
        cell.deallocate()
        inbox.deallocate()
    }

    /// Most items that a step works on.
    static let batch = 64
    /// Slots of its memory: one more, see `Outbox.entered`.
    static let batchMemory = batch + 1

    static func allocateBatch() -> UnsafeMutablePointer<Slot> { .allocate(capacity: batchMemory) }

    func connect(_ link: Link, port: Int, sender: Int) {
        let living = inputs.filter { input in !input.link.with { $0.isEnded } }
        let more = FixedList(living + [InputLink(link: Uncounted(link), port: port, sender: sender)])
        inputs.deallocate()
        inputs = more
        if link.leavesGaps { cell.pointee.needsCare = true }
    }

    /// A source makes no more.
    func stop() {
        stopRequest.store(true, ordering: .relaxed)
        notify()
    }

    var context: StageContext { StageContext(cell: cell, node: self) }
    var isOver: Bool { phase == .closed }
    /// The same for other threads, as of when it was last let go.
    var saysItIsOver: Bool { numbersLock.locked { [.ended, .failed].contains(numbers.state) } }

    // MARK: Time

    /// The time now: since the run began.
    var time: Int { realStart.map { monotonicTime() - $0 } ?? runner.time }

    /// The time after work on so many items.
    func time(after items: Int) -> Int { realStart.map { monotonicTime() - $0 } ?? runner.spent(on: items) }

    /// How many items of so many a step takes.
    func batch(_ most: Int) -> Int { realStart == nil ? runner.batch(most) : most }

    /// Asks to be notified at a time, unless something else will do so earlier.
    func arm(at time: Int, isWatch: Bool = false) {
        let now = cell.pointee.now
        let pending = isWatch ? armed.watch : armed.work
        guard time < pending || pending <= now else { return }
        if isWatch { armed.watch = time } else { armed.work = time }
        runner.arm(self, at: time, isWatch: isWatch)
    }

    // MARK: What a stage asks for

    func pause(_ input: Int, _ isPaused: Bool) {
        if isPaused { pausedInputs.insert(input) } else { pausedInputs.remove(input) }
    }

    func date(of instant: Instant) -> Double {
        engine.options.epoch + Double(instant.nanoseconds) * 1e-9 + Double(faults.clockJump) * 1e-9
    }

    func sourceName(_ source: UInt32) -> String { engine.nodes[Int(source)].fullName }

    func log(
        _ level: LogLevel,
        _ message: String,
        about item: Header? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        let now = cell.pointee.now
        let (passes, leftOut) = logGate.passes(LogGate.Place(file, line), now: now)
        guard passes else { return }
        var entry = LogEntry(at: Instant(nanoseconds: now), level, fullName, message)
        entry.item = item.map { (sourceName($0.source), $0.sequence) }
        entry.leftOut = leftOut
        engine.options.log(entry)
    }

    func submit(
        _ token: Int,
        _ effort: Effort,
        waitsForWorld: Bool = false,
        _ work: @escaping @Sendable () throws -> any Sendable
    ) {
        mailbox.begin()
        submissions += 1
        let operation = Operation(
            node: self,
            token: token,
            effort: effort,
            waitsForWorld: waitsForWorld,
            generation: mailbox.generation,
            number: submissions,
            work: work
        )
        runner.submit(operation)
    }

    var files: any FileStore {
        let files = engine.options.files
        return runner.isRealTime ? files : FillableFiles(files: files, node: self)
    }

    func intake(_ policy: LinkPolicy) -> Intake {
        let end = LinkPlan.End(stage: index, port: 0)
        let plan = LinkPlan(name: "\(setup.name).intake", station: setup.station, from: end, to: end, policy: policy)
        let link = Link(plan, index: -1, leavesGaps: false, meter: engine.meter, engine.options, runner)
        let intake = Intake(link: link, node: self)
        intakes.append(intake)
        numbersLock.locked { numbers.intakes.append(link) }
        engine.intakeOpened()
        return intake
    }

    // MARK: Fates

    func drop(_ header: Header, _ reason: DropReason) {
        precondition(cell.pointee.open > 0, "'\(setup.name)' drops an item that it does not have")
        cell.pointee.close(1)
        cell.pointee.drop(counted(1, .stageDropped), reason)
        noteFate(header, .dropped(reason))
        leaveGap(header, reason)
    }

    private func leaveGap(_ header: Header, _ reason: DropReason) {
        for port in 0..<outputs where outboxes[port].leavesGaps {
            outboxes[port].push { $0.initialize(to: Slot(gapAt: header, count: 1, reason: reason)) }
        }
    }

    /// An item of the batch is finished: what was sent up to here belongs to it.
    func markItem() { lane?.finishItem(outboxes, nowKept: cell.pointee.kept) }

    func passOnGap(_ slot: UnsafeMutablePointer<Slot>) {
        for port in 0..<outputs where outboxes[port].leavesGaps {
            outboxes[port].push { $0.initialize(to: Slot(gapAgain: slot.pointee)) }
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
        cell.pointee.close(count)
        cell.pointee.failed += counted(count, .stageFailed)
        failure = "\(error)"
        if count > 0, setup.onError != .fail {
            let what = count == 1 ? "an item" : "\(count) items"
            let item = cell.pointee.current ?? (cell.pointee.hasSaved ? cell.pointee.saved.pointee.header : nil)
            log(.error, "failed on \(what): \(error)", about: item)
        }
        if let header = cell.pointee.current, count > 0 {
            cell.pointee.current = nil
            noteFate(header, .failed)
            leaveGap(header, .failed)
        }
        switch setup.onError {
        case .skip: break
        case .deadLetter:
            if cell.pointee.hasSaved, count > 0 {
                cell.pointee.saved.pointee.header.sent = Instant(nanoseconds: cell.pointee.now)
                outboxes[outputs - 1].push { $0.moveInitialize(from: cell.pointee.saved, count: 1) }
                outboxes[outputs - 1].sent += counted(1, .deadLetterSent)
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
    /// Whether the instance is to be killed or disturbed.
    var isPending: Bool { kill || isDisturbed }
    var isDisturbed = false
}

extension Node {
    /// Times from capture to here, by source.
    var currentLatencies: [(source: UInt32, Histogram)] {
        numbersLock.locked {
            let unseen = numbers.unseen
            return latencies.all.map { source, histogram in
                (source, histogram.histogram(more: histogram == unseen.latencies ? unseen.taken : 0))
            }
        }
    }

    var currentNumbers: StageNumbers {
        let (numbers, wait, service) = numbersLock.locked {
            let unseen = self.numbers.unseen
            return (self.numbers, waits.histogram(more: unseen.taken), services.histogram(more: unseen.done))
        }
        var times = numbers.times
        if numbers.state != .ended, numbers.state != .failed {
            // What has passed since the stage was let go, or taken up again, stands in no count yet.
            let (now, since) = (runner.time, runsSince.load(ordering: .relaxed))
            let end = since == .min ? now : max(since, numbers.standsSince)
            times.add(numbers.stance, end - numbers.standsSince)
            times.add(.working, now - end)
        }
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
            times: times,
            wait: wait,
            service: service,
            failure: numbers.failure,
            progress: numbers.progress,
            pace: numbers.pace.perSecond
        )
    }
}
