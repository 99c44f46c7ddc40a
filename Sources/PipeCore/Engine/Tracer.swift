import CLinux

/// What happened in a run, in the order in which it was noted.
public struct TraceEvent: Sendable {
    public enum Kind: Sendable {
        /// A stage was stepped: what it took, made, sent, dropped and failed on.
        case step(took: Int, made: Int, sent: Int, dropped: Int, failed: Int)
        /// Items waited for a stage.
        case wait(items: Int)
        /// Items were dropped in a link.
        case drop(DropReason, items: Int)
        /// A stage dropped items when the run was ended.
        case cancelled(items: Int)
        case restarted
    }

    public let kind: Kind
    /// The stage copy or the link.
    public let name: String
    /// The thread, where one did it.
    public let thread: Int
    /// Nanoseconds since the run began.
    public let begin: Int
    public let end: Int
}

/// Notes what happens in a run for who reads it meanwhile. It is bounded: what is not fetched in time is left out and
/// counted, so that a slow disk slows no graph.
public final class Tracer: @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private let ready = Lock.Condition()
    private var events: [TraceEvent] = []
    private var missed = 0
    private var hasEnded = false
    private static let most = 1 << 16
    private static let worthFetching = 1 << 10

    public init() { events.reserveCapacity(Self.worthFetching * 4) }

    func note(_ kind: TraceEvent.Kind, _ name: String, from begin: Int, to end: Int) {
        // An item may have been sent a moment after the step that takes it began.
        let event = TraceEvent(kind: kind, name: name, thread: Int(cpipe_thread()), begin: min(begin, end), end: end)
        lock.locked {
            guard events.count < Self.most else {
                missed += 1
                return
            }
            events.append(event)
            if events.count == Self.worthFetching { ready.signal() }
        }
    }

    /// Waits until there are many events, for a moment, or until the end; then all that there are. Nil at the end.
    public func next() -> (events: [TraceEvent], missed: Int)? {
        lock.locked {
            if events.count < Self.worthFetching, !hasEnded { ready.wait(lock, until: monotonicTime() + 500_000_000) }
            guard !(events.isEmpty && hasEnded) else { return nil }
            defer { events.removeAll(keepingCapacity: true) }
            return (events, missed)
        }
    }

    /// Nothing more is noted.
    public func end() {
        lock.locked {
            hasEnded = true
            ready.broadcast()
        }
    }
}

extension Node {
    /// A step, and a note of what came of it.
    func tracedStep(_ tracer: Tracer, now: Int) -> Bool {
        func sent() -> Int { (0..<outputs).reduce(0) { $0 + outboxes[$1].sent } }
        let before = (
            made: cell.pointee.made, sent: sent(), dropped: cell.pointee.dropped.total, failed: cell.pointee.failed,
            restarts: restarts.count
        )
        let again = step(now: now)
        let end = max(now, workedUntil)
        let kind = TraceEvent.Kind.step(
            // What the stage before has handed over was taken in that one's step.
            took: cell.pointee.taken - tracedTaken,
            made: cell.pointee.made - before.made,
            sent: sent() - before.sent,
            dropped: cell.pointee.dropped.total - before.dropped,
            failed: cell.pointee.failed - before.failed
        )
        tracedTaken = cell.pointee.taken
        if case .step(0, 0, 0, 0, 0) = kind, end == now { return again }
        tracer.note(kind, fullName, from: now, to: end)
        if case .restarting = phase, restarts.count != before.restarts {
            tracer.note(.restarted, fullName, from: end, to: end)
        }
        return again
    }
}
