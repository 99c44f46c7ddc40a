import CLinux
import Glibc
public import PipeCore
public import PipeGraph
public import PipeKit
import Sockets
import Synchronization

/// What a run lets others do with it.
public struct ControlledRun: Sendable {
    public var watched: WatchedRun
    public var inside: any InspectedRun
    public var setLevel: @Sendable (LogLevel) -> Void
    /// Adds stations and takes some out.
    public var change: @Sendable ([StationChange]) throws -> Void

    public init(
        _ watched: WatchedRun,
        inside: any InspectedRun,
        setLevel: @escaping @Sendable (LogLevel) -> Void,
        change: @escaping @Sendable ([StationChange]) throws -> Void
    ) {
        self.watched = watched
        self.inside = inside
        self.setLevel = setLevel
        self.change = change
    }
}

/// Answers those who talk to a run, on a thread of its own: by a socket of the user's, and by TCP where a token is set.
///
/// Nothing that a client sends or leaves unread reaches the graph: lines, answers and clients are bounded, and what is no
/// request is refused and counted.
public final class ControlServer: Sendable {
    public struct Settings: Sendable {
        /// Where the run's socket is made; nil makes none.
        public var sockets: RunSockets?
        /// An address beside it, for who shows the token.
        public var address: Address?
        public var token: String?
        /// How long a client may take to show it.
        public var patience = Duration.seconds(5)

        public init(sockets: RunSockets?) { self.sockets = sockets }
    }

    private let loop: ControlLoop
    private let thread = Mutex<ThreadHandle?>(nil)
    private let path: String?
    /// The TCP address that it listens on.
    public let address: String?

    public init(_ run: ControlledRun, _ settings: Settings) throws {
        let listeners = Listeners()
        path = try settings.sockets.map { sockets in
            let path = try sockets.path(for: run.watched.graph.name)
            RunSockets.remove(path)  // of a process of this number that was killed
            let socket = try Socket(AF_UNIX, .stream, "the control socket")
            guard let address = SocketAddress(path: path), socket.bind(to: address),
                listen(socket.descriptor, 64) == 0
            else { throw SystemFailure.error("'\(path)' cannot be listened on") }
            listeners.add(socket)
            return path
        }
        address = try settings.address.map { address in
            let addresses = try SocketAddress.resolve(address, .stream, passive: true)
            return try listeners.listen(on: addresses, backlog: 64) { _ in }
        }
        loop = try ControlLoop(run, listeners, isLocal: { [hasPath = path != nil] in hasPath && $0 == 0 }, settings)
        let loop = loop
        let handle = startThread(named: "pipe-control") { loop.serve() }
        thread.withLock { $0 = handle }
    }

    /// Ends all conversations. Whoever waits for a stream's end sees the socket close.
    public func stop() {
        loop.end()
        let handle = thread.withLock { handle in
            defer { handle = nil }
            return handle
        }
        handle?.join()
        if let path { RunSockets.remove(path) }
    }
}

/// The server's thread.
final class ControlLoop: @unchecked Sendable {  // all but `isEnded` and the bell belongs to the thread that runs it
    let run: ControlledRun
    let snapshots: Snapshots
    let bell: Bell
    let token: String?
    /// Clients that have not shown the token, lines that are no request, clients that were too many.
    var refused = 0
    private let settings: ControlServer.Settings
    private let listeners: Listeners
    private let isLocal: (Int) -> Bool
    private let poller: Poller
    private let isEnded = Atomic<Bool>(false)
    private var peers: [UInt64: ControlPeer] = [:]
    private var nextPeer = firstPeer

    private static let firstPeer: UInt64 = 1 << 16
    private static let bellNumber: UInt64 = 1 << 15
    private static let mostPeers = 64

    init(
        _ run: ControlledRun,
        _ listeners: Listeners,
        isLocal: @escaping (Int) -> Bool,
        _ settings: ControlServer.Settings
    ) throws {
        self.run = run
        self.listeners = listeners
        self.isLocal = isLocal
        self.settings = settings
        token = settings.token
        snapshots = Snapshots(run.watched.numbers)
        bell = try Bell()
        poller = try Poller()
        for (number, socket) in listeners.sockets.enumerated() { _ = poller.add(socket.descriptor, UInt64(number)) }
        _ = poller.add(bell.descriptor, Self.bellNumber)
    }

    func end() {
        isEnded.store(true, ordering: .releasing)
        bell.ring()
    }

    func serve() {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            events.initialize(repeating: epoll_event())
            while !isEnded.load(ordering: .acquiring) {
                let count = poller.look(events, waiting: patience)
                for event in events[..<count] { handle(event) }
                for peer in peers.values { peer.advance() }
                settlePeers()
            }
        }
        for peer in peers.values { peer.close() }
        peers = [:]
        listeners.close()
    }

    /// Until the next thing that is due: in milliseconds, rounded up, so that it is due then.
    private var patience: Int32 {
        guard let next = peers.values.compactMap(\.nextDue).min() else { return -1 }
        let left = next - ContinuousClock.now
        return Int32(clamping: max(0, (left.nanoseconds + 999_999) / 1_000_000))
    }

    private func handle(_ event: epoll_event) {
        let number = event.data.u64
        if number == Self.bellNumber { return bell.still() }
        if number < Self.bellNumber { return accept(at: Int(number)) }
        guard let peer = peers[number] else { return }
        if event.events & EPOLLOUT.rawValue != 0 { peer.write() }
        if event.events & ~EPOLLOUT.rawValue != 0 { peer.read() }
    }

    private func accept(at listener: Int) {
        while let caller = listeners.next(at: listener) {
            guard case .socket(let socket, _) = caller else {
                refused += 1
                continue
            }
            guard peers.count < Self.mostPeers else {
                refused += 1
                let text = Answer.refusal(.null, "\(Self.mostPeers) clients talk to this run already").text() + "\n"
                _ = text.utf8.withContiguousStorageIfAvailable {
                    send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                continue
            }
            let deadline: ContinuousClock.Instant? = isLocal(listener) ? nil : .now + settings.patience
            let peer = ControlPeer(socket, self, mustProveItselfBy: deadline)
            guard poller.add(socket.descriptor, nextPeer) else { continue }
            peers[nextPeer] = peer
            nextPeer += 1
        }
    }

    private func settlePeers() {
        for (number, peer) in peers {
            if peer.isOver {
                peer.close()
                peers[number] = nil
            } else if peer.wantsToWrite != peer.watchesWriting {
                peer.watchesWriting = peer.wantsToWrite
                poller.watch(peer.socket.descriptor, number, writes: peer.wantsToWrite)
            }
        }
    }
}
