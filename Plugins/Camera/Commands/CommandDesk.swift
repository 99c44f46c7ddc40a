import CLinux
import Glibc
import PipeCore
import Synchronization

/// Where the stage and the thread that answers commands meet: the recorder, and what was asked.
final class CommandDesk: Sendable {
    private struct State {
        var recorder: Recorder
        var events: [CommandServer.Event] = []
        var isClosed = false
    }

    private let state: Mutex<State>
    private let waiting: @Sendable () -> Int
    private let bell = Bell()
    private let begun = ContinuousClock.now
    private let start: Instant
    /// Nobody has heard of so many yet: what comes beyond is answered, and not told of.
    private static let mostEvents = 256

    init(_ recorder: Recorder, at now: Instant, waiting: @escaping @Sendable () -> Int) {
        state = Mutex(State(recorder: recorder))
        self.waiting = waiting
        start = now
    }

    func admit() -> Recorder.Verdict { state.withLock { $0.recorder.admit() } }

    var recorder: Recorder { state.withLock { $0.recorder } }

    func answer(_ line: String) -> String {
        let now = start + (ContinuousClock.now - begun)
        let waiting = waiting()
        return state.withLock { $0.recorder.perform(Command(line), now, waiting: waiting) }
    }

    func tell(_ event: CommandServer.Event) {
        state.withLock { if $0.events.count < Self.mostEvents { $0.events.append(event) } }
        bell.ring()
    }

    /// Waits until something has happened, and says what; nothing where the desk is closed.
    func hear() -> [CommandServer.Event] {
        while true {
            let (events, isClosed) = state.withLock { state in
                defer { state.events = [] }
                return (state.events, state.isClosed)
            }
            if !events.isEmpty || isClosed { return events }
            bell.wait()
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        bell.ring()
    }
}

/// Wakes one who waits.
private final class Bell: Sendable {
    private let descriptor = eventfd(0, Int32(EFD_CLOEXEC))

    deinit { close(descriptor) }

    func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func wait() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
