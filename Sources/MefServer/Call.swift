internal import CMefGrpc
internal import Synchronization

/// A call as the server's tasks see it: one message at a time, and cancelled when the client is gone.
///
/// gRPC's handlers and the task that answers meet here. The task holds the object and with it the call; gRPC holds it
/// from `attach` to its last handler.
// Sendable: the pointer is to an object of C++ with its own lock.
final class Call: ReplySink, @unchecked Sendable {
    private struct State {
        var sending: CheckedContinuation<Bool, Never>?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let pointer: OpaquePointer
    private let state = Mutex(State())

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { cpipe_mefs_release(pointer) }

    /// Has the handlers know the call; `false` when it is over already.
    func attach() -> Bool {
        let token = Unmanaged.passRetained(self)
        guard cpipe_mefs_attach(pointer, token.toOpaque()) == 0 else { return true }
        token.release()
        return false
    }

    /// Has the task cancelled when the call is.
    func bind(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func send(_ reply: consuming Reply) async throws {
        // The reply cannot be captured by an escaping closure, and need not: this one runs at once.
        var reply: Reply? = consume reply
        let isSent = await withCheckedContinuation { continuation in
            state.withLock { $0.sending = continuation }
            // When the call is over no handler will say so.
            if reply.take()?.start(on: pointer) != true { written(false) }
        }
        guard isSent else { throw CancellationError() }
    }

    func finish(_ refusal: Refusal? = nil) {
        cpipe_mefs_finish(pointer, refusal?.code ?? 0, refusal?.message ?? "")
        // The task holds this object, and this object the task.
        state.withLock { $0.task = nil }
    }

    /// Ends the call as if the client had.
    func cancel() { cpipe_mefs_cancel(pointer) }

    fileprivate func written(_ isOnItsWay: Bool) {
        let sending = state.withLock { state in
            defer { state.sending = nil }
            return state.sending
        }
        sending?.resume(returning: isOnItsWay)
    }

    fileprivate func cancelled() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// The handlers that lead to calls. They run on gRPC's threads.
    static func handlers() -> cpipe_mefs_handlers {
        var handlers = cpipe_mefs_handlers()
        handlers.written = { token, isOnItsWay in Call.behind(token)?.written(isOnItsWay != 0) }
        handlers.cancelled = { token in Call.behind(token)?.cancelled() }
        handlers.ended = { token in
            guard let token else { return }
            Unmanaged<Call>.fromOpaque(token).release()
        }
        return handlers
    }

    private static func behind(_ token: UnsafeMutableRawPointer?) -> Call? {
        token.map { Unmanaged<Call>.fromOpaque($0).takeUnretainedValue() }
    }
}
