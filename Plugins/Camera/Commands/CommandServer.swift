import CLinux
import Glibc
import PipeCore
import PipeKit
import Sockets
import Synchronization

/// Answers commands: one a connection, a line back, and the connection is closed. It runs on a thread of its own, so that
/// it answers also while the graph stands still.
final class CommandServer: @unchecked Sendable {  // `run` is called once; `gate` guards opening and closing
    struct Settings: Sendable {
        var allow: [AddressRange] = []
        var maxClients = 32
        /// For a command to come whole.
        var timeout = Duration.seconds(5)
    }

    private final class Client {
        let socket: Socket
        let name: String
        let deadline: ContinuousClock.Instant
        /// When what came is taken for a command, though no line has ended: who sends 'STATUS' need not end it.
        var settles: ContinuousClock.Instant?
        var line: [UInt8] = []

        init(_ socket: Socket, _ name: String, until deadline: ContinuousClock.Instant) {
            (self.socket, self.name, self.deadline) = (socket, name, deadline)
        }
    }

    /// What happened to one who called.
    enum Event: Sendable {
        case command(String, of: String)
        case refused(Refusal, of: String)

        enum Refusal: String, Sendable {
            case tooManyClients = "too_many_clients"
            case notAllowed = "not_allowed"
            case tooLong = "too_long"
            case silent

            var meaning: String {
                switch self {
                case .tooManyClients: "there were as many clients as 'max_clients' lets in"
                case .notAllowed: "its address is not one of 'allow'"
                case .tooLong: "a command has \(CommandServer.longest) bytes at most"
                case .silent: "it said nothing"
                }
            }
        }
    }

    static let longest = 1024
    /// 'START' may be the beginning of 'START_INF': so long it may still go on.
    private static let grace = Duration.milliseconds(50)
    private static let firstClient: UInt64 = 16

    private let settings: Settings
    private let makeAddresses: @Sendable () throws -> [SocketAddress]
    private let listeners = Listeners()
    private var poller: Poller?
    private var clients: [UInt64: Client] = [:]
    private var served: UInt64 = 0

    private enum Phase { case new, open, closed }
    private let gate = Mutex(Phase.new)

    init(_ settings: Settings, at addresses: @escaping @Sendable () throws -> [SocketAddress]) {
        self.settings = settings
        makeAddresses = addresses
    }

    /// Opens it, and says where it listens.
    func open() throws -> String {
        let addresses = try makeAddresses()
        return try gate.withLock { phase in
            guard phase == .new else { return "" }
            let poller = try Poller()
            let text = try listeners.listen(on: Array(addresses.prefix(Int(Self.firstClient))), backlog: 64) { _ in }
            for (number, listener) in listeners.sockets.enumerated() {
                guard poller.add(listener.descriptor, UInt64(number)) else {
                    throw SystemFailure.error("'\(text)' cannot be watched")
                }
            }
            self.poller = poller
            phase = .open
            return text
        }
    }

    /// Answers until it is stopped.
    func run(_ answer: (String) -> String, _ tell: (Event) -> Void) {
        guard let poller else { return }
        let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 64)
        events.initialize(repeating: epoll_event())
        defer { events.deallocate() }
        while gate.withLock({ $0 == .open }) {
            let count = poller.look(events, waiting: patience)
            for event in events[..<count] where !Poller.isBell(event) {
                let number = event.data.u64
                if number < Self.firstClient {
                    accept(Int(number), tell)
                } else if let client = clients[number] {
                    read(client, number, answer, tell)
                }
            }
            settle(answer, tell)
        }
        clients = [:]
        listeners.close()
    }

    /// Ends it, from any thread.
    func stop() {
        gate.withLock { phase in
            phase = .closed
            poller?.end()
        }
    }

    // MARK: Clients

    private var patience: Int32 {
        let next = clients.values.lazy.map { min($0.settles ?? $0.deadline, $0.deadline) }.min()
        guard let next else { return -1 }
        return Int32(clamping: max(1, ContinuousClock.now.duration(to: next).nanoseconds / 1_000_000 + 1))
    }

    private func accept(_ listener: Int, _ tell: (Event) -> Void) {
        for _ in 0..<settings.maxClients {
            switch listeners.next(at: listener) {
            case .socket(let socket, let address): welcome(socket, address, tell)
            case .turnedAway(let address): return tell(.refused(.tooManyClients, of: address.text))
            case nil: return
            }
        }
    }

    private func welcome(_ socket: Socket, _ address: SocketAddress, _ tell: (Event) -> Void) {
        guard settings.allow.isEmpty || settings.allow.contains(where: { $0.contains(address.ip) }) else {
            return tell(.refused(.notAllowed, of: address.text))
        }
        let number = Self.firstClient + served
        guard clients.count < settings.maxClients, poller?.add(socket.descriptor, number) ?? false else {
            return tell(.refused(.tooManyClients, of: address.text))
        }
        served += 1
        clients[number] = Client(socket, address.text, until: .now + settings.timeout)
    }

    private func read(
        _ client: Client,
        _ number: UInt64,
        _ answer: (String) -> String,
        _ tell: (Event) -> Void
    ) {
        var bytes = [UInt8](repeating: 0, count: Self.longest + 2)
        let count = recv(client.socket.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        client.line += bytes.prefix(max(0, count))
        let line = client.line.prefix { $0 != UInt8(ascii: "\n") }
        if line.count > Self.longest {
            clients[number] = nil
            reply(client, "ERROR: a command has \(Self.longest) bytes at most")
            return tell(.refused(.tooLong, of: client.name))
        }
        if line.count < client.line.count || count <= 0 {
            finish(client, number, answer, tell)
        } else {
            client.settles = .now + Self.grace
        }
    }

    /// Takes what has come for a command where nothing follows, and lets those go who say nothing.
    private func settle(_ answer: (String) -> String, _ tell: (Event) -> Void) {
        let now = ContinuousClock.now
        for (number, client) in clients where min(client.settles ?? client.deadline, client.deadline) <= now {
            finish(client, number, answer, tell)
        }
    }

    private func finish(
        _ client: Client,
        _ number: UInt64,
        _ answer: (String) -> String,
        _ tell: (Event) -> Void
    ) {
        clients[number] = nil
        let text = String(decoding: client.line.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard !line.isEmpty else { return tell(.refused(.silent, of: client.name)) }
        reply(client, answer(line))
        tell(.command(line, of: client.name))
    }

    /// A line fits into the empty buffer of a new connection: this waits for nobody.
    private func reply(_ client: Client, _ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = send(client.socket.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        shutdown(client.socket.descriptor, Int32(SHUT_WR))
        // What is unread when a socket is closed turns its end into a reset, and the answer with it is lost.
        var rest = [UInt8](repeating: 0, count: Self.longest)
        _ = recv(client.socket.descriptor, &rest, rest.count, Int32(MSG_DONTWAIT))
        client.socket.close()
    }
}
