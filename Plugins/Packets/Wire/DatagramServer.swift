import CLinux
import Glibc
import PipeCore
import Sockets
import Synchronization

/// Takes datagrams of whole packets. A client is who sends from one address, until it keeps silent for too long.
final class DatagramServer: Reception, @unchecked Sendable {  // one thread at a time; `gate` guards opening and closing
    struct Settings: Sendable {
        var framing = Framing.fixed(32)
        var maxClients = 1000
        var idleTimeout = Duration.seconds(60)
        var allow: [AddressRange] = []
        var buffers = SocketBuffers()
    }

    private final class Sender {
        let client: PacketClient
        var heard: Instant
        /// Bytes behind the whole packets of its datagrams.
        var trailing = 0

        init(_ client: PacketClient, _ now: Instant) { (self.client, heard) = (client, now) }
    }

    private let settings: Settings
    private let makeAddresses: @Sendable () throws -> [SocketAddress]
    private var socket: Socket?
    private var poller: Poller?
    private var clients: [SocketAddress: Sender] = [:]
    private var nextSweep = Instant.zero
    private var memory: ReadingMemory
    /// What the system has dropped so far.
    private var overflowed: UInt32 = 0

    private enum Phase { case new, open, closed }
    private let gate = Mutex(Phase.new)

    init(_ settings: Settings, at addresses: @escaping @Sendable () throws -> [SocketAddress]) {
        self.settings = settings
        makeAddresses = addresses
        memory = ReadingMemory(longest: settings.framing.longest)
    }

    func open() throws -> String {
        let addresses = try makeAddresses()
        return try gate.withLock { phase in
            guard phase == .new, let address = addresses.first else { return "" }
            let poller = try Poller()
            let socket = try Socket(address.family, .datagram, "listening on \(address.text)")
            socket.set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: settings.buffers.receive.bytes))
            socket.set(SOL_SOCKET, SO_RXQ_OVFL)
            guard socket.bind(to: address), poller.add(socket.descriptor, 0) else {
                throw SystemFailure.error(
                    "'\(address.text)' cannot be listened on",
                    hint: "is another server there? 'ss -lnup' tells"
                )
            }
            (self.poller, self.socket) = (poller, socket)
            phase = .open
            return socket.boundAddress.text
        }
    }

    func turn(_ room: Int, _ now: Instant, _ emit: (PacketBatch) -> Void) -> Turn {
        guard let socket else { return Turn() }
        var turn = Turn()
        sweep(now, &turn, emit)
        while turn.batches < room {
            let target = memory.room(after: 0)
            var storage = sockaddr_storage()
            let before = overflowed
            let count = cpipe_receive(socket.descriptor, target.baseAddress, target.count, &storage, &overflowed)
            turn.rejected += Int(overflowed &- before)
            if count < 0 {
                if errno == EINTR || errno == ECONNREFUSED { continue }
                return turn
            }
            take(target, count, SocketAddress(storage: storage, length: 0), now, &turn, emit)
        }
        turn.isDrained = false
        return turn
    }

    private func take(
        _ target: UnsafeMutableRawBufferPointer,
        _ count: Int,
        _ address: SocketAddress,
        _ now: Instant,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) {
        guard let sender = sender(at: address, now, &turn, emit), count <= target.count else {
            turn.rejected += 1
            return
        }
        sender.heard = now
        let bytes = UnsafeRawBufferPointer(rebasing: target[..<count])
        let cut = settings.framing.cut(bytes)
        sender.trailing = min(sender.trailing + count - cut.whole, 1 << 20 - 1)
        if cut.whole < count || cut.packets == 0 { turn.rejected += 1 }
        guard cut.packets > 0 else { return }
        turn.batches += 1
        emit(memory.batch(of: sender.client, at: 0, bytes: cut.whole, packets: cut.packets))
    }

    /// Nil for who is not let in.
    private func sender(
        at address: SocketAddress,
        _ now: Instant,
        _ turn: inout Turn,
        _ emit: (PacketBatch) -> Void
    ) -> Sender? {
        if let known = clients[address] { return known }
        guard clients.count < settings.maxClients,
            settings.allow.isEmpty || settings.allow.contains(where: { $0.contains(address.ip) })
        else { return nil }
        let sender = Sender(PacketClient(address.text, settings.framing), now)
        clients[address] = sender
        turn.batches += 1
        emit(PacketBatch(opened: sender.client))
        return sender
    }

    private func sweep(_ now: Instant, _ turn: inout Turn, _ emit: (PacketBatch) -> Void) {
        guard now >= nextSweep else { return }
        nextSweep = now + interval
        for (address, sender) in clients where sender.heard + settings.idleTimeout < now {
            clients[address] = nil
            turn.batches += 1
            emit(PacketBatch(closed: sender.client, .idle, trailing: sender.trailing))
        }
    }

    private var interval: Duration { max(.milliseconds(10), min(.seconds(1), settings.idleTimeout / 4)) }
    var patience: Duration? { clients.isEmpty ? nil : interval }

    func wait(atMost patience: Duration?) { poller?.wait(atMost: patience) }

    func finish(_ now: Instant, _ emit: (PacketBatch) -> Void) {
        _ = turn(4096, now, emit)
        for sender in clients.values { emit(PacketBatch(closed: sender.client, .stopped, trailing: sender.trailing)) }
        clients = [:]
    }

    func stop() {
        gate.withLock { phase in
            phase = .closed
            poller?.end()
            socket = nil
        }
    }
}
