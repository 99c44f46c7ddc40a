internal import CMefGrpc
internal import Synchronization

/// Serves MEF 3 sessions over gRPC to the published Python clients, of both generations of the protocol.
///
/// One process with as many threads as there are cores: the reader has no state to share, so every core decodes for
/// every client. How it is built, and why: docs/design/mef-server.md.
///
/// ```swift
/// let server = try MefServer(Configuration(roots: ["/data"]))
/// print("listening on port \(server.port)")
/// server.stop(within: .seconds(5))
/// ```
public final class MefServer: Sendable {
    /// The port it listens on, also when it was asked for a free one.
    public let port: Int

    private let service: Service
    private let pool: WorkPool
    private let work: Work
    private let listener: Listener
    private let keeper = Monitor(false)

    /// Starts to serve.
    public init(_ configuration: Configuration) throws(MefServerError) {
        let problems = configuration.problems()
        guard problems.isEmpty else { throw MefServerError(.configuration, problems.joined(separator: "; ")) }
        pool = try WorkPool(threads: configuration.threads > 0 ? configuration.threads : Self.cores)
        do throws(MefServerError) {
            service = try Service(configuration, pool: pool)
            work = Work(service, pool)
            listener = try Listener(configuration, work)
        } catch {
            _ = pool.stop(within: .zero)
            throw error
        }
        port = listener.port
        // Overdue calls, unused holds and tiles: looked for now and then, until the server stops.
        let (listener, service, keeper) = (listener, service, keeper)
        let isKept = startThread {
            while keeper.wait(.seconds(1), for: { $0 ? true : nil }) == nil {
                listener.tick()
                service.expire()
            }
        }
        guard isKept else {
            _ = stop(within: .zero)
            throw MefServerError(.system, "the system has no thread left for the server")
        }
    }

    deinit { stop(within: .zero) }

    /// What it has done so far and holds now.
    public var statistics: Statistics {
        var statistics = service.statistics
        statistics.activeCalls = listener.calls
        return statistics
    }

    /// Takes no more calls, gives those in progress half of the time to end, and cancels the rest.
    ///
    /// Blocks, for at most that long and a little; a second call does nothing.
    /// - Returns: `false` when a file was still being read at the end of it, which the system has to let go of.
    @discardableResult
    public func stop(within limit: Duration) -> Bool {
        let wasStopped = keeper.withLock(wakes: true) { isStopping in
            defer { isStopping = true }
            return isStopping
        }
        guard !wasStopped else { return true }
        listener.stop(within: limit / 2)
        let isIdle = work.waitUntilIdle(limit / 4)
        service.closeAll()
        return pool.stop(within: limit / 4) && isIdle
    }

    private static var cores: Int { onlineCores() }
}

/// The tasks that answer calls.
final class Work: Sendable {
    private let service: Service
    private let pool: WorkPool
    private let running = Monitor(0)

    init(_ service: Service, _ pool: WorkPool) {
        self.service = service
        self.pool = pool
    }

    func begin(_ request: Request, _ call: Call) {
        running.withLock { $0 += 1 }
        let task = Task(executorPreference: pool) { [self] in
            do {
                try await service.serve(request, to: call)
                call.finish()
            } catch let refusal as Refusal {
                call.finish(refusal)
            } catch is CancellationError {
                // Nobody is there to be told; if somebody is, the deadline of a step has passed.
                call.cancel()
            } catch {
                call.finish(Refusal(code: 13, message: "\(error)"))
            }
            running.withLock(wakes: true) { $0 -= 1 }
        }
        call.bind(task)
    }

    /// Whether all tasks ended within the time.
    func waitUntilIdle(_ limit: Duration) -> Bool { running.wait(limit) { $0 == 0 ? true : nil } ?? false }
}
