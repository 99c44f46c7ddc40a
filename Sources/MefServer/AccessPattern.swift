internal import Synchronization

/// The access patterns of the original server's benchmark, without a network: clients that read the same segments in
/// order and work on each for a while. What remains is what the server itself costs.
public struct AccessPattern: Sendable {
    public struct Result: Sendable {
        /// From the first request to the last answer, of all clients.
        public var seconds = 0.0
        /// Until the slowest client had its first message.
        public var first = 0.0
        /// Values that were sent, eight bytes each.
        public var values = 0

        public init() {}
    }

    public var session: String
    public var segments = 10
    /// How long a segment is.
    public var length: Int64 = 300
    /// What a client does between two segments.
    public var work = Duration.milliseconds(300)
    public var clients = 1
    public var prefetch = 1
    public var threads = 0

    public init(session: String) { self.session = session }

    /// Serves the clients with a server of its own, which has read nothing before.
    public func run() throws(MefServerError) -> Result {
        var configuration = Configuration(roots: [session])
        configuration.prefetchAhead = prefetch
        let pool = try WorkPool(threads: threads > 0 ? threads : onlineCores())
        defer { _ = pool.stop(within: .seconds(10)) }
        let service = try Service(configuration, pool: pool)
        let outcome = Monitor((left: clients, result: Result(), problem: nil as String?))
        let begin = ContinuousClock.now
        Task(executorPreference: pool) {
            let opened = Counter()
            await opened.ask(service, Request(method: .openFile, path: session, peer: "opener"))
            await opened.ask(
                service,
                Request(method: .setSignalSegmentSize, path: session, peer: "opener", number: length)
            )
            for number in 0..<clients {
                Task(executorPreference: pool) {
                    let sink = Counter()
                    for index in 0..<segments where sink.state.problem == nil {
                        let request = Request(
                            method: .getSignalSegment,
                            path: session,
                            peer: "client \(number)",
                            number: Int64(index)
                        )
                        await sink.ask(service, request)
                        if work > .zero { try? await Task.sleep(for: work) }
                    }
                    let seen = sink.state
                    let (end, first) = (ContinuousClock.now - begin, (seen.first ?? .now) - begin)
                    outcome.withLock(wakes: true) { outcome in
                        outcome.left -= 1
                        outcome.result.seconds = max(outcome.result.seconds, end / .seconds(1))
                        outcome.result.first = max(outcome.result.first, first / .seconds(1))
                        outcome.result.values += seen.values
                        outcome.problem = outcome.problem ?? seen.problem ?? opened.state.problem
                    }
                }
            }
        }
        let ended = outcome.wait(.seconds(3600)) { $0.left == 0 ? ($0.result, $0.problem) : nil }
        guard let (result, problem) = ended else { throw MefServerError(.system, "the clients do not come to an end") }
        if let problem { throw MefServerError(.configuration, problem) }
        return result
    }
}

/// Counts what a client gets.
private final class Counter: ReplySink {
    struct State {
        var values = 0
        var first: ContinuousClock.Instant?
        var problem: String?
    }

    private let counted = Mutex(State())
    var state: State { counted.withLock { $0 } }

    func ask(_ service: Service, _ request: Request) async {
        do { try await service.serve(request, to: self) } catch { counted.withLock { $0.problem = "\(error)" } }
    }

    func send(_ reply: consuming Reply) async throws {
        switch consume reply {
        case .chunk(let chunk):
            let values = chunk.rows * chunk.columns
            counted.withLock { state in
                state.values += values
                state.first = state.first ?? .now
            }
        case .chunkError(_, let message): counted.withLock { $0.problem = message }
        case .answer(let answer):
            if let error = answer.error, !error.isEmpty { counted.withLock { $0.problem = error } }
        case .envelope: break
        }
    }
}
