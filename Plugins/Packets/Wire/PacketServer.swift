import CLinux
import Glibc
import PipeCore
import Sockets
import Synchronization

/// What a server of packets is told.
struct ServerSettings: Sendable {
    enum Place: Sendable {
        case tcp([SocketAddress])
        case unix(path: String, mode: Int)
    }

    var framing = Framing.fixed(32)
    var maxClients = 1000
    var idleTimeout: Duration?
    var greetingTimeout = Duration.seconds(5)
    var token: [UInt8]?
    var tokenBytes = 1024
    var allow: [AddressRange] = []
    var buffers = SocketBuffers()
    /// Of TCP: what was read is acknowledged with what comes next.
    var acknowledgesLater = false
    var backlog = 1024
    /// Several servers share the port, and the system its clients among them.
    var sharesPort = false
}

/// Serves the packets of many clients on one thread.
final class PacketServer: Reception, @unchecked Sendable {  // one thread at a time; `gate` guards opening and closing
    private let settings: ServerSettings
    private let makePlace: @Sendable () throws -> ServerSettings.Place
    private let makeTLS: @Sendable () throws -> TLSContext?
    private let population: Population
    private var tls: TLSContext?
    private var poller: Poller?
    private let listeners = Listeners()
    private var connections: [Connection?] = []
    private var free: [Int] = []
    /// Connections that hold bytes of which the system does not know.
    private var holding: [Int] = []
    private var greeting = 0
    private var served = 0
    private var nextSweep = Instant.zero
    private var memory: ReadingMemory
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var path: String?

    private enum Phase { case new, open, closed }
    private let gate = Mutex(Phase.new)

    /// Clients send faster than they are read. Then a turn takes few of them, the next the next few: what it reads is
    /// worked on while it is in the processor's cache, and its memory serves the next.
    private var isFlooded = false
    private static let mostFlooded = 2
    private static let flood = 16 << 10

    /// Numbers below are listeners.
    private static let firstConnection = 16
    private static let mostAccepted = 64
    /// After so long, the system may have acknowledged by itself, and does so at each read from then on.
    private static let ownAcknowledgement = Duration.milliseconds(30)

    init(
        _ settings: ServerSettings,
        population: Population = Population(),
        tls: @escaping @Sendable () throws -> TLSContext? = { nil },
        at place: @escaping @Sendable () throws -> ServerSettings.Place
    ) {
        self.settings = settings
        self.population = population
        makeTLS = tls
        makePlace = place
        memory = ReadingMemory(longest: settings.framing.longest)
        events = .allocate(capacity: 64)
        events.initialize(repeating: epoll_event())
    }

    deinit {
        closeAll()
        events.deallocate()
    }

    // MARK: Opening

    func open() throws -> String {
        let place = try makePlace()
        let tls = try makeTLS()
        return try gate.withLock { phase in
            guard phase == .new else { return "" }
            self.tls = tls
            let poller = try Poller()
            let address =
                switch place {
                case .tcp(let addresses): try listen(on: addresses)
                case .unix(let path, let mode): try listen(at: path, mode)
                }
            for (number, listener) in listeners.sockets.enumerated() {
                guard poller.add(listener.descriptor, UInt64(number)) else {
                    throw SystemFailure.error("'\(address)' cannot be watched")
                }
            }
            self.poller = poller
            phase = .open
            return address
        }
    }

    private func listen(on addresses: [SocketAddress]) throws -> String {
        let most = addresses.prefix(Self.firstConnection)
        return try listeners.listen(on: Array(most), backlog: Int32(settings.backlog)) { listener in
            if settings.sharesPort { listener.set(SOL_SOCKET, SO_REUSEPORT) }
            listener.tune(settings.buffers)
        }
    }

    private func listen(at path: String, _ mode: Int) throws -> String {
        guard let address = SocketAddress(path: path) else {
            throw StageError("'\(path)' is too long for a socket", hint: "use a path of 107 bytes at most")
        }
        try removeOrphan(address, path)
        let listener = try Socket(AF_UNIX, .stream, "listening at '\(path)'")
        guard listener.bind(to: address) else { throw SystemFailure.error("no socket can be made at '\(path)'") }
        self.path = path
        guard chmod(path, mode_t(mode)) == 0, Glibc.listen(listener.descriptor, Int32(settings.backlog)) == 0 else {
            throw SystemFailure.error("'\(path)' cannot be listened at")
        }
        listeners.add(listener)
        return path
    }

    /// A socket that a server left behind when it was killed is in the way, and nobody's: who calls it is refused.
    private func removeOrphan(_ address: SocketAddress, _ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StageError("'\(path)' is there, and is no socket", hint: "remove it, or choose another path")
        }
        let caller = try Socket(AF_UNIX, .stream, "calling '\(path)'")
        if !caller.connect(to: address), errno == ECONNREFUSED { unlink(path) }
    }

    /// Where it listens, once it is open.
    var boundAddresses: [SocketAddress] { listeners.sockets.map(\.boundAddress) }

    // MARK: Turns

    func turn(_ room: Int, _ now: Instant, _ emit: (PacketBatch) -> Void) -> Turn {
        guard let poller else { return Turn() }
        var turn = Turn()
        sweep(now, &turn, emit)
        readHeld(room, now, &turn, emit)
        let most = max(1, min(isFlooded ? Self.mostFlooded : events.count, room - turn.batches))
        isFlooded = false
        let count = poller.look(UnsafeMutableBufferPointer(rebasing: events[..<most]))
        if count == most { turn.isDrained = false }
        for event in events[..<count] where !Poller.isBell(event) {
            let number = Int(event.data.u64)
            if number < Self.firstConnection {
                accept(number, now, &turn, emit)
            } else if let connection = connections[number - Self.firstConnection] {
                read(connection, now, &turn, emit)
            }
        }
        return turn
    }

    private func readHeld(_ room: Int, _ now: Instant, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        guard !holding.isEmpty else { return }
        let held = holding
        holding = []
        for (place, number) in held.enumerated() {
            guard turn.batches < room else {
                holding += held[place...]
                turn.isDrained = false
                return
            }
            guard let connection = connections[number] else { continue }
            connection.isHeld = false
            read(connection, now, &turn, emit)
        }
    }

    func wait(atMost patience: Duration?) { poller?.wait(atMost: patience) }

    var patience: Duration? {
        guard greeting > 0 || (settings.idleTimeout != nil && !connections.allSatisfy { $0 == nil }) else { return nil }
        return sweepInterval
    }

    private var sweepInterval: Duration {
        let least = min(settings.idleTimeout ?? .seconds(4), settings.greetingTimeout)
        return max(.milliseconds(10), min(.seconds(1), least / 4))
    }

    /// Lets those go who have kept silent for too long.
    private func sweep(_ now: Instant, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        guard now >= nextSweep, greeting > 0 || settings.idleTimeout != nil else { return }
        nextSweep = now + sweepInterval
        for connection in connections {
            guard let connection else { continue }
            if connection.phase != .open {
                guard connection.heard + settings.greetingTimeout < now else { continue }
                close(connection, connection.phase == .handshake ? .tlsFailed : .noToken, &turn, emit)
            } else if let limit = settings.idleTimeout, connection.heard + limit < now {
                close(connection, .idle, &turn, emit)
            }
        }
    }

    // MARK: Coming and going

    private func accept(_ number: Int, _ now: Instant, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        for _ in 0..<Self.mostAccepted {
            switch listeners.next(at: number) {
            case .socket(let socket, let address): welcome(socket, address, now, &turn, emit)
            case .turnedAway(let address):
                let client = PacketClient(name(of: address, nil), settings.framing)
                return refuse(client, .tooManyClients, &turn, emit)
            case nil: return
            }
        }
        turn.isDrained = false
    }

    private func welcome(
        _ socket: Socket,
        _ address: SocketAddress,
        _ now: Instant,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) {
        served += 1
        let client = PacketClient(name(of: address, socket), settings.framing)
        if !settings.allow.isEmpty, !settings.allow.contains(where: { $0.contains(address.ip) }) {
            return refuse(client, .notAllowed, &turn, emit)
        }
        guard population.enter(most: settings.maxClients) else { return refuse(client, .tooManyClients, &turn, emit) }
        if address.family != AF_UNIX { socket.tune(settings.buffers) }
        if settings.acknowledgesLater { socket.acknowledgeLater() }
        let place = free.popLast() ?? connections.count
        if place == connections.count { connections.append(nil) }
        let connection = Connection(socket, client, place, now)
        connections[place] = connection
        greeting += 1
        guard poller?.add(socket.descriptor, UInt64(place + Self.firstConnection)) ?? false else {
            return close(connection, .tooManyClients, &turn, emit)
        }
        if let tls {
            connection.phase = .handshake
            connection.tls = try? TLSSession(tls, socket.descriptor)
            if connection.tls == nil { close(connection, .tlsFailed, &turn, emit) }
        } else {
            greet(connection, &turn, emit)
        }
    }

    /// The handshake is over, or there is none: a token is due next, where one is wanted.
    private func greet(_ connection: Connection, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        guard settings.token == nil || connection.phase == .token else { return connection.phase = .token }
        connection.phase = .open
        greeting -= 1
        turn.batches += 1
        emit(PacketBatch(opened: connection.client))
    }

    private func name(of address: SocketAddress, _ socket: Socket?) -> String {
        guard address.family == AF_UNIX else { return address.text }
        return "\(socket.map { cpipe_peer_process($0.descriptor) } ?? 0)#\(served)"
    }

    private func refuse(
        _ client: PacketClient,
        _ reason: Departure,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) {
        turn.batches += 1
        turn.rejected += 1
        emit(PacketBatch(closed: client, reason))
    }

    private func close(
        _ connection: Connection,
        _ reason: Departure,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) {
        if connection.phase == .open {
            turn.batches += 1
            emit(PacketBatch(closed: connection.client, reason, trailing: connection.carry.count))
        } else {
            greeting -= 1
            refuse(connection.client, reason, &turn, emit)
        }
        connection.tls?.end()
        connection.socket.close()
        connections[connection.place] = nil
        free.append(connection.place)
        population.leave()
    }

    // MARK: Reading

    private func read(_ connection: Connection, _ now: Instant, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        if connection.phase == .handshake {
            guard shakeHands(connection, &turn, emit) else { return }
        }
        let carried = connection.carry.count
        let room = memory.room(after: carried)
        guard let base = room.baseAddress else { return }
        let outcome = connection.read(base + carried, room.count - carried)
        guard case .bytes(let count, let isFull) = outcome else {
            switch outcome {
            case .ended: close(connection, connection.phase == .token ? .noToken : .ended, &turn, emit)
            case .broken: close(connection, connection.phase == .token ? .noToken : .reset, &turn, emit)
            case .nothing, .bytes: break
            }
            return
        }
        if isFull { turn.isDrained = false }
        if count >= Self.flood { isFlooded = true }
        if connection.tls?.holdsBytes ?? false {
            if !connection.isHeld { holding.append(connection.place) }
            connection.isHeld = true
            turn.isDrained = false
        }
        if carried > 0 { room.copyBytes(from: connection.carry) }
        take(connection, UnsafeRawBufferPointer(rebasing: room[..<(carried + count)]), now, &turn, emit)
    }

    /// Works on bytes that begin with what was left of the read before.
    private func take(
        _ connection: Connection,
        _ bytes: UnsafeRawBufferPointer,
        _ now: Instant,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) {
        var start = 0
        if connection.phase == .token {
            guard let end = checkToken(connection, bytes, &turn, emit) else { return }
            start = end
        }
        if settings.acknowledgesLater, connection.heard + Self.ownAcknowledgement < now {
            connection.socket.acknowledgeLater()
        }
        connection.heard = now
        let data = UnsafeRawBufferPointer(rebasing: bytes[start...])
        let cut = settings.framing.cut(data, seen: connection.seen)
        let rest = UnsafeRawBufferPointer(rebasing: data[cut.whole...])
        connection.keep(rest, seen: cut.seen - cut.whole)
        if cut.packets > 0 {
            turn.batches += 1
            emit(memory.batch(of: connection.client, at: start, bytes: cut.whole, packets: cut.packets))
        }
        if cut.isBroken { close(connection, .malformed, &turn, emit) }
    }

    private func shakeHands(_ connection: Connection, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) -> Bool {
        guard let tls = connection.tls else { return false }
        let number = UInt64(connection.place + Self.firstConnection)
        switch tls.shakeHands() {
        case .done:
            poller?.watch(connection.socket.descriptor, number, writes: false)
            greet(connection, &turn, emit)
            return true
        case .wantsToRead: poller?.watch(connection.socket.descriptor, number, writes: false)
        case .wantsToWrite: poller?.watch(connection.socket.descriptor, number, writes: true)
        case .ended, .failed: close(connection, .tlsFailed, &turn, emit)
        }
        return false
    }

    /// Where the data begins behind the token's line; nil while it is not whole, or after the client was turned away.
    private func checkToken(
        _ connection: Connection,
        _ bytes: UnsafeRawBufferPointer,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) -> Int? {
        guard let end = bytes.prefix(settings.tokenBytes + 1).firstIndex(of: UInt8(ascii: "\n")) else {
            if bytes.count > settings.tokenBytes {
                close(connection, .noToken, &turn, emit)
            } else {
                connection.keep(bytes, seen: 0)
            }
            return nil
        }
        let shown = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
        let token = settings.token ?? []
        guard cpipe_is_secret(bytes.baseAddress, shown, token, token.count) else {
            close(connection, .wrongToken, &turn, emit)
            return nil
        }
        connection.keep(UnsafeRawBufferPointer(rebasing: bytes[..<0]), seen: 0)
        greet(connection, &turn, emit)
        return end + 1
    }

    // MARK: The end

    /// Rounds of reading at the end: who goes on sending must not keep it open.
    private static let lastTurns = 32

    func finish(_ now: Instant, _ emit: (PacketBatch) -> Void) {
        var turn = Turn(isDrained: false)
        for _ in 0..<Self.lastTurns where !turn.isDrained { turn = self.turn(events.count, now, emit) }
        for connection in connections {
            if let connection { close(connection, .stopped, &turn, emit) }
        }
    }

    func stop() {
        gate.withLock { phase in
            if phase == .open, !hasThread { closeAll() }
            phase = .closed
            poller?.end()
        }
    }

    private func closeAll() {
        for connection in connections where connection != nil { population.leave() }
        connections = []
        if let path, !listeners.sockets.isEmpty { unlink(path) }
        listeners.close()
    }

    // MARK: With a thread of its own

    private var hasThread = false

    func giveThread() { hasThread = true }

    /// Reads until nobody takes what it hands over. Full and blocking, it reads nothing, and so holds up its clients.
    func run(into intake: Intake, _ clock: ContinuousClock = ContinuousClock(), latency: Duration) {
        let start = clock.now
        var isWanted = true
        while isWanted, gate.withLock({ $0 == .open }) {
            let turn = turn(events.count, Instant.zero + (clock.now - start)) { batch in
                isWanted = isWanted && intake.push(batch, key: batch.client.key)
            }
            population.reject(turn.rejected)
            if turn.isDrained {
                wait(atMost: patience)
                if turn.batches > 1, latency > .zero { usleep(UInt32(clamping: latency.nanoseconds / 1000)) }
            }
        }
        gate.withLock { _ in closeAll() }
    }
}

/// Clients of servers that share a limit, and who was turned away.
final class Population: Sendable {
    private let count = Atomic<Int>(0)

    func enter(most: Int) -> Bool {
        guard count.add(1, ordering: .relaxed).newValue > most else { return true }
        leave()
        return false
    }

    func leave() { count.subtract(1, ordering: .relaxed) }

    /// What was turned away by servers with a thread of their own.
    private let rejected = Atomic<Int>(0)
    func reject(_ count: Int) { if count > 0 { rejected.add(count, ordering: .relaxed) } }
    func takeRejected() -> Int { rejected.exchange(0, ordering: .relaxed) }
}
