import HTTPServer
import Synchronization

/// The text of one server-sent event.
func event(_ name: String?, _ data: String) -> [UInt8] {
    var text = name.map { "event: \($0)\n" } ?? ""
    // A line break would end the field; JSON on one line has none.
    for line in data.split(separator: "\n", omittingEmptySubsequences: false) { text += "data: \(line)\n" }
    return Array((text + "\n").utf8)
}

/// Events for many clients: the last few are kept, numbered, and each client reads on from where it was. One that reads too
/// slowly misses the oldest, and is told how many; it has no memory of its own.
final class EventRing: Sendable {
    private struct State {
        var events: [[UInt8]] = []
        var sent = 0
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    func add(_ event: [UInt8]) {
        state.withLock { state in
            state.sent += 1
            state.events.append(event)
            if state.events.count > capacity { state.events.removeFirst() }
        }
    }

    /// The number of the last event; the first has 1.
    var last: Int { state.withLock { $0.sent } }

    func events(after number: Int) -> (events: [[UInt8]], last: Int, missed: Int) {
        state.withLock { state in
            let first = state.sent - state.events.count + 1
            let missed = max(0, first - 1 - number)
            return (Array(state.events.dropFirst(max(0, number + 1 - first))), state.sent, missed)
        }
    }
}

/// One client of such events.
final class EventStream: ClientStream {
    private let ring: EventRing
    /// A line that keeps the connection alive, and finds out that the client is gone, where nothing else is sent.
    private let state: Mutex<(cursor: Int, lastSent: ContinuousClock.Instant, first: [UInt8]?)>

    /// `first` is what a client gets that has just come.
    init(_ ring: EventRing, first: [UInt8]) {
        self.ring = ring
        state = Mutex((ring.last, .now, first))
    }

    func next() -> StreamStep {
        state.withLock { state in
            let now = ContinuousClock.now
            if let first = state.first {
                state.first = nil
                return .send([Piece(first)])
            }
            let (events, last, missed) = ring.events(after: state.cursor)
            guard !events.isEmpty else {
                guard now - state.lastSent > aliveInterval else { return .later }
                state.lastSent = now
                return .send([Piece(Array(": alive\n\n".utf8))])
            }
            (state.cursor, state.lastSent) = (last, now)
            let notice = missed > 0 ? [Piece(event("missed", "{\"events\":\(missed)}"))] : []
            return .send(notice + events.map { Piece($0) })
        }
    }
}

let aliveInterval = Duration.seconds(10)

extension Response {
    /// Server-sent events, in the headers of the lab's first server.
    static func events(_ make: @escaping @Sendable () -> any ClientStream) -> Response {
        Response(stream: make, type: "text/event-stream").with("Cache-Control", "no-cache")
            .with("X-Accel-Buffering", "no")
    }
}
