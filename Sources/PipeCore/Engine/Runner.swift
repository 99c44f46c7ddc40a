import Glibc

/// What drives the stages of an engine: workers on real time, or the simulator on virtual time.
protocol Runner: AnyObject {
    /// Nanoseconds since the run began.
    var time: Int { get }
    /// Where time is real: when the run began, by the clock.
    var realStart: Int? { get }

    /// A stage has something to do: it is to be run.
    func ready(_ node: Node)
    /// A stage is to be notified at a time. A watch alone does not keep a run going.
    func arm(_ node: Node, at time: Int, isWatch: Bool)
    func submit(_ operation: Operation)
    /// How many items of so many a step takes.
    func batch(_ most: Int) -> Int
    /// A step has worked on items; returns the time after that.
    @discardableResult func spent(on items: Int) -> Int
    /// Whether a stage may be stepped together with the one before it.
    var mayFuse: Bool { get }
    /// The last stage has closed.
    func finished()
}

extension Runner {
    var isRealTime: Bool { realStart != nil }
}

/// Nanoseconds of the clock that never jumps.
package func monotonicTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Times at which stages want to be notified, earliest first: a heap.
struct TimerQueue {
    struct Entry {
        var time: Int
        /// Entries of one time fire in the order they were made, so that a simulated run repeats.
        var number: Int
        var action: Action
    }

    enum Action {
        // The engine owns its stages, and outlives its timers.
        case notify(Uncounted<Node>)
        case watch(Uncounted<Node>)
        case begin(Operation, attempt: Int)
        case expire(Operation, attempt: Int)

        /// It alone does not keep a run going.
        var isWatch: Bool {
            switch self {
            case .notify, .begin: false
            case .watch, .expire: true
            }
        }
    }

    private var heap: [Entry] = []
    private var made = 0
    private(set) var watches = 0

    var next: Int? { heap.first?.time }
    var count: Int { heap.count }
    /// Whether something other than a watch is to come.
    var hasWork: Bool { heap.count > watches }

    mutating func add(_ action: Action, at time: Int) {
        made += 1
        heap.append(Entry(time: time, number: made, action: action))
        if action.isWatch { watches += 1 }
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest entry, if its time has come.
    mutating func pop(by time: Int) -> Entry? {
        guard let first = heap.first, first.time <= time else { return nil }
        if first.action.isWatch { watches -= 1 }
        let last = heap.removeLast()
        if heap.isEmpty { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            if left < heap.count, precedes(left, least) { least = left }
            if right < heap.count, precedes(right, least) { least = right }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    /// Deadlines of attempts that have their outcome go before their time.
    mutating func removeExpired() {
        heap.removeAll { entry in
            guard case .expire(let operation, let attempt) = entry.action else { return false }
            return operation.isSettled(attempt)
        }
        heap.sort { ($0.time, $0.number) < ($1.time, $1.number) }  // what is sorted is a heap
        watches = heap.count { $0.action.isWatch }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        (heap[a].time, heap[a].number) < (heap[b].time, heap[b].number)
    }
}

/// Processors that this process may use.
func processorCount() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
