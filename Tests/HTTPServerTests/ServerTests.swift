import Glibc
import HTTPTestClient
import Synchronization
import Testing

@testable import HTTPServer

/// A server on a port of its own, ended with the test.
final class ServerUnderTest {
    let server: HTTPServer
    let port: UInt16
    let stream = CountingStream.Source()

    init(change: (inout ServerSettings) -> Void = { _ in }) throws {
        var settings = ServerSettings()
        settings.interval = .milliseconds(20)
        change(&settings)
        var routes = Routes()
        routes.get("/hello") { _ in Response(200, "hello\n") }
        routes.post("/echo") { Response(200, $0.body, type: "text/plain") }
        routes.post("/order") { Response($0.shows(token: "right-token") ? 202 : 401, "") }
        let source = stream
        routes.get("/stream") { _ in
            Response(stream: { CountingStream(source) }, type: "text/plain")
        }
        let answers = routes
        server = HTTPServer(settings) { answers.answer($0) }
        port = try server.start()
    }

    deinit { server.stop() }

    func ask(_ text: String) throws -> (head: String, body: String) {
        let client = try Client(port: port)
        client.send(text)
        return try client.response()
    }

    func get(_ path: String) throws -> (head: String, body: String) {
        try ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }
}

/// Sends the numbers up to one that a test raises, a kilobyte each; what a client does not take in time it misses.
final class CountingStream: ClientStream {
    final class Source: Sendable {
        let last = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let asked = Atomic<Int>(0)
    }

    private let source: Source
    private let sent = Mutex(0)

    init(_ source: Source) { self.source = source }

    func next() -> StreamStep {
        source.asked.add(1, ordering: .relaxed)
        if source.isOver.load(ordering: .acquiring) { return .end }
        let last = source.last.load(ordering: .acquiring)
        return sent.withLock { sent in
            guard sent < last else { return .later }
            sent = last
            return .send([Piece(Array("\(last);".utf8)), Piece([UInt8](repeating: UInt8(ascii: "."), count: 1024))])
        }
    }
}

@Suite(.timeLimit(.minutes(10)))
struct ServerTests {
    @Test func `answers, and says what a browser may do with it`() throws {
        let server = try ServerUnderTest()
        let (head, body) = try server.get("/hello")
        #expect(head.hasPrefix("HTTP/1.1 200"))
        #expect(body == "hello\n")
        for header in [
            "Content-Security-Policy: default-src 'none'; script-src 'self'", "X-Content-Type-Options: nosniff",
            "X-Frame-Options: DENY", "Cache-Control: no-store", "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin",
        ] {
            #expect(head.contains(header), "\(header)")
        }
        #expect(!head.contains("unsafe-inline") && !head.contains("Access-Control"))
    }

    @Test(arguments: [
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET //hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        ("GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET /hello HTTP/1.1\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        ("GET /hello HTTP/1.1\r\nHost: localhost.evil.example:80\r\n\r\n", 421),
        ("GET /hello HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421),
        ("GET /hello HTTP/1.1\r\nHost: localhost:1@evil.example\r\n\r\n", 421),
        ("GET /hello HTTP/1.1\r\nHost: \r\n\r\n", 421),
        ("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n", 200),
        ("GET /hello HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200),
        ("GET /hello HTTP/1.1\r\nhOsT: LocalHost.\r\n\r\n", 200),
        ("GET /hello?a=b&c=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /hello HTTP/1.0\r\n\r\n", 200),
        ("POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 401),
        ("POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \r\nContent-Length: 0\r\n\r\n", 401),
        (
            "POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right-toke\r\nContent-Length: 0\r\n\r\n",
            401
        ),
        (
            "POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right-tokenright-token\r\n"
                + "Content-Length: 0\r\n\r\n", 401
        ),
        (
            "POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer right-token\r\nContent-Length: 0\r\n\r\n",
            202
        ),
        (
            "POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right-token\r\n"
                + "Authorization: Bearer wrong-token\r\nContent-Length: 0\r\n\r\n", 401
        ),
        ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
    ])
    func `gives each request the answer that is its due`(request: String, status: Int) throws {
        let server = try ServerUnderTest()
        let (head, _) = try server.ask(request)
        #expect(head.hasPrefix("HTTP/1.") && head.dropFirst(9).hasPrefix("\(status) "), "\(request) got \(head)")
        // The library itself refuses a request without a host, in words of its own.
        #expect(head.contains("X-Content-Type-Options: nosniff") || !request.lowercased().contains("host"))
    }

    @Test func `HEAD has the headers of GET and no body, also of a stream`() throws {
        let server = try ServerUnderTest()
        let client = try Client(port: server.port)
        for path in ["/hello", "/stream"] {
            client.send("HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let text = try client.read { $0.contains("\r\n\r\n") }
            #expect(text.contains("HTTP/1.1 200"))
            #expect(text.hasSuffix("\r\n\r\n"), "\(text)")
        }
        #expect(server.server.openStreams == 0)
    }

    @Test func `a connection serves one request after the other, also those that come together`() throws {
        let server = try ServerUnderTest()
        let client = try Client(port: server.port)
        for _ in 0..<50 {
            client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try client.response().body == "hello\n")
        }
        client.send(String(repeating: "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 20))
        for _ in 0..<20 { #expect(try client.response().body == "hello\n") }
        client.send(
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        #expect(try client.response().body == "abcde")
    }

    @Test func `a body that goes on without end is cut off`() throws {
        let server = try ServerUnderTest()
        let client = try Client(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<64 { client.send("400\r\n" + String(repeating: "x", count: 1024) + "\r\n") }
        #expect(!client.readToEnd().contains("200 OK"))
        #expect(try server.get("/hello").body == "hello\n")
    }

    @Test(arguments: [
        "\r\n\r\n\r\n", "GET", "GET /hello\r\n\r\n", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n", "GET /hello HTTP/1.1\r\nHost\r\n\r\n", "GET /hello HTTP/1.1\r\n: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}",
    ])
    func `garbage harms nobody else`(request: String) throws {
        // What looks like the half of a request is given the time for the rest.
        let server = try ServerUnderTest { $0.requestTime = .milliseconds(200) }
        let client = try Client(port: server.port)
        client.send(request)
        client.finish()
        _ = client.readToEnd()
        #expect(try server.get("/hello").body == "hello\n")
    }

    @Test func `headers without end are refused`() throws {
        let server = try ServerUnderTest()
        let client = try Client(port: server.port)
        client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n")
        for number in 0..<2000 { client.send("X-\(number): \(String(repeating: "a", count: 60))\r\n") }
        let text = client.readToEnd()
        #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 431"), "\(text.prefix(100))")
        let long = try Client(port: server.port)
        long.send("GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(!long.readToEnd().contains("200 OK"))
        #expect(try server.get("/hello").body == "hello\n")
    }

    /// A client that sends a byte now and then never lets the connection rest, and would hold it for ever.
    @Test func `half a request has its time, however it trickles`() throws {
        let server = try ServerUnderTest { $0.requestTime = .milliseconds(300) }
        let client = try Client(port: server.port)
        let begin = ContinuousClock.now
        client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        var isClosed = false
        while !isClosed, ContinuousClock.now - begin < .seconds(9) {
            client.send("a")
            var readable = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
            isClosed = poll(&readable, 1, 20) > 0 && !client.readOnce()
        }
        #expect(isClosed)
        #expect(!client.text.contains("200 OK"))
        #expect(try server.get("/hello").body == "hello\n")
    }

    @Test func `two hundred connections that say nothing go, and others get their turn`() throws {
        let server = try ServerUnderTest { $0.requestTime = .milliseconds(400) }
        let idle = try (0..<200).map { _ in try Client(port: server.port) }
        // It waits until one of them has gone.
        #expect(try server.get("/hello").body == "hello\n")
        for client in idle { #expect(client.readToEnd() == "") }
    }

    @Test func `the address can be had again at once, and by one server only`() throws {
        let first = try ServerUnderTest()
        let port = first.port
        #expect(try first.get("/hello").body == "hello\n")
        let error = #expect(throws: HTTPServerError.self) { try ServerUnderTest { $0.port = port } }
        #expect(error?.message == "cannot listen on 127.0.0.1:\(port): address already in use")
        first.server.stop()
        #expect(try ServerUnderTest { $0.port = port }.get("/hello").body == "hello\n")
    }

    @Test func `a server that others reach takes any name, or those that it was given`() throws {
        let open = try ServerUnderTest { $0.host = "0.0.0.0" }
        #expect(try open.ask("GET /hello HTTP/1.1\r\nHost: lab.example\r\n\r\n").head.contains("200"))
        let closed = try ServerUnderTest {
            $0.host = "0.0.0.0"
            $0.names = ["lab.example"]
        }
        #expect(try closed.ask("GET /hello HTTP/1.1\r\nHost: LAB.example:80\r\n\r\n").head.contains("200"))
        #expect(try closed.ask("GET /hello HTTP/1.1\r\nHost: other.example\r\n\r\n").head.contains("421"))
    }
}

@Suite(.timeLimit(.minutes(10)))
struct StreamTests {
    private func watch(_ server: ServerUnderTest, receiveBuffer: Int32? = nil) throws -> Client {
        let client = try Client(port: server.port, receiveBuffer: receiveBuffer)
        client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client
    }

    @Test func `a stream sends what comes, when it comes, and ends`() throws {
        let server = try ServerUnderTest { $0.interval = .seconds(30) }
        let client = try watch(server)
        _ = try client.read { $0.contains("\r\n\r\n") }
        for number in 1...20 {
            server.stream.last.store(number, ordering: .releasing)
            server.server.wake()
            _ = try client.read { $0.contains("\(number);") }
        }
        server.stream.isOver.store(true, ordering: .releasing)
        server.server.wake()
        _ = try client.read { $0.hasSuffix("0\r\n\r\n") }
        #expect(until { server.server.openStreams == 0 })
    }

    /// The wake may come before the stream has been suspended, or while it is.
    @Test func `no wake is lost`() throws {
        let server = try ServerUnderTest { $0.interval = .seconds(30) }
        let clients = try (0..<4).map { _ in try watch(server) }
        for number in 1...2000 {
            server.stream.last.store(number, ordering: .releasing)
            server.server.wake()
        }
        for client in clients { _ = try client.read { $0.contains("2000;") } }
    }

    @Test func `one who does not read holds up nobody, and is let go`() throws {
        let server = try ServerUnderTest {
            $0.idleTime = .seconds(1)
            $0.sendBuffer = 8192
        }
        let slow = try (0..<10).map { _ in try watch(server, receiveBuffer: 4096) }
        let quick = try watch(server)
        for number in 1...300 {
            server.stream.last.store(number, ordering: .releasing)
            server.server.wake()
            _ = try quick.read { $0.contains("\(number);") }
        }
        // Nobody waited for the slow: they were asked for a few steps only. Then the library gives them up.
        #expect(until { server.server.openStreams == 1 })
        for client in slow { #expect(!client.readToEnd().contains("300;")) }
    }

    @Test func `more streams than may be are refused, and questions are still answered`() throws {
        let server = try ServerUnderTest { $0.connections = 16 }
        let watching = try (0..<12).map { _ in try watch(server) }
        for client in watching { _ = try client.read { $0.contains("200 OK") } }
        #expect(try watch(server).response().head.contains("503"))
        #expect(try server.get("/hello").body == "hello\n")
        #expect(server.server.openStreams == 12)
    }

    @Test func `a client that goes is noticed when something is sent`() throws {
        let server = try ServerUnderTest()
        var client: Client? = try watch(server)
        _ = try client?.read { $0.contains("200 OK") }
        client = nil
        var number = 0
        #expect(
            until {
                number += 1
                server.stream.last.store(number, ordering: .releasing)
                server.server.wake()
                return server.server.openStreams == 0
            }
        )
    }

    @Test func `the server ends while streams wait, send and are stuck`() throws {
        for _ in 0..<5 {
            let server = try ServerUnderTest { $0.sendBuffer = 8192 }
            let clients = try (0..<20).map { _ in try watch(server, receiveBuffer: 4096) }
            for client in clients.prefix(10) { _ = try client.read { $0.contains("200 OK") } }
            for number in 1...50 { server.stream.last.store(number, ordering: .releasing) }
            server.server.wake()
            server.server.stop()
            #expect(server.server.openStreams == 0)
        }
    }
}
