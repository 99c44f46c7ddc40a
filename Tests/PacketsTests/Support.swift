import CLinux
import Glibc
import PipeCore
import PipeKit
import Sockets
import Testing

@testable import Packets

/// A server in the test's hands: it reads when the test says so.
final class ServerUnderTest {
    let server: any Reception
    let address: String
    private(set) var batches: [PacketBatch] = []
    private(set) var rejected = 0
    private let start = ContinuousClock.now

    init(_ settings: ServerSettings = ServerSettings(), tls: TLSContext? = nil) throws {
        server = PacketServer(settings, tls: { tls }) {
            .tcp(try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream, passive: true))
        }
        address = try server.open()
    }

    init(_ server: any Reception) throws {
        self.server = server
        address = try server.open()
    }

    deinit { server.stop() }

    var port: UInt16 { UInt16(address.split(separator: ":").last ?? "") ?? 0 }

    /// Reads until something holds; half a minute at most.
    func read(until isDone: (ServerUnderTest) -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !isDone(self) {
            try #require(ContinuousClock.now < deadline, "nothing more came: \(batches.count) batches")
            if readOnce().isDrained { server.wait(atMost: .milliseconds(20)) }
        }
    }

    @discardableResult
    func readOnce() -> Turn {
        let turn = server.turn(64, .zero + (ContinuousClock.now - start)) { batches.append($0) }
        rejected += turn.rejected
        return turn
    }

    var packets: Int { batches.reduce(0) { $0 + $1.count } }
    var bytes: [UInt8] { batches.flatMap { Array($0.bytes) } }
    var opened: Int { batches.count { $0.event == .opened } }

    /// Why clients are gone, in order.
    var departures: [Departure] {
        batches.compactMap { if case .closed(let reason, _) = $0.event { reason } else { nil } }
    }

    var trailing: [Int] {
        batches.compactMap { if case .closed(_, let trailing) = $0.event { trailing } else { nil } }
    }
}

/// A client as plain as a client can be: a socket that blocks.
final class TestClient {
    let descriptor: Int32

    init(port: UInt16, from source: String? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        if let source {
            let own = try #require(try SocketAddress.resolve(Address(host: source, port: 0), .stream).first)
            try #require(own.withPointer { bind(descriptor, $0, own.length) } == 0)
        }
        let peer = try #require(try SocketAddress.resolve(Address(host: "127.0.0.1", port: port), .stream).first)
        guard peer.withPointer({ connect(descriptor, $0, peer.length) }) == 0 else {
            throw SystemFailure.error("no connection")
        }
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let peer = try #require(SocketAddress(path: path))
        try #require(peer.withPointer { connect(descriptor, $0, peer.length) } == 0)
    }

    deinit { close() }

    private var isClosed = false

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0, "\(String(cString: strerror(errno)))")
            sent += count
        }
    }

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    /// Ends the connection as a machine does that loses its power and comes back.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Waits until the server has closed; a second's patience per byte that may still come.
    func awaitEnd() throws {
        var byte: UInt8 = 0
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&wanted, 1, 30_000) == 1, "the server did not close")
        _ = recv(descriptor, &byte, 1, 0)
    }
}

func numbered(_ count: Int, bytes size: Int, from first: Int = 0) -> [UInt8] {
    (0..<count).flatMap { packet in
        (0..<size).map { UInt8(truncatingIfNeeded: $0 < 8 ? (first + packet) >> (8 * $0) : $0) }
    }
}

/// A thread that can be waited for.
struct TestThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ body: @escaping () -> Void) {
        let failure = pthread_create(
            &thread,
            nil,
            { argument in
                argument.map { Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            },
            Unmanaged.passRetained(Body(body)).toOpaque()
        )
        precondition(failure == 0)
    }

    func join() { pthread_join(thread, nil) }
}
