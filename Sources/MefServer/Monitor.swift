internal import Glibc

/// State behind a lock, and a way to wait until it changes.
///
/// `Mutex` has no condition variable. Waiting is for threads of our own only, never for a task.
// Sendable: the state is touched with the lock held only.
final class Monitor<State>: @unchecked Sendable {
    private var state: State
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when somebody sets the clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    /// Looks at the state or changes it; `wakes` the threads that wait for a change.
    func withLock<Result>(wakes: Bool = false, _ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        defer { if wakes { pthread_cond_broadcast(changed) } }
        return try body(&state)
    }

    /// Changes the state and wakes one thread that waits.
    func hand(_ body: (inout State) -> Void) {
        pthread_mutex_lock(lock)
        body(&state)
        pthread_cond_signal(changed)
        pthread_mutex_unlock(lock)
    }

    /// Waits until `body` gives a value, looking again after each change; `nil` once the time is over.
    func wait<Result>(_ limit: Duration? = nil, for body: (inout State) -> Result?) -> Result? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        if let limit {
            let nanoseconds = deadline.tv_nsec + Int(limit.components.attoseconds / 1_000_000_000)
            deadline.tv_sec += Int(limit.components.seconds) + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
        }
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let result = body(&state) { return result }
            let code =
                limit == nil ? pthread_cond_wait(changed, lock) : pthread_cond_timedwait(changed, lock, &deadline)
            if code == ETIMEDOUT { return body(&state) }
        }
    }
}

/// Runs `body` on a thread of its own; `false` when the system has none left.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread,
        &attributes,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        },
        box.toOpaque()
    )
    if code != 0 { box.release() }
    return code == 0
}
