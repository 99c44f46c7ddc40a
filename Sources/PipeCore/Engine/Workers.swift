import CLinux
import Glibc
import Synchronization

/// Steps the stages of an engine on real time, with a few threads.
///
/// Stages that have something to do stand in one queue. A worker takes one, steps it over a batch, and takes the next,
/// which is most often the stage that it has just fed: at low rates one thread so runs a whole chain, and the others
/// sleep. Another worker is woken only when the work that waits costs more than waking it. The queue's lock is taken
/// twice a batch.
final class Workers: Runner, @unchecked Sendable {  // guarded by `lock`
    private let started = monotonicTime()
    private let lock = Lock()
    private let wake = Lock.Condition()
    private let ended = Lock.Condition()
    private var queue = ReadyQueue()
    private var timers = TimerQueue()
    let count: Int
    private var threads: [ThreadHandle] = []
    private var parked = 0
    /// Workers that run a stage whose steps are long: they will not come back soon for what waits.
    private var occupied = 0
    /// Whether a worker sleeps until the next timer, and until when.
    private var keeperUntil: Int?
    private var mustStop = false
    private var isFinished = false
    private(set) var isStandstill = false
    private var isInterrupted = false
    private var hasLooked = false
    /// Steps that have ended, and how many there were when a worker that watches the others fell asleep: if no more, they
    /// are stuck in long ones.
    private var steps = 0
    private var stepsSeen: Int?
    /// Operations without an answer.
    private var underway = 0
    /// Deadlines that no operation waits for any more. They hold what the operation held, so they are not kept until
    /// their time: a file that is written often would hold all that it wrote for half a minute.
    private var idleDeadlines = 0
    private let pool = OperationPool()
    unowned(unsafe) var engine: Engine?

    /// Waking a worker costs about this much, so that cheaper work is not handed over.
    private static let worthWaking = 10_000

    private let settings: WorkerSettings

    init(_ settings: WorkerSettings, mayFuse: Bool) {
        self.settings = settings
        count = max(1, settings.count ?? processorCount())
        self.mayFuse = mayFuse
    }

    var time: Int { monotonicTime() - started }
    var realStart: Int? { started }
    let mayFuse: Bool
    func batch(_ most: Int) -> Int { most }
    func spent(on items: Int) -> Int { time }

    func start() {
        for index in 0..<count {
            let thread = startThread(named: "pipe-worker-\(index)") { self.work() }
            threads.append(thread)
        }
    }

    /// Waits until every stage has closed or none can move any more, or until a time; true says that it is so.
    func wait(until time: Int?) -> Bool {
        lock.locked {
            defer { isInterrupted = false }
            while !isFinished, !mustStop, !isStandstill, !isInterrupted {
                if let time {
                    guard self.time < time else { return false }
                    ended.wait(lock, until: started + time)
                } else {
                    ended.wait(lock)
                }
            }
            return isFinished || isStandstill
        }
    }

    func interrupt() {
        lock.locked {
            isInterrupted = true
            ended.broadcast()
        }
    }

    /// Stops all workers, whatever there is to do; none runs when this returns.
    func stop() {
        lock.locked {
            mustStop = true
            wake.broadcast()
            ended.broadcast()
        }
        for thread in threads { thread.join() }
        threads = []
        pool.stop()
        // Operations keep who runs them, for as long as they may end: what has not ended yet must not be kept by it.
        lock.locked { timers = TimerQueue() }
    }

    func finished() {
        lock.locked {
            isFinished = true
            ended.broadcast()
        }
    }

    // MARK: From stages and threads

    func ready(_ node: Node) {
        lock.lock()
        queue.append(node)
        wakeIfWorthwhile(for: node)
        lock.unlock()
    }

    private func wakeIfWorthwhile(for node: Node) {
        guard parked > 0 else { return }
        let free = count - parked - occupied
        if free == 0 || (queue.count > free && isWorthWaking(node)) { wake.signal() }
    }

    func arm(_ node: Node, at time: Int, isWatch: Bool) {
        lock.lock()
        timers.add(isWatch ? .watch(Uncounted(node)) : .notify(Uncounted(node)), at: time)
        // A worker looks at the timers before it sleeps. Only when all sleep somebody must be told.
        if parked == count, keeperUntil.map({ time < $0 }) ?? true { wake.signal() }
        lock.unlock()
    }

    func submit(_ operation: Operation) {
        lock.locked { underway += 1 }
        begin(operation, attempt: 1)
    }

    private func begin(_ operation: Operation, attempt: Int) {
        let deadline = Instant(nanoseconds: time) + operation.effort.deadline
        lock.locked {
            guard !operation.waitsForWorld else { return }
            timers.add(.expire(operation, attempt: attempt), at: deadline.nanoseconds)
            if parked == count, keeperUntil.map({ deadline.nanoseconds < $0 }) ?? true { wake.signal() }
        }
        pool.run { [self] in settle(operation, attempt: attempt, operation.perform()) }
    }

    private func settle(_ operation: Operation, attempt: Int, _ result: Result<any Sendable, any Error>) {
        switch operation.settle(attempt, result) {
        case .none: break
        case .again(let wait):
            lock.locked {
                if !mustStop { timers.add(.begin(operation, attempt: attempt + 1), at: time + wait) }
            }
        case .answered:
            lock.locked {
                underway -= 1
                if !operation.waitsForWorld { forgetDeadline() }
                if parked == count { wake.signal() }  // it may have been the last thing that was to happen
            }
        }
    }

    private func forgetDeadline() {
        idleDeadlines += 1
        guard idleDeadlines > 16, idleDeadlines * 2 > timers.count else { return }
        timers.removeExpired()
        idleDeadlines = 0
    }

    // MARK: The workers

    private func work() {
        settle()
        cpipe_set_timer_slack(1000)  // a source that is paced by the microsecond is called by the microsecond
        lock.lock()
        while !mustStop {
            if timers.next != nil {
                fireTimers()
                if mustStop { break }  // said while the lock was let go: nobody will say it again to who sleeps now
            }
            if let next = queue.first, isNeeded(for: next) {
                step()
            } else if queue.first == nil, isQuiet {
                lookForStandstill()
            } else {
                park()
            }
        }
        lock.unlock()
    }

    /// Gives the calling worker its processors and its niceness. What the system refuses is told, and no reason to stop.
    private func settle() {
        let cores = settings.cores.map(Int32.init)
        if !cores.isEmpty, case let failure = cpipe_keep_to_cores(cores, Int32(cores.count)), failure != 0 {
            complain("a worker cannot keep to the processors \(settings.cores): \(String(cString: strerror(failure)))")
        }
        if settings.nice != 0, case let failure = cpipe_set_nice(Int32(settings.nice)), failure != 0 {
            complain("a worker cannot have the niceness \(settings.nice): \(String(cString: strerror(failure)))")
        }
    }

    private func complain(_ message: String) {
        engine?.options.log(LogEntry(at: Instant(nanoseconds: time), .warning, "", message))
    }

    /// Whether this worker is to take what waits, or may leave it to one that is awake: two that share cheap work only
    /// pass memory to and fro.
    private func isNeeded(for next: Uncounted<Node>) -> Bool {
        let others = count - parked - occupied - 1
        if others == 0 || stepsSeen == steps { return true }
        return queue.count > others && next.with { isWorthWaking($0) }
    }

    private func isWorthWaking(_ node: Node) -> Bool {
        node.cost.load(ordering: .relaxed) * Node.batch > Self.worthWaking * 4
    }

    /// Nothing will happen by itself: this is the last worker awake, and neither a timer nor an operation is to come.
    private var isQuiet: Bool {
        parked + 1 == count && !isFinished && !hasLooked && !timers.hasWork && underway == 0
    }

    /// Asks the engine once in each such moment.
    private func lookForStandstill() {
        guard let engine else { return park() }
        lock.unlock()
        let moved = engine.unblock()
        lock.lock()
        guard !moved, queue.first == nil, underway == 0, !timers.hasWork, !isFinished else { return }
        hasLooked = true
        guard !engine.mayBeFed else { return }
        isStandstill = true
        ended.broadcast()
    }

    private func step() {
        queue.popFirst()?.with { step($0) }
    }

    private func step(_ node: Node) {
        let isLong = node.cost.load(ordering: .relaxed) > Self.worthWaking
        if isLong {
            occupied += 1
            queue.first?.with { wakeIfWorthwhile(for: $0) }
            if parked > 0, timers.next != nil, keeperUntil == nil { wake.signal() }  // somebody must keep the time
        }
        hasLooked = false
        lock.unlock()
        let again = node.run(now: time)
        lock.lock()
        if isLong { occupied -= 1 }
        steps &+= 1
        stepsSeen = nil
        if again { queue.append(node) }
    }

    private func fireTimers() {
        let now = time
        while let entry = timers.pop(by: now) {
            lock.unlock()
            switch entry.action {
            case .notify(let node), .watch(let node): node.with { $0.notify() }
            case .begin(let operation, let attempt): begin(operation, attempt: attempt)
            case .expire(let operation, let attempt): settle(operation, attempt: attempt, operation.isLate)
            }
            lock.lock()
        }
    }

    private func park() {
        parked += 1
        defer { parked -= 1 }
        // One worker keeps the time for all. While others work, it looks now and then whether they got stuck.
        let next = timers.next
        let isBusy = parked < count
        guard next != nil || isBusy else { return wake.wait(lock) }
        let until = min(next ?? .max, isBusy ? time + 10_000_000 : .max)
        if let keeper = keeperUntil, keeper <= until { return wake.wait(lock) }
        keeperUntil = until
        let before = steps
        wake.wait(lock, until: started + until)
        if keeperUntil == until { keeperUntil = nil }
        stepsSeen = isBusy ? before : nil
    }
}

/// Stages that have something to do, in order. Each stands here once at most, so they are their own list.
private struct ReadyQueue {
    private(set) var first: Uncounted<Node>?
    private var last: Uncounted<Node>?
    private(set) var count = 0

    mutating func append(_ node: Node) {
        let entry = Uncounted(node)
        node.nextReady = nil
        if let last { last.with { $0.nextReady = entry } } else { first = entry }
        last = entry
        count += 1
    }

    mutating func popFirst() -> Uncounted<Node>? {
        guard let entry = first else { return nil }
        first = entry.with { $0.nextReady }
        if first == nil { last = nil }
        count -= 1
        return entry
    }
}

/// Threads for what blocks: as many as there is such work, up to a bound.
final class OperationPool: @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private let wake = Lock.Condition()
    private var waiting: [@Sendable () -> Void] = []
    private var idle = 0
    private var threads = 0
    private var mustStop = false
    private static let mostThreads = 32

    func run(_ work: @escaping @Sendable () -> Void) {
        lock.locked {
            waiting.append(work)
            if idle >= waiting.count {
                wake.signal()
            } else if threads < Self.mostThreads {
                startThread(named: "pipe-op-\(threads)") { self.work() }.detach()
                threads += 1
            }
        }
    }

    private func work() {
        lock.lock()
        while true {
            if !waiting.isEmpty {
                let next = waiting.removeFirst()
                lock.unlock()
                next()
                lock.lock()
            } else if mustStop {
                break
            } else {
                idle += 1
                wake.wait(lock)
                idle -= 1
            }
        }
        lock.unlock()
    }

    /// Begins nothing more. What is under way is not waited for: it may stand in a read that never returns.
    func stop() {
        lock.locked {
            mustStop = true
            waiting = []
            wake.broadcast()
        }
    }
}

/// Starts a thread of our own: what blocks must not stand in the pool that Swift's tasks share.
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> ThreadHandle {
    final class Box {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) { (self.name, self.body) = (name, body) }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(name, body))
    let failure = pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            cpipe_name_thread(box.name)
            box.body()
            return nil
        },
        box.toOpaque()
    )
    precondition(failure == 0, "no thread can be started: \(failure)")
    return ThreadHandle(thread: thread)
}

/// A thread that was started: to be joined or detached, once.
package struct ThreadHandle: Sendable {
    fileprivate let thread: pthread_t

    package func join() { pthread_join(thread, nil) }
    package func detach() { pthread_detach(thread) }
}

/// The threads that step the stages.
public struct WorkerSettings: Sendable, Hashable {
    /// One for each processor, where it is not stated.
    public var count: Int?
    /// Processors that they keep to; all, where none is named.
    public var cores: [Int]
    public var nice: Int

    public init(count: Int? = nil, cores: [Int] = [], nice: Int = 0) {
        self.count = count
        self.cores = cores
        self.nice = nice
    }
}
