internal import CLinux
internal import Mef3
internal import Synchronization

/// Answers requests. Knows no network: replies go to a sink.
final class Service: Sendable {
    let configuration: Configuration
    let cache: TileCache
    let counters = Counters()
    private let roots: Roots
    private let catalog: Mutex<Catalog<OpenFile>>
    private let clients = Mutex<[String: Int]>([:])
    private let nextFile = Atomic<Int>(1)
    private let clock = ContinuousClock()

    init(_ configuration: Configuration, pool: WorkPool) throws(MefServerError) {
        self.configuration = configuration
        roots = try Roots(configuration.roots, prefix: configuration.prefix)
        cache = TileCache(budget: configuration.cacheBytes, pool: pool)
        catalog = Mutex(Catalog(maxHolds: configuration.maxHolds))
    }

    /// Answers a request with one message or more. Throws when the call is over or refused.
    func serve(_ request: Request, to sink: some ReplySink) async throws {
        if let token = configuration.token, !Self.isToken(request.token, token) {
            counters.refused.wrappingAdd(1, ordering: .relaxed)
            throw Refusal.unauthenticated
        }
        guard enter(request.caller) else {
            counters.refused.wrappingAdd(1, ordering: .relaxed)
            let message = "too many clients at once, at most \(configuration.maxClients), try again later"
            return try await sink.send(Self.failure(request, message))
        }
        defer { leave(request.caller) }
        counters.calls.wrappingAdd(1, ordering: .relaxed)
        switch request.method {
        case .getSignalSegment, .getSignalRange: try await signal(request, to: sink)
        case .getEnvelope: try await envelope(request, to: sink)
        default: try await sink.send(.answer(answer(request)))
        }
    }

    /// Housekeeping: gives up what nobody has asked for in a while.
    func expire() {
        let cutoff = clock.now - configuration.holdLifetime
        for file in catalog.withLock({ $0.expire(before: cutoff) }) { cache.forget(file: file.number) }
        cache.expire(olderThan: configuration.tileLifetime)
    }

    /// Closes all sessions.
    func closeAll() {
        for file in catalog.withLock({ $0.closeAll() }) { cache.forget(file: file.number) }
    }

    var openFiles: Int { catalog.withLock { $0.count } }
    var activeClients: Int { clients.withLock { $0.count } }

    func file(_ request: Request) -> OpenFile? {
        catalog.withLock { $0.file(request.path, client: request.client, now: clock.now) }
    }

    private func answer(_ request: Request) -> Reply.Answer {
        if request.method == .openFile { return open(request) }
        if request.method == .closeFile { return close(request) }
        if request.method == .listOpenFiles {
            return Reply.Answer(path: "", names: OpenFile.bytes(catalog.withLock { $0.paths }))
        }
        guard let file = file(request) else {
            return Reply.Answer(path: request.path, error: Self.notOpen(request.path))
        }
        switch request.method {
        case .setSignalSegmentSize: return setSegmentSize(request, file)
        case .setActiveChannels: return setActive(request, file)
        case .getActiveChannels: return Reply.Answer(path: request.path, names: names(file.active, file))
        case .getNumberOfSegments: return Reply.Answer(path: request.path, number: file.segments)
        default: return info(file, request)
        }
    }

    private func open(_ request: Request) -> Reply.Answer {
        func refusal(_ message: String) -> Reply.Answer { Reply.Answer(path: request.path, error: message) }
        if request.wantsCacheRate { return refusal("this server does not reduce the rate, open without cache_fs") }
        let wasOpen = catalog.withLock { $0.file(request.path, client: request.client, now: clock.now) }
        let file: OpenFile
        if let wasOpen {
            file = wasOpen
        } else {
            guard openFiles < configuration.maxOpenFiles else {
                return refusal("\(configuration.maxOpenFiles) sessions are open, which is the limit, close one")
            }
            guard let real = roots.admit(request.path) else { return refusal("File does not exist: \(request.path)") }
            // Before anything of it is read; what is no session is refused by its name.
            guard !real.hasSuffix(".mefd") || roots.holdsAll(below: real) else {
                return refusal("the session has links that lead out of what may be read: \(request.path)")
            }
            do throws(MefError) {
                let session = try MefSession(path: real, password: configuration.password, reading: .salvage)
                let number = nextFile.wrappingAdd(1, ordering: .relaxed).oldValue
                guard let fresh = OpenFile(number: number, path: request.path, session: session) else {
                    let reason = session.damage.first.map { $0.error.message } ?? "it has no channel with samples"
                    return refusal("the session cannot be read, \(reason): \(request.path)")
                }
                counters.damaged.wrappingAdd(session.damage.count, ordering: .relaxed)
                file = fresh
            } catch {
                // The place in the error is a path of the server, which is not for clients.
                return refusal("the session cannot be opened, \(error.message): \(request.path)")
            }
        }
        let (now, released) = catalog.withLock { catalog in
            catalog.open(request.path, file, client: request.client, now: clock.now)
        }
        for file in released { cache.forget(file: file.number) }
        var answer = info(now, request)
        // Clients with a name open for themselves, so it is no news to them.
        if wasOpen != nil, request.client.isEmpty { answer.error = "File already open: \(request.path)" }
        return answer
    }

    private func close(_ request: Request) -> Reply.Answer {
        let (file, isOpen) = catalog.withLock { catalog in
            (catalog.close(request.path, client: request.client), catalog.isOpen(request.path))
        }
        if let file { cache.forget(file: file.number) }
        return Reply.Answer(path: request.path, isOpened: isOpen)
    }

    private func info(_ file: OpenFile, _ request: Request) -> Reply.Answer {
        Reply.Answer(
            path: request.path,
            error: nil,
            isOpened: true,
            info: file.info,
            hasServedRates: !request.client.isEmpty
        )
    }

    private func enter(_ client: String) -> Bool {
        clients.withLock { clients in
            guard clients[client] != nil || clients.count < configuration.maxClients else { return false }
            clients[client, default: 0] += 1
            return true
        }
    }

    private func leave(_ client: String) {
        clients.withLock { clients in
            let left = (clients[client] ?? 1) - 1
            clients[client] = left > 0 ? left : nil
        }
    }

    private static func isToken(_ shown: String, _ token: String) -> Bool {
        let wanted = "Bearer " + token
        return cpipe_is_secret(shown, shown.utf8.count, wanted, wanted.utf8.count)
    }

    static func notOpen(_ path: String) -> String { "File not open: \(path)" }

    static func failure(_ request: Request, _ message: String) -> Reply {
        switch request.method {
        case .getSignalSegment, .getSignalRange: .chunkError(path: request.path, message: message)
        case .getEnvelope: .envelope(Reply.Envelope(path: request.path, error: message))
        default: .answer(Reply.Answer(path: request.path, error: message))
        }
    }
}
