import CLinux
import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Sockets
import Testing

@testable import Packets

/// Clients of all kinds, over real connections.
@Suite(.timeLimit(.minutes(10)))
struct ServerTests {
    @Test func `what clients send comes out, each client's in order`() throws {
        let server = try ServerUnderTest()
        let clients = try (0..<5).map { _ in try TestClient(port: server.port) }
        for round in 0..<20 {
            for client in clients { try client.send(numbered(50, bytes: 32, from: round * 50)) }
        }
        for client in clients { client.close() }
        try server.read { $0.departures.count == 5 }
        #expect(server.packets == 5000)
        #expect(server.opened == 5 && server.departures == Array(repeating: .ended, count: 5))
        for (_, own) in Dictionary(grouping: server.batches, by: \.client.name) {
            #expect(own.flatMap { Array($0.bytes) } == numbered(1000, bytes: 32))
            #expect(own.first?.event == .opened)
        }
    }

    @Test func `a byte at a time makes the same packets`() throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        let bytes = numbered(6, bytes: 32)
        for byte in bytes {
            try client.send([byte])
            server.readOnce()
        }
        client.close()
        try server.read { !$0.departures.isEmpty }
        #expect(server.bytes == bytes && server.packets == 6 && server.trailing == [0])
    }

    @Test(arguments: [1, 5, 31, 32, 33, 63])
    func `a packet may be split anywhere`(size: Int) throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        let bytes = numbered(40, bytes: 32)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try client.send(Array(bytes[start..<min(bytes.count, start + size)]))
            server.readOnce()
        }
        client.close()
        try server.read { !$0.departures.isEmpty }
        #expect(server.bytes == bytes && server.packets == 40)
    }

    @Test func `packets of any length come whole, and one that is too long ends its client`() throws {
        var settings = ServerSettings()
        settings.framing = Framing(kind: .prefixed(bytes: 4, isBig: true), longest: 100_004)
        let server = try ServerUnderTest(settings)
        let client = try TestClient(port: server.port)
        let lengths = [0, 1, 99_999, 5, 100_000, 70_000]
        let bytes = lengths.flatMap { length in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + (0..<length).map { UInt8($0 % 251) }
        }
        let sender = TestThread { try? client.send(bytes + [0, 1, 134, 161, 7]) }
        try server.read { !$0.departures.isEmpty }
        sender.join()
        #expect(server.bytes == bytes && server.packets == lengths.count && server.departures == [.malformed])
    }

    @Test func `a thousand that connect and close are a thousand clients`() throws {
        let server = try ServerUnderTest()
        let port = server.port
        let callers = TestThread {
            for _ in 0..<1000 { _ = try? TestClient(port: port) }
        }
        try server.read { $0.departures.count == 1000 }
        callers.join()
        #expect(server.opened == 1000 && server.packets == 0)
        #expect(Set(server.departures) == [.ended])
    }

    @Test func `a reset in the middle of a packet is told, with the bytes that were lost`() throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        try client.send(numbered(3, bytes: 32) + [1, 2, 3, 4, 5])
        try server.read { $0.packets == 3 }
        client.reset()
        try server.read { !$0.departures.isEmpty }
        #expect(server.departures == [.reset] && server.trailing == [5])
    }

    @Test func `a client that stalls holds up nobody, and goes on where it was`() throws {
        let server = try ServerUnderTest()
        let (slow, other) = (try TestClient(port: server.port), try TestClient(port: server.port))
        try slow.send(Array(numbered(2, bytes: 32).prefix(40)))
        for round in 0..<100 { try other.send(numbered(10, bytes: 32, from: round * 10)) }
        try server.read { $0.packets == 1001 }
        try slow.send(Array(numbered(2, bytes: 32).suffix(24)))
        try server.read { $0.packets == 1002 }
        #expect(server.departures.isEmpty)
    }

    /// Bytes of a client that the system has not acknowledged right after they were read.
    private func unacknowledged(_ server: ServerUnderTest, _ client: TestClient) throws -> Int32 {
        let before = server.packets
        try client.send(numbered(1, bytes: 32))
        try server.read { $0.packets > before }
        return cpipe_unacknowledged(client.descriptor)
    }

    @Test func `what was read is acknowledged at once, or later where that is wished`() throws {
        let atOnce = try ServerUnderTest()
        let client = try TestClient(port: atOnce.port)
        for _ in 0..<20 { #expect(try unacknowledged(atOnce, client) == 0) }

        var settings = ServerSettings()
        settings.acknowledgesLater = true
        let later = try ServerUnderTest(settings)
        let other = try TestClient(port: later.port)
        // The system's own time may be over before the test has looked; most often it is not.
        func isLater() throws -> Bool { try (0..<50).contains { _ in try unacknowledged(later, other) > 0 } }
        #expect(try isLater())
        // When it has acknowledged by itself, it is told once more.
        for _ in 0..<3 {
            let deadline = ContinuousClock.now + .seconds(20)
            while cpipe_unacknowledged(other.descriptor) > 0, ContinuousClock.now < deadline { sched_yield() }
            #expect(cpipe_unacknowledged(other.descriptor) == 0)
            #expect(try isLater())
        }
    }

    @Test func `one client too many is turned away, and let in when another has gone`() throws {
        var settings = ServerSettings()
        settings.maxClients = 2
        let server = try ServerUnderTest(settings)
        let clients = try (0..<3).map { _ in try TestClient(port: server.port) }
        try server.read { $0.departures == [.tooManyClients] }
        try clients[2].awaitEnd()
        #expect(server.opened == 2 && server.rejected == 1)
        clients[0].close()
        try server.read { $0.departures == [.tooManyClients, .ended] }
        let late = try TestClient(port: server.port)
        try late.send(numbered(1, bytes: 32))
        try server.read { $0.packets == 1 }
    }

    @Test func `who keeps silent is let go, and who does not is not`() throws {
        var settings = ServerSettings()
        settings.idleTimeout = .milliseconds(80)
        let server = try ServerUnderTest(settings)
        let (silent, busy) = (try TestClient(port: server.port), try TestClient(port: server.port))
        try server.read { server in
            if server.opened == 2 { try? busy.send(numbered(1, bytes: 32)) }
            return !server.departures.isEmpty
        }
        #expect(server.departures == [.idle])
        try silent.awaitEnd()
    }

    @Test(arguments: [
        ("127.0.0.0/8", true), ("127.0.0.1", true), ("127.0.0.2/32", false), ("10.0.0.0/8", false), ("::1", false),
    ])
    func `only allowed addresses are let in`(range: String, isAllowed: Bool) throws {
        var settings = ServerSettings()
        settings.allow = [try #require(AddressRange(range))]
        let server = try ServerUnderTest(settings)
        let client = try TestClient(port: server.port)
        try server.read { $0.opened + $0.departures.count == 1 }
        #expect(server.departures == (isAllowed ? [] : [.notAllowed]))
        client.close()
    }

    @Test(arguments: [
        ("127.0.0.1/33", false), ("1.2.3", false), ("fd00::/8", true), ("fd00::/129", false), ("", false),
        ("/8", false),
        ("10.0.0.0/-1", false), ("10.0.0.0/8/8", false), ("0.0.0.0/0", true),
    ])
    func `a range is an address and a number of bits`(text: String, isOne: Bool) {
        #expect((AddressRange(text) != nil) == isOne)
    }

    @Test func `what had come before the server stops is read`() throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        try server.read { $0.opened == 1 }
        try client.send(numbered(1000, bytes: 32) + [1, 2])
        var last: [PacketBatch] = []
        server.server.finish(.zero) { last.append($0) }
        #expect(last.reduce(0) { $0 + $1.count } == 1000)
        #expect(last.last?.event == .closed(.stopped, trailing: 2))
    }
}

@Suite(.timeLimit(.minutes(10)))
struct GreetingTests {
    private func server(_ timeout: Duration = .seconds(20)) throws -> ServerUnderTest {
        var settings = ServerSettings()
        settings.token = Array("open sesame".utf8)
        settings.tokenBytes = 64
        settings.greetingTimeout = timeout
        return try ServerUnderTest(settings)
    }

    @Test(arguments: ["open sesame\n", "open sesame\r\n"], [1, 7, 1000])
    func `packets may follow the token in the same breath, or come in pieces`(line: String, size: Int) throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let bytes = Array(line.utf8) + numbered(10, bytes: 32)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try client.send(Array(bytes[start..<min(bytes.count, start + size)]))
            server.readOnce()
        }
        try server.read { $0.packets == 10 }
        #expect(server.bytes == numbered(10, bytes: 32) && server.opened == 1)
    }

    @Test(arguments: ["open sesam\n", "open sesame!\n", "\n", "OPEN SESAME\n", "\r\n"])
    func `another token is no token`(line: String) throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        try client.send(Array(line.utf8) + numbered(10, bytes: 32))
        try server.read { !$0.departures.isEmpty }
        #expect(server.departures == [.wrongToken] && server.packets == 0 && server.opened == 0 && server.rejected == 1)
        client.close()
    }

    @Test func `a line without end is not read for ever, nor waited for`() throws {
        let server = try server(.milliseconds(60))
        let (long, silent, gone) = (
            try TestClient(port: server.port), try TestClient(port: server.port), try TestClient(port: server.port)
        )
        try long.send([UInt8](repeating: 65, count: 65))
        gone.close()
        try server.read { $0.departures.count == 3 }
        #expect(server.departures == [.noToken, .noToken, .noToken] && server.opened == 0)
        try silent.awaitEnd()
    }
}

@Suite(.timeLimit(.minutes(10)))
struct OtherServerTests {
    @Test func `packets come over a unix socket, whose dead predecessor is in nobody's way`() throws {
        try withFolder { folder in
            let path = "\(folder)/packets"
            let orphan = try Socket(AF_UNIX, .stream, "")
            try #require(orphan.bind(to: try #require(SocketAddress(path: path))))
            orphan.close()
            func make() -> PacketServer { PacketServer(ServerSettings()) { .unix(path: path, mode: 0o600) } }
            let server = try ServerUnderTest(make())
            let client = try TestClient(path: path)
            try client.send(numbered(7, bytes: 32))
            client.close()
            try server.read { !$0.departures.isEmpty }
            #expect(server.bytes == numbered(7, bytes: 32))
            #expect(server.batches.first?.client.name == "\(getpid())#1")
            #expect(throws: StageError.self) { try make().open() }
            server.server.stop()
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test func `a datagram is whole packets, and what is more of it counts as failed`() throws {
        let server = try ServerUnderTest(
            DatagramServer(DatagramServer.Settings()) {
                try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .datagram)
            }
        )
        let socket = try Socket(AF_INET, .datagram, "")
        let target = try #require(
            try SocketAddress.resolve(Address(host: "127.0.0.1", port: server.port), .datagram).first
        )
        try #require(socket.connect(to: target))
        for bytes in [numbered(3, bytes: 32), numbered(2, bytes: 32) + [1, 2, 3], [1], []] {
            #expect(bytes.withUnsafeBytes { send(socket.descriptor, $0.baseAddress, $0.count, 0) } == bytes.count)
        }
        try server.read { $0.rejected == 3 }
        #expect(server.packets == 5 && server.opened == 1)
        server.server.finish(.zero) { #expect($0.event == .closed(.stopped, trailing: 4)) }
    }

    /// The whole stage, with threads and a graph around it.
    @Test(arguments: ["threads: 2", "latency: 0s", "threads: 1"])
    func `a stage takes what clients send until it is stopped`(options: String) throws {
        let probe = try Socket(AF_INET, .stream, "")
        let any = try #require(try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream).first)
        try #require(probe.bind(to: any))
        let port = probe.boundAddress.port
        probe.close()
        let harness = StageHarness(TCPPackets.self, "address: 127.0.0.1:\(port)\nmax_clients: 20\n\(options)")
        nonisolated(unsafe) var kept: [TestClient] = []  // by the thread alone until it has ended
        let clients = TestThread {
            let deadline = ContinuousClock.now + .seconds(20)
            while kept.count < 21, ContinuousClock.now < deadline {
                guard let client = try? TestClient(port: port) else {
                    usleep(5000)  // the server is not there yet
                    continue
                }
                try? client.send(numbered(100, bytes: 32))
                kept.append(client)
            }
        }
        let result = try harness.run(on: .real, stoppingAt: .seconds(4))
        clients.join()
        withExtendedLifetime(kept) {}  // who leaves makes room for another
        let batches = result["packets"].compactMap { $0.payload as? PacketBatch }
        #expect(batches.reduce(0) { $0 + $1.count } == 2000)
        #expect(batches.count { $0.event == .opened } == 20)
        #expect(batches.count { $0.event == .closed(.tooManyClients, trailing: 0) } == 1 && result.books.failed == 1)
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
    }

    @Test func `several threads share the clients, and lose nothing`() throws {
        var settings = ServerSettings()
        settings.sharesPort = true
        let first = PacketServer(settings) {
            .tcp(try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream, passive: true))
        }
        let server = try ServerUnderTest(first)
        let other = try ServerUnderTest(PacketServer(settings) { .tcp(first.boundAddresses) })
        #expect(other.port == server.port)
        for _ in 0..<40 {
            let client = try TestClient(port: server.port)
            try client.send(numbered(3, bytes: 32))
            client.close()
        }
        try server.read { server in
            other.readOnce()
            return server.departures.count + other.departures.count == 40
        }
        #expect(server.packets + other.packets == 120)
        #expect(server.packets > 0 && other.packets > 0)
    }
}
