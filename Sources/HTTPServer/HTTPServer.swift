import CLinux
import CMicrohttpd
import Glibc
import Synchronization

/// HTTP/1.1 for one page and those who watch it, on libmicrohttpd.
///
/// One thread of the library's serves all connections; a second wakes streams that have waited, and ends connections that
/// take too long to say what they want. Whoever has news for streams calls `wake`, which costs one write to an eventfd at
/// most and waits for nobody. What is slow is the client's alone: a stream is asked for more when its client has taken what
/// it got.
public final class HTTPServer: @unchecked Sendable {  // what changes is under `state`
    public let settings: ServerSettings
    private let answer: @Sendable (Request) -> Response
    private let tick: @Sendable () -> Void
    private let state = Mutex(State())
    private let bell: Int32
    private let isRung = Atomic<Bool>(false)

    private struct State {
        var daemon: Handle?
        var waker: pthread_t?
        var rule = HostRule(listensOn: "", isLoopback: true, names: [])
        var isEnding = false
        /// Counts wakes: a stream that has found nothing before the last of them looks again.
        var round = 0
        var suspended: Set<StreamClient> = []
        /// Those that are open, suspended or not.
        var streams = 0
        /// Connections that owe a request, and when it must be whole.
        var awaited: [Handle: Awaited] = [:]
    }

    /// What the library hands out for a connection or a server. Any thread may name it; the library guards what is behind it.
    fileprivate struct Handle: @unchecked Sendable, Hashable {
        let pointer: OpaquePointer
    }

    private struct Awaited {
        var socket: Int32
        var deadline: ContinuousClock.Instant?
    }

    /// `answer` is called by the server's thread, and must not wait. `tick` is called by another, each `interval`.
    public init(
        _ settings: ServerSettings,
        tick: @escaping @Sendable () -> Void = {},
        answer: @escaping @Sendable (Request) -> Response
    ) {
        self.settings = settings
        self.answer = answer
        self.tick = tick
        bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    }

    deinit { if bell >= 0 { close(bell) } }

    /// Begins to serve, and says on which port. `stop` must follow.
    public func start() throws(HTTPServerError) -> UInt16 {
        guard bell >= 0 else { throw HTTPServerError("no descriptor is left for the server") }
        let listener = try Listener(settings.host, settings.port)
        let rule = HostRule(listensOn: settings.host, isLoopback: listener.isLoopback, names: settings.names)
        state.withLock { $0.rule = rule }
        let started = cpipe_http_start(
            listener.descriptor,
            UInt32(clamping: settings.connections),
            UInt32(clamping: max(1, settings.idleTime.components.seconds)),
            settings.headerBytes,
            requestCame,
            requestCompleted,
            connectionChanged,
            Unmanaged.passUnretained(self).toOpaque()
        )
        guard let started else {
            close(listener.descriptor)
            throw HTTPServerError("the server cannot be started: \(String(cString: strerror(errno)).lowercased())")
        }
        guard let waker = startThread({ [self] in wakeStreams() }) else {
            MHD_stop_daemon(started)
            throw HTTPServerError("no thread is left for the server")
        }
        let daemon = Handle(pointer: started)
        state.withLock { ($0.daemon, $0.waker) = (daemon, waker) }
        return listener.port
    }

    /// Ends all answers, and returns when no callback will be called any more.
    public func stop() {
        let (daemon, waker) = state.withLock { state in
            state.isEnding = true
            // From here on no stream is suspended, and the library wants none to be when it ends.
            resumeAll(&state)
            defer { (state.daemon, state.waker) = (nil, nil) }
            return (state.daemon, state.waker)
        }
        ring()
        if let waker { pthread_join(waker, nil) }
        if let daemon { MHD_stop_daemon(daemon.pointer) }
    }

    /// Streams that had nothing look again. Any thread may call this, as often as it likes.
    public func wake() {
        if !isRung.exchange(true, ordering: .acquiringAndReleasing) { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        // It can only fail where it is rung already.
        _ = write(bell, &one, 8)
    }

    /// Streams that are open.
    public var openStreams: Int { state.withLock { $0.streams } }

    // MARK: The waker

    private func wakeStreams() {
        cpipe_name_thread("http-waker")
        var next = ContinuousClock.now + settings.interval
        while true {
            var bells = pollfd(fd: bell, events: Int16(POLLIN), revents: 0)
            _ = poll(&bells, 1, milliseconds(until: next))
            var count: UInt64 = 0
            _ = read(bell, &count, 8)
            isRung.store(false, ordering: .sequentiallyConsistent)
            let now = ContinuousClock.now
            if now >= next {
                // What was late is not caught up with.
                next = max(next + settings.interval, now)
                tick()
            }
            let isEnding = state.withLock { state in
                state.round += 1
                resumeAll(&state)
                for (connection, awaited) in state.awaited where awaited.deadline.map({ $0 <= now }) ?? false {
                    // The library finds it closed, and lets it go; until it has said so, the descriptor is its own.
                    shutdown(awaited.socket, Int32(SHUT_RDWR))
                    state.awaited[connection]?.deadline = nil
                }
                return state.isEnding
            }
            if isEnding { return }
            // Who has news every microsecond wakes nobody more often than a screen shows it; it stays rung meanwhile.
            _ = poll(nil, 0, milliseconds(until: now + Self.leastPause))
        }
    }

    private static let leastPause = Duration.milliseconds(8)

    private func milliseconds(until time: ContinuousClock.Instant) -> Int32 {
        let (seconds, attoseconds) = max(.zero, time - ContinuousClock.now).components
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    /// The library's own lock is taken inside ours, here and where a stream is suspended; it calls nobody under its lock.
    private func resumeAll(_ state: inout State) {
        for client in state.suspended { MHD_resume_connection(client.connection.pointer) }
        state.suspended.removeAll()
    }

    fileprivate var round: Int { state.withLock { $0.round } }
    fileprivate var isEnding: Bool { state.withLock { $0.isEnding } }

    /// Lets a stream wait; false where something has come since this round, and it must look again.
    fileprivate func suspend(_ client: StreamClient, asOf round: Int) -> Bool {
        state.withLock { state in
            guard !state.isEnding, state.round == round else { return false }
            MHD_suspend_connection(client.connection.pointer)
            state.suspended.insert(client)
            return true
        }
    }

    // MARK: Connections

    fileprivate func opened(_ connection: Handle) {
        let socket = cpipe_http_socket(connection.pointer)
        var size = Int32(clamping: settings.sendBuffer)
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        // The buffer is for what is under way. What has not left yet is better made when it can: it is newer then.
        var unsent = Int32(clamping: settings.unsentBytes)
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsent, socklen_t(MemoryLayout<Int32>.size))
        let deadline = ContinuousClock.now + settings.requestTime
        state.withLock { $0.awaited[connection] = Awaited(socket: socket, deadline: deadline) }
    }

    fileprivate func closed(_ connection: Handle) {
        state.withLock { _ = $0.awaited.removeValue(forKey: connection) }
    }

    /// From now on the connection owes us a request, or nothing.
    fileprivate func awaits(_ connection: Handle, within time: Duration?) {
        let deadline = time.map { ContinuousClock.now + $0 }
        state.withLock { $0.awaited[connection]?.deadline = deadline }
    }

    // MARK: Requests

    /// What is wrong with a request before its body has come; nil where nothing is.
    fileprivate func objection(to exchange: Exchange) -> Response? {
        guard exchange.method != nil else {
            return Response(405, "this server takes GET, HEAD and POST\n").with("Allow", "GET, HEAD, POST")
        }
        let hosts = exchange.headers.filter { $0.name == "host" }
        guard hosts.count <= 1, !(hosts.isEmpty && exchange.isVersion11) else {
            return Response(400, "a request names its host once\n")
        }
        if let host = hosts.first, !state.withLock({ $0.rule.allows(host.value) }) {
            return Response(421, "this server has another name\n")
        }
        let lengths = exchange.headers.filter { $0.name == "content-length" }
        if let length = lengths.first.flatMap({ Int($0.value) }), length > settings.bodyBytes {
            return Response(413, "a body has \(settings.bodyBytes) bytes at most\n")
        }
        return nil
    }

    fileprivate func respond(_ exchange: Exchange, _ connection: Handle) -> MHD_Result {
        guard let method = exchange.method else { return .NO }
        let request = Request(method, exchange.path, headers: exchange.headers, body: exchange.body)
        return queue(answer(request), connection, isHead: method == .head)
    }

    /// Hands an answer to the library.
    fileprivate func queue(_ response: Response, _ connection: Handle, isHead: Bool) -> MHD_Result {
        var response = response
        let made: OpaquePointer?
        switch response.body {
        case .bytes(let bytes): made = Self.fixed(bytes)
        case .stream where isHead: made = Self.fixed([])
        case .stream(let begin):
            if let client = admit(connection, begin) {
                made = cpipe_http_stream(
                    settings.headerBytes,
                    streamRead,
                    Unmanaged.passRetained(client).toOpaque(),
                    streamReleased
                )
            } else {
                let text = "\(settings.streams) streams are open already\n"
                response = Response(503, text).with("Retry-After", "5")
                made = Self.fixed(Array(text.utf8))
            }
        }
        guard let made else { return .NO }
        defer { MHD_destroy_response(made) }
        MHD_add_response_header(made, "Content-Type", response.type)
        for header in Self.always + response.headers { MHD_add_response_header(made, header.name, header.value) }
        if !response.headers.contains(where: { $0.name == "Cache-Control" }) {
            MHD_add_response_header(made, "Cache-Control", "no-store")
        }
        return MHD_queue_response(connection.pointer, UInt32(clamping: response.status), made)
    }

    /// One more stream, unless there are as many as may be.
    private func admit(_ connection: Handle, _ begin: () -> any ClientStream) -> StreamClient? {
        let isAdmitted = state.withLock { state in
            guard state.streams < settings.streams else { return false }
            state.streams += 1
            return true
        }
        return isAdmitted ? StreamClient(connection, begin(), self) : nil
    }

    private static func fixed(_ bytes: [UInt8]) -> OpaquePointer? {
        bytes.withUnsafeBytes { bytes in
            MHD_create_response_from_buffer(
                bytes.count,
                UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                .RESPMEM_MUST_COPY
            )
        }
    }

    /// Nothing from elsewhere is loaded or run, nobody frames us, and no other page reads what we answer.
    private static let always: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    fileprivate func released(_ client: StreamClient) {
        state.withLock { state in
            state.streams -= 1
            state.suspended.remove(client)
        }
    }
}

// MARK: What the library calls, on its thread

/// A request that is coming.
private final class Exchange {
    let method: Request.Method?
    let path: String
    let isVersion11: Bool
    var headers: [Request.Header] = []
    var body: [UInt8] = []
    /// It was answered before its body had come.
    var isAnswered = false

    init(_ method: Request.Method?, _ path: String, isVersion11: Bool) {
        self.method = method
        // By its bytes: a slash and an accent on it are another character, and a path all the same.
        self.path = path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
        self.isVersion11 = isVersion11
    }
}

/// A client of a stream.
private final class StreamClient: Hashable, @unchecked Sendable {  // the library's thread alone asks it
    let connection: HTTPServer.Handle
    let server: HTTPServer
    private let stream: any ClientStream
    private var pieces: [Piece] = []
    private var piece = 0
    private var offset = 0

    init(_ connection: HTTPServer.Handle, _ stream: any ClientStream, _ server: HTTPServer) {
        self.connection = connection
        self.stream = stream
        self.server = server
    }

    static func == (a: StreamClient, b: StreamClient) -> Bool { a === b }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    /// Fills the room that the library has; 0 after the connection was suspended, -1 at the end.
    func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            if piece < pieces.count {
                let rest = pieces[piece].bytes.dropFirst(offset)
                let count = min(rest.count, room.count)
                room.copyBytes(from: rest.prefix(count))
                offset += count
                if offset == pieces[piece].bytes.count { (piece, offset) = (piece + 1, 0) }
                if count > 0 { return count }
                continue
            }
            guard !server.isEnding else { return -1 }
            // Before the stream is asked: what comes after it was is then never missed.
            let round = server.round
            switch stream.next() {
            case .send(let next): (pieces, piece, offset) = (next, 0, 0)
            case .later:
                pieces = []
                if server.suspend(self, asOf: round) { return 0 }
            case .end: return -1
            }
        }
    }
}

// Functions, not closures: what is formed in a place that is bound to an actor must not be called from another thread.

private func requestCame(
    _ context: UnsafeMutableRawPointer?,
    _ pointer: OpaquePointer?,
    _ path: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?,
    _ data: UnsafePointer<CChar>?,
    _ size: UnsafeMutablePointer<Int>?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let pointer, let path, let method, let version, let size, let own else { return .NO }
    let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    let connection = HTTPServer.Handle(pointer: pointer)
    guard let known = own.pointee else {
        let exchange = Exchange(
            Request.Method(rawValue: String(cString: method)),
            String(cString: path),
            isVersion11: strcmp(version, MHD_HTTP_VERSION_1_1) == 0
        )
        own.pointee = Unmanaged.passRetained(exchange).toOpaque()
        MHD_get_connection_values(
            pointer,
            .HEADER_KIND,
            headerCame,
            Unmanaged.passUnretained(exchange).toOpaque()
        )
        if let objection = server.objection(to: exchange) {
            exchange.isAnswered = true
            server.awaits(connection, within: nil)
            return server.queue(objection, connection, isHead: exchange.method == .head)
        }
        return .YES
    }
    let exchange = Unmanaged<Exchange>.fromOpaque(known).takeUnretainedValue()
    if size.pointee > 0, let data {
        guard exchange.body.count + size.pointee <= server.settings.bodyBytes else { return .NO }
        exchange.body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: size.pointee))
        size.pointee = 0
        return .YES
    }
    guard !exchange.isAnswered else { return .YES }
    exchange.isAnswered = true
    server.awaits(connection, within: nil)
    return server.respond(exchange, connection)
}

private func headerCame(
    _ context: UnsafeMutableRawPointer?,
    _ kind: MHD_ValueKind,
    _ name: UnsafePointer<CChar>?,
    _ value: UnsafePointer<CChar>?
) -> MHD_Result {
    guard let context, let name else { return .YES }
    let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
    exchange.headers.append(
        Request.Header(String(cString: name).lowercased(), value.map { String(cString: $0) } ?? "")
    )
    return .YES
}

private func requestCompleted(
    _ context: UnsafeMutableRawPointer?,
    _ pointer: OpaquePointer?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ reason: MHD_RequestTerminationCode
) {
    guard let context, let pointer, let own else { return }
    if let known = own.pointee { Unmanaged<Exchange>.fromOpaque(known).release() }
    own.pointee = nil
    let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    server.awaits(HTTPServer.Handle(pointer: pointer), within: server.settings.idleTime + server.settings.requestTime)
}

private func connectionChanged(
    _ context: UnsafeMutableRawPointer?,
    _ pointer: OpaquePointer?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ change: MHD_ConnectionNotificationCode
) {
    guard let context, let pointer else { return }
    let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    let connection = HTTPServer.Handle(pointer: pointer)
    if change == .CONNECTION_NOTIFY_STARTED { server.opened(connection) } else { server.closed(connection) }
}

private func streamRead(
    _ context: UnsafeMutableRawPointer?,
    _ position: UInt64,
    _ room: UnsafeMutablePointer<CChar>?,
    _ size: Int
) -> Int {
    guard let context, let room else { return cpipe_http_end_of_stream() }
    let client = Unmanaged<StreamClient>.fromOpaque(context).takeUnretainedValue()
    let count = client.read(into: UnsafeMutableRawBufferPointer(start: room, count: size))
    return count < 0 ? cpipe_http_end_of_stream() : count
}

private func streamReleased(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    let client = Unmanaged<StreamClient>.fromOpaque(context).takeRetainedValue()
    client.server.released(client)
}

/// A thread that is to be joined; nil where the system has none left.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let failure = pthread_create(
        &thread,
        nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        },
        box.toOpaque()
    )
    guard failure == 0 else {
        box.release()
        return nil
    }
    return thread
}
