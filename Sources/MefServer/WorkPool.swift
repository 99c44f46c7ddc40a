/// The server's own threads: they run its tasks, read files and decode.
///
/// Reading blocks, so it has no place on the shared pool of the program. Work for somebody who waits goes first; what is
/// done ahead of any request runs only when nobody waits. Nothing here waits for other work, so it cannot lock up.
final class WorkPool: TaskExecutor {
    enum Lane {
        /// Somebody waits for it.
        case urgent
        /// Nobody does yet.
        case spare
    }

    private enum Work {
        case job(UnownedJob)
        case body(@Sendable () -> Void)
    }

    private struct State {
        var urgent = Fifo<Work>()
        var spare = Fifo<Work>()
        var threads = 0
        var isStopping = false
    }

    private let monitor = Monitor(State())

    /// Starts as many threads as the system gives, but at least one.
    init(threads: Int) throws(MefServerError) {
        for _ in 0..<max(1, threads) {
            monitor.withLock { $0.threads += 1 }
            if !startThread({ [self] in run() }) { monitor.withLock { $0.threads -= 1 } }
        }
        guard monitor.withLock({ $0.threads }) > 0 else {
            throw MefServerError(.system, "the system has no thread left for the server")
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        monitor.hand { $0.urgent.append(.job(job)) }
    }

    func submit(_ lane: Lane, _ body: @escaping @Sendable () -> Void) {
        monitor.hand { state in
            switch lane {
            case .urgent: state.urgent.append(.body(body))
            case .spare: if !state.isStopping { state.spare.append(.body(body)) }
            }
        }
    }

    /// Ends the threads once nothing urgent is left; `false` when one was still at work at the deadline.
    func stop(within limit: Duration) -> Bool {
        monitor.withLock(wakes: true) { state in
            state.isStopping = true
            state.spare = Fifo()
        }
        return monitor.wait(limit) { $0.threads == 0 ? true : nil } ?? false
    }

    private func run() {
        while let work = next() {
            switch work {
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            case .body(let body): body()
            }
        }
    }

    private func next() -> Work? {
        let work: Work?? = monitor.wait { state in
            if let work = state.urgent.popFirst() ?? state.spare.popFirst() { return .some(work) }
            if !state.isStopping { return nil }
            state.threads -= 1
            return .some(nil)
        }
        guard let work = work ?? nil else {
            // Wakes whoever waits for the last thread.
            monitor.withLock(wakes: true) { _ in }
            return nil
        }
        return work
    }
}

/// First in, first out, in amortised constant time.
struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head > 32, head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll(where condition: (Element) -> Bool) {
        elements = elements[head...].filter { $0.map(condition) == false }
        head = 0
    }
}
