import CLinux
import Frames
import Glibc
import PipeCore
import PipeKit
import Sockets
import Synchronization

/// Takes the pictures of many connections on one thread. `open` and `stop` may meet; all else is called in turn.
final class FrameServer: @unchecked Sendable {  // one thread at a time; `gate` guards opening and closing
    struct Settings: Sendable {
        var maxFrameBytes = ByteCount.mebibytes(64)
        var maxPending = ByteCount.mebibytes(256)
        var maxClients = 256
        var stallTimeout = Duration.seconds(10)
        var idleTimeout: Duration?
        var allow: [AddressRange] = []
        var receiveBuffer = ByteCount.kibibytes(256)
    }

    /// What one turn brought.
    struct Turn {
        var frames = 0
        /// All that had come was read.
        var isDrained = true
        var refused: [(why: Refusal, client: String)] = []
    }

    private final class Client {
        let socket: Socket
        let name: String
        let key: Key
        let place: Int
        var parser: FrameParser
        /// When something came last.
        var heard: Instant
        /// Read, and not looked at yet: a read can hold more small pictures than there is room for.
        var rest: [UInt8] = []

        init(_ socket: Socket, _ name: String, _ place: Int, _ parser: FrameParser, _ now: Instant) {
            (self.socket, self.name, self.place, self.parser, heard) = (socket, name, place, parser, now)
            key = Key(name)
        }
    }

    private let settings: Settings
    private let makeAddresses: @Sendable () throws -> [SocketAddress]
    private let listeners = Listeners()
    private var poller: Poller?
    private var clients: [Client?] = []
    private var free: [Int] = []
    /// Clients with a rest, in the order in which they came to have one.
    private var holding: [Int] = []
    private var nextSweep = Instant.zero
    let memory: FrameMemory
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private let scratch: UnsafeMutableRawBufferPointer

    private enum Phase { case new, open, closed }
    private let gate = Mutex(Phase.new)

    /// Numbers below are listeners.
    private static let firstClient = 16
    private static let mostAccepted = 64
    private static let readSize = 64 << 10

    init(_ settings: Settings, at addresses: @escaping @Sendable () throws -> [SocketAddress]) {
        self.settings = settings
        makeAddresses = addresses
        memory = FrameMemory(most: settings.maxPending, keeping: .mebibytes(16))
        events = .allocate(capacity: 64)
        events.initialize(repeating: epoll_event())
        scratch = .allocate(byteCount: Self.readSize, alignment: 64)
    }

    deinit {
        events.deallocate()
        scratch.deallocate()
    }

    /// Opens it, and says where it listens.
    func open() throws -> String {
        let addresses = try makeAddresses()
        return try gate.withLock { phase in
            guard phase == .new else { return "" }
            let poller = try Poller()
            let text = try listeners.listen(on: Array(addresses.prefix(Self.firstClient)), backlog: 1024) { socket in
                socket.set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: settings.receiveBuffer.bytes))
            }
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

    var clientCount: Int { clients.count { $0 != nil } }

    // MARK: Turns

    /// Reads what has come, and hands over `room` pictures at most.
    func turn(_ room: Int, _ now: Instant, _ emit: (EncodedFrame, Key) -> Void) -> Turn {
        guard let poller else { return Turn() }
        var turn = Turn()
        takeRests(room, now, &turn, emit)
        let count = poller.look(events)
        if count == events.count { turn.isDrained = false }
        for event in events[..<count] where !Poller.isBell(event) {
            guard turn.frames < room else {
                turn.isDrained = false
                break
            }
            let number = Int(event.data.u64)
            if number < Self.firstClient {
                accept(number, now, &turn)
            } else if let client = clients[number - Self.firstClient], client.rest.isEmpty {
                read(client, room, now, &turn, emit)
            }
        }
        // Only now: who was held up by us has been read, and is not taken for silent.
        if turn.isDrained { sweep(now, &turn) }
        return turn
    }

    private func takeRests(_ room: Int, _ now: Instant, _ turn: inout Turn, _ emit: (EncodedFrame, Key) -> Void) {
        let held = holding
        holding = []
        for (order, place) in held.enumerated() {
            guard turn.frames < room else {
                holding += held[order...]
                turn.isDrained = false
                return
            }
            guard let client = clients[place] else { continue }
            let rest = client.rest
            client.rest = []
            rest.withUnsafeBytes { take($0, client, room, &turn, emit) }
        }
    }

    private func read(
        _ client: Client,
        _ room: Int,
        _ now: Instant,
        _ turn: inout Turn,
        _ emit: (EncodedFrame, Key) -> Void
    ) {
        let count = recv(client.socket.descriptor, scratch.baseAddress, scratch.count, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            return close(client, client.parser.isWithin ? .cut : nil, &turn)
        }
        client.heard = now
        if count == scratch.count { turn.isDrained = false }
        take(UnsafeRawBufferPointer(rebasing: scratch[..<count]), client, room, &turn, emit)
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer,
        _ client: Client,
        _ room: Int,
        _ turn: inout Turn,
        _ emit: (EncodedFrame, Key) -> Void
    ) {
        do throws(FrameParser.Failure) {
            var frames = 0
            let taken = try client.parser.take(bytes, most: room - turn.frames, memory) { frame in
                frames += 1
                emit(frame, client.key)
            }
            turn.frames += frames
            if taken < bytes.count {
                client.rest = Array(bytes[taken...])
                holding.append(client.place)
                turn.isDrained = false
            }
        } catch {
            switch error {
            case .empty: close(client, .empty, &turn)
            case .tooLong: close(client, .tooLong, &turn)
            case .noRoom: close(client, .noRoom, &turn)
            }
        }
    }

    // MARK: Coming and going

    private func accept(_ number: Int, _ now: Instant, _ turn: inout Turn) {
        for _ in 0..<Self.mostAccepted {
            switch listeners.next(at: number) {
            case .socket(let socket, let address): welcome(socket, address, now, &turn)
            case .turnedAway(let address): return turn.refused.append((.tooManyClients, address.text))
            case nil: return
            }
        }
        turn.isDrained = false
    }

    private func welcome(_ socket: Socket, _ address: SocketAddress, _ now: Instant, _ turn: inout Turn) {
        if !settings.allow.isEmpty, !settings.allow.contains(where: { $0.contains(address.ip) }) {
            return turn.refused.append((.notAllowed, address.text))
        }
        let place = free.popLast() ?? clients.count
        guard place < settings.maxClients, poller?.add(socket.descriptor, UInt64(place + Self.firstClient)) ?? false
        else {
            if place < clients.count { free.append(place) }
            return turn.refused.append((.tooManyClients, address.text))
        }
        socket.set(SOL_SOCKET, SO_KEEPALIVE)
        if place == clients.count { clients.append(nil) }
        clients[place] = Client(socket, address.text, place, FrameParser(longest: settings.maxFrameBytes.bytes), now)
    }

    private func close(_ client: Client, _ why: Refusal?, _ turn: inout Turn) {
        if let why { turn.refused.append((why, client.name)) }
        client.parser.drop(memory)
        client.socket.close()
        clients[client.place] = nil
        free.append(client.place)
    }

    // MARK: Silence

    /// Lets those go who have kept silent for too long.
    private func sweep(_ now: Instant, _ turn: inout Turn) {
        guard now >= nextSweep, patience != nil else { return }
        nextSweep = now + sweepInterval
        for case let client? in clients where client.rest.isEmpty {
            if client.parser.isWithin {
                if client.heard + settings.stallTimeout < now { close(client, .stalled, &turn) }
            } else if let limit = settings.idleTimeout, client.heard + limit < now {
                close(client, nil, &turn)
            }
        }
    }

    private var sweepInterval: Duration {
        let least = min(settings.idleTimeout ?? settings.stallTimeout, settings.stallTimeout)
        return max(.milliseconds(5), min(.seconds(1), least / 4))
    }

    /// How long a wait may last: nil where nobody has a deadline.
    var patience: Duration? {
        let hasDeadline = clients.contains { client in
            client.map { $0.parser.isWithin || settings.idleTimeout != nil } ?? false
        }
        return hasDeadline ? sweepInterval : nil
    }

    /// Waits until something comes, until it is stopped, or for so long.
    func wait(atMost patience: Duration?) { poller?.wait(atMost: patience) }

    // MARK: The end

    /// Rounds of reading at the end: who goes on sending must not keep it open.
    private static let lastTurns = 64

    /// Hands over what had come before the end, and lets all go.
    func finish(_ now: Instant, _ emit: (EncodedFrame, Key) -> Void) -> Turn {
        var all = Turn(isDrained: false)
        for _ in 0..<Self.lastTurns where !all.isDrained {
            let turn = turn(events.count, now, emit)
            all.frames += turn.frames
            all.refused += turn.refused
            all.isDrained = turn.isDrained
        }
        for case let client? in clients {
            let isUnfinished = client.parser.isWithin || !client.rest.isEmpty
            close(client, isUnfinished ? .stopped : nil, &all)
        }
        return all
    }

    /// Ends it, from any thread that nothing else is called from meanwhile; a wait that is under way ends.
    func stop() {
        gate.withLock { phase in
            phase = .closed
            poller?.end()
            clients = []
            listeners.close()
        }
    }
}
