import Frames
import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Sockets
import Testing

@testable import Camera

/// A server in the test's hands: it reads when the test says so.
private final class ServerUnderTest {
    let server: FrameServer
    let port: UInt16
    private(set) var frames: [(frame: EncodedFrame, key: Key)] = []
    private(set) var refused: [(why: Refusal, client: String)] = []
    private let start = ContinuousClock.now

    init(_ settings: FrameServer.Settings = FrameServer.Settings()) throws {
        server = FrameServer(settings) {
            try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream, passive: true)
        }
        let address = try server.open()
        port = try #require(UInt16(address.split(separator: ":").last ?? ""))
    }

    deinit { server.stop() }

    /// Reads until something holds; half a minute at most.
    func read(until isDone: (ServerUnderTest) -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !isDone(self) {
            try #require(ContinuousClock.now < deadline, "nothing more came: \(frames.count) pictures, \(refused)")
            if readOnce().isDrained { server.wait(atMost: .milliseconds(20)) }
        }
    }

    @discardableResult
    func readOnce(room: Int = 64) -> FrameServer.Turn {
        let turn = server.turn(room, now) { frames.append(($0, $1)) }
        refused += turn.refused
        return turn
    }

    func finish() { refused += server.finish(now) { frames.append(($0, $1)) }.refused }

    var reasons: [Refusal] { refused.map(\.why) }
    private var now: Instant { .zero + (ContinuousClock.now - start) }
}

/// Cameras of all kinds, over real connections.
@Suite(.timeLimit(.minutes(10)))
struct FrameServerTests {
    private let jpeg: [UInt8] = EncodedFrame.sample(0).map { Array($0.bytes) } ?? []

    @Test func `pictures of several cameras come out as they were sent, each camera's in order`() throws {
        let server = try ServerUnderTest()
        let clients = try (0..<4).map { _ in try TestClient(port: server.port) }
        let large = [UInt8](repeating: 9, count: 300_000)
        for (number, client) in clients.enumerated() {
            try client.send(framed(jpeg + [UInt8(number)]) + framed([UInt8(number)]))
        }
        let sender = TestThread { try? clients[0].send(framed(large)) }
        try server.read { $0.frames.count == 9 }
        sender.join()
        let keys = Set(server.frames.map(\.key))
        #expect(keys.count == 4 && server.refused.isEmpty)
        for key in keys {
            let own = server.frames.filter { $0.key == key }.map { Array($0.frame.bytes) }
            #expect(own[0].dropLast() == jpeg[...] && own[1].count == 1 && own[0].last == own[1][0])
        }
        #expect(server.frames.contains { $0.frame.byteCount == 300_000 })
        for client in clients { client.close() }
        try server.read { $0.server.clientCount == 0 }
        #expect(server.refused.isEmpty)
    }

    @Test func `lengths of 4 GB and of 0 end their connection, and nobody else's`() throws {
        let server = try ServerUnderTest()
        let (huge, empty, good) = (
            try TestClient(port: server.port), try TestClient(port: server.port), try TestClient(port: server.port)
        )
        try huge.send([0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
        try empty.send(framed(jpeg) + [0, 0, 0, 0])
        try good.send(framed(jpeg))
        try server.read { $0.refused.count == 2 && $0.frames.count == 2 }
        #expect(Set(server.reasons) == [.tooLong, .empty])
        #expect(try empty.awaitEnd().isEmpty)
        try good.send(framed(jpeg))
        try server.read { $0.frames.count == 3 }
        #expect(server.server.clientCount == 1)
    }

    @Test func `who stays in the midst of a picture is let go, and who rests between two is not`() throws {
        var settings = FrameServer.Settings()
        settings.stallTimeout = .milliseconds(60)
        let server = try ServerUnderTest(settings)
        let (half, resting) = (try TestClient(port: server.port), try TestClient(port: server.port))
        try resting.send(framed(jpeg))
        try half.send(Array(framed(jpeg).prefix(50)))
        try server.read { $0.refused.count == 1 }
        #expect(server.reasons == [.stalled] && server.frames.count == 1 && server.server.clientCount == 1)
        #expect(server.server.memory.pending == 0)
        try resting.send(framed(jpeg))
        try server.read { $0.frames.count == 2 }
    }

    @Test func `who says nothing at all is let go where that is stated`() throws {
        var settings = FrameServer.Settings()
        settings.idleTimeout = .milliseconds(50)
        let server = try ServerUnderTest(settings)
        let client = try TestClient(port: server.port)
        try server.read { $0.server.clientCount == 1 }
        try server.read { $0.server.clientCount == 0 }
        #expect(server.refused.isEmpty)
        #expect(try client.awaitEnd().isEmpty)
    }

    @Test func `who is gone in the midst of a picture is counted`() throws {
        let server = try ServerUnderTest()
        for count in [2, 4, 100] {
            let client = try TestClient(port: server.port)
            try client.send(Array(framed(jpeg).prefix(count)))
            client.close()
        }
        try server.read { $0.refused.count == 3 }
        #expect(server.reasons == [.cut, .cut, .cut] && server.frames.isEmpty)
    }

    @Test func `two hundred that announce 64 MiB and send nothing cost nothing`() throws {
        let server = try ServerUnderTest()
        let clients = try (0..<200).map { _ in try TestClient(port: server.port) }
        for client in clients { try client.send([4, 0, 0, 0]) }
        try server.read { $0.server.clientCount == 200 && $0.readOnce().isDrained }
        #expect(server.server.memory.pending == 0 && server.refused.isEmpty)
        let good = try TestClient(port: server.port)
        try good.send(framed(jpeg))
        try server.read { !$0.frames.isEmpty }
        // Now each sends a little: what is unfinished is bounded by the bytes that came.
        for client in clients { try client.send([1, 2, 3]) }
        try server.read { $0.server.memory.pending >= 200 * 65_536 }
        #expect(server.server.memory.pending <= 200 * 65_536 && server.refused.isEmpty)
    }

    @Test func `unfinished pictures beyond the limit end who sends them`() throws {
        var settings = FrameServer.Settings()
        settings.maxPending = .kibibytes(640)
        let server = try ServerUnderTest(settings)
        let clients = try (0..<12).map { _ in try TestClient(port: server.port) }
        for client in clients { try client.send([1, 0, 0, 0, 5]) }
        try server.read { $0.refused.count == 2 }
        #expect(server.reasons == [.noRoom, .noRoom] && server.server.clientCount == 10)
    }

    @Test func `one more than may connect is turned away, and its place is free again`() throws {
        var settings = FrameServer.Settings()
        settings.maxClients = 2
        let server = try ServerUnderTest(settings)
        let first = try TestClient(port: server.port)
        let second = try TestClient(port: server.port)
        try server.read { $0.server.clientCount == 2 }
        let third = try TestClient(port: server.port)
        try server.read { $0.refused.count == 1 }
        #expect(server.reasons == [.tooManyClients])
        #expect(try third.awaitEnd().isEmpty)
        first.close()
        try server.read { $0.server.clientCount == 1 }
        let fourth = try TestClient(port: server.port)
        try fourth.send(framed(jpeg))
        try second.send(framed(jpeg))
        try server.read { $0.frames.count == 2 }
    }

    @Test func `an address that is not allowed is turned away`() throws {
        var settings = FrameServer.Settings()
        settings.allow = [try #require(AddressRange("127.0.0.2/32"))]
        let server = try ServerUnderTest(settings)
        let (stranger, friend) = (
            try TestClient(port: server.port), try TestClient(port: server.port, from: "127.0.0.2")
        )
        try friend.send(framed(jpeg))
        try server.read { $0.frames.count == 1 && $0.refused.count == 1 }
        #expect(server.reasons == [.notAllowed])
        #expect(try stranger.awaitEnd().isEmpty)
    }

    @Test func `a read that holds more pictures than there is room for loses none`() throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        try client.send((0..<1000).flatMap { framed([UInt8(truncatingIfNeeded: $0)]) })
        client.close()
        let deadline = ContinuousClock.now + .seconds(30)
        while server.frames.count < 1000 || server.server.clientCount > 0 {
            try #require(ContinuousClock.now < deadline)
            let before = server.frames.count
            let turn = server.readOnce(room: 7)
            #expect(server.frames.count - before <= 7)
            if turn.isDrained { server.server.wait(atMost: .milliseconds(20)) }
        }
        #expect(server.frames.map { $0.frame.bytes[0] } == (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        #expect(server.refused.isEmpty)
    }

    @Test func `what had come before the end is handed over, and half a picture is counted`() throws {
        let server = try ServerUnderTest()
        let client = try TestClient(port: server.port)
        try client.send(framed(jpeg) + framed(jpeg).prefix(30))
        try server.read { $0.server.clientCount == 1 }
        server.finish()
        #expect(server.frames.count == 1 && server.reasons == [.stopped])
    }

    @Test func `in a graph each picture and each refusal is in the books`() throws {
        let port = try freePort()
        let jpeg = jpeg
        let sender = TestThread {
            guard let client = patientClient(port), let broken = patientClient(port) else { return }
            try? client.send((0..<20).flatMap { _ in framed(jpeg) })
            try? broken.send(framed(jpeg) + [0, 0, 0, 0])
            _ = try? broken.awaitEnd()
            client.endSending()
            _ = try? client.awaitEnd()
        }
        var harness = StageHarness(CameraTCP.self, "address: 127.0.0.1:\(port)")
        harness.seed = 3
        let result = try harness.run(on: .real, stoppingAt: .seconds(2))
        sender.join()
        #expect(result["pictures"].count == 21)
        #expect(result.books.failed == 1 && result.books.in == 1 && result.imbalances.isEmpty)
        #expect(result.log.contains { $0.message.hasPrefix("refused (empty) 127.0.0.1:") })
    }
}

/// A port of this machine that nobody uses now.
func freePort() throws -> UInt16 {
    let probe = try Socket(AF_INET, .stream, "looking for a port")
    let any = try #require(try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream).first)
    try #require(probe.bind(to: any))
    return probe.boundAddress.port
}

/// A client of a server that is about to listen; nil where it does not within half a minute.
func patientClient(_ port: UInt16) -> TestClient? {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
        if let client = try? TestClient(port: port) { return client }
        sched_yield()
    }
    return nil
}
