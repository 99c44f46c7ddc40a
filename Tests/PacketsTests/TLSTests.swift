import CLinux
import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Packets

/// Certificates that are made for the test: an authority, a server's, a client's, and a stranger.
private struct Certificates {
    let folder: String

    init(_ folder: String) throws {
        self.folder = folder
        try run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem"
        )
        try run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=no -keyout no.key -out no.pem"
        )
        for (name, subject) in [("server", "localhost"), ("client", "client")] {
            try run(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(subject)"
                    + " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout \(name).key -out \(name).csr"
            )
            try run(
                "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 -out \(name).pem"
            )
        }
    }

    private func run(_ arguments: String) throws {
        try #require(system("cd '\(folder)' && openssl \(arguments) 2>openssl.log") == 0, "openssl \(arguments)")
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    func server(clientCA: String? = nil) throws -> TLSContext {
        try TLSContext(certificate: path("server.pem"), key: path("server.key"), clientCA: clientCA.map(path))
    }
}

@Suite(.timeLimit(.minutes(10)))
struct TLSTests {
    /// Connects on a thread while the server reads, and sends packets where that came about.
    private func call(
        _ server: ServerUnderTest,
        _ packets: [UInt8],
        ca: String?,
        certificate: (String, String)? = nil,
        name: String? = nil
    ) throws -> String? {
        let settings = SocketWire.Settings(
            address: Address(host: "127.0.0.1", port: server.port),
            timeout: .seconds(10),
            sendBuffer: .kibibytes(128)
        )
        nonisolated(unsafe) var problem: String?  // read when the thread has ended
        let caller = TestThread {
            do {
                let wire = try SocketWire(
                    settings,
                    tls: { try TLSContext(ca: ca, certificate: certificate?.0, key: certificate?.1) },
                    name: name
                )
                try Self.send(packets, on: wire)
                try wire.finish(within: .seconds(10))
            } catch {
                problem = "\(error)"
            }
        }
        try server.read { !$0.departures.isEmpty }
        caller.join()
        return problem
    }

    private static func send(_ bytes: [UInt8], on wire: SocketWire) throws {
        var sent = 0
        while sent < bytes.count {
            let outcome = bytes.withUnsafeBytes { all in
                var piece = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: all.baseAddress.map { $0 + sent }),
                    iov_len: bytes.count - sent
                )
                return withUnsafeMutablePointer(to: &piece) {
                    wire.write(UnsafeMutableBufferPointer(start: $0, count: 1))
                }
            }
            switch outcome {
            case .wrote(let count): sent += count
            case .full: sched_yield()
            case .broken(let why): throw StageError(why)
            }
        }
    }

    @Test func `packets come through TLS, also more of them than a record holds`() throws {
        try withFolder { folder in
            let certificates = try Certificates(folder)
            let server = try ServerUnderTest(tls: certificates.server())
            let bytes = numbered(20_000, bytes: 32)
            #expect(try call(server, bytes, ca: certificates.path("ca.pem")) == nil)
            #expect(server.packets == 20_000 && server.bytes == bytes && server.departures == [.ended])
        }
    }

    @Test(arguments: [true, false])
    func `where clients must have a certificate, only those of the authority are let in`(hasOne: Bool) throws {
        try withFolder { folder in
            let certificates = try Certificates(folder)
            let server = try ServerUnderTest(tls: certificates.server(clientCA: "ca.pem"))
            let own = (
                certificates.path(hasOne ? "client.pem" : "no.pem"), certificates.path(hasOne ? "client.key" : "no.key")
            )
            let problem = try call(server, numbered(5, bytes: 32), ca: certificates.path("ca.pem"), certificate: own)
            #expect(server.packets == (hasOne ? 5 : 0))
            #expect(server.departures == [hasOne ? .ended : .tlsFailed])
            #expect((problem == nil) == hasOne)
        }
    }

    @Test(arguments: [("no.pem", nil), ("ca.pem", "elsewhere")] as [(String, String?)])
    func `a client does not talk to a server that it does not know`(ca: String, name: String?) throws {
        try withFolder { folder in
            let certificates = try Certificates(folder)
            let server = try ServerUnderTest(tls: certificates.server())
            let problem = try call(server, numbered(5, bytes: 32), ca: certificates.path(ca), name: name)
            #expect(problem?.contains("is not trusted") ?? false)
            #expect(server.departures == [.tlsFailed] && server.packets == 0 && server.rejected == 1)
        }
    }

    @Test func `what is no TLS is turned away, whatever it is`() throws {
        try withFolder { folder in
            let server = try ServerUnderTest(tls: Certificates(folder).server())
            var chance = RandomSource(seed: 5)
            for number in 1...200 {
                let client = try TestClient(port: server.port)
                var garbage = (0..<Int.random(in: 1...300, using: &chance)).map { _ in
                    UInt8.random(in: 0...255, using: &chance)
                }
                if number % 2 == 0 { garbage = [22, 3, 1, 0, UInt8(min(255, garbage.count))] + garbage }
                try client.send(garbage)
                server.readOnce()
                client.close()
                try server.read { $0.departures.count == number }
            }
            #expect(Set(server.departures) == [.tlsFailed] && server.opened == 0 && server.packets == 0)
        }
    }

    @Test func `who begins a handshake and falls silent is let go in time`() throws {
        try withFolder { folder in
            var settings = ServerSettings()
            settings.greetingTimeout = .milliseconds(60)
            let server = try ServerUnderTest(settings, tls: Certificates(folder).server())
            let client = try TestClient(port: server.port)
            try client.send([22, 3, 1])
            try server.read { !$0.departures.isEmpty }
            #expect(server.departures == [.tlsFailed])
            try client.awaitEnd()
        }
    }

    @Test func `a certificate that is none is told before anything begins`() throws {
        try withFolder { folder in
            let certificates = try Certificates(folder)
            #expect(throws: StageError.self) {
                try TLSContext(
                    certificate: certificates.path("server.pem"),
                    key: certificates.path("client.key"),
                    clientCA: nil
                )
            }
            #expect(throws: StageError.self) {
                try TLSContext(
                    certificate: certificates.path("openssl.log"),
                    key: certificates.path("server.key"),
                    clientCA: nil
                )
            }
        }
    }
}
