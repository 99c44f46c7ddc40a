import Glibc
import Mef3
import MefServer
import Testing

/// The server and clients of others, over a real connection.
///
/// Needs a Python with grpcio and mef3io-server: `PIPE_PYTHON=<venv>/bin/python swift test`. Without it the tests are
/// skipped.
@Suite(.enabled(if: Peer.isInstalled, "mef3io-server cannot be imported, set PIPE_PYTHON to a Python that can"))
struct PeerTests {
    @Test(arguments: ["first", "later"], [1 << 20, 64 << 20])
    func `a client of each generation gets what it expects`(generation: String, cacheBytes: Int) throws {
        var configuration = Configuration(roots: [Fixtures.directory])
        configuration.address = "127.0.0.1:0"
        configuration.cacheBytes = cacheBytes
        configuration.tileSamples = 5000
        let server = try MefServer(configuration)
        let outcome = Peer.run([generation, "127.0.0.1:\(server.port)", Fixtures.directory])
        #expect(outcome.code == 0, "\(outcome.text)")
        let statistics = server.statistics
        #expect(statistics.openFiles == 0 || generation == "later")
        #expect(statistics.tileBytes <= cacheBytes)
        #expect(server.stop(within: .seconds(10)))
    }

    @Test func `requests nobody expects get an answer or a refusal`() throws {
        var configuration = Configuration(roots: [Fixtures.directory])
        configuration.address = "127.0.0.1:0"
        configuration.cacheBytes = 1 << 20
        let server = try MefServer(configuration)
        let outcome = Peer.run(["noise", "127.0.0.1:\(server.port)", Fixtures.directory + "/basic.mefd"])
        #expect(outcome.code == 0, "\(outcome.text)")
        #expect(until { server.statistics.activeCalls == 0 && server.statistics.activeClients == 0 })
        #expect(server.stop(within: .seconds(10)))
    }

    @Test func `over TLS with a token, and not without`() throws {
        let certificate = Fixtures.below(#filePath) + "Certificate/certificate.pem"
        var configuration = Configuration(roots: [Fixtures.directory])
        configuration.address = "127.0.0.1:0"
        configuration.tls = Configuration.TLS(
            certificate: try text(certificate),
            key: try text(Fixtures.below(#filePath) + "Certificate/key.pem")
        )
        configuration.token = "secret"
        let server = try MefServer(configuration)
        let outcome = Peer.run(["secure", "127.0.0.1:\(server.port)", certificate])
        #expect(outcome.code == 0, "\(outcome.text)")
        #expect(server.statistics.refusedCalls == 3)
        #expect(server.stop(within: .seconds(10)))
        configuration.tls?.certificate = "no certificate"
        #expect(throws: MefServerError.self) { try MefServer(configuration) }
    }

    @Test func `a client that does not read is given up`() throws {
        let scratch = try Scratch()
        try longRecording(scratch.path + "/long.mefd")
        var configuration = Configuration(roots: [scratch.path])
        configuration.address = "127.0.0.1:0"
        configuration.stallTimeout = .milliseconds(300)
        let server = try MefServer(configuration)
        let reader = try Peer.start(["stall", "127.0.0.1:\(server.port)", scratch.path + "/long.mefd"])
        #expect(reader.firstLine == "asked")
        #expect(until { server.statistics.activeCalls > 0 })
        #expect(until { server.statistics.activeCalls == 0 && server.statistics.activeClients == 0 })
        #expect(server.stop(within: .seconds(10)))
        kill(reader.process, SIGKILL)
        waitpid(reader.process, nil, 0)
    }

    @Test func `clients that are killed leave nothing, and stopping ends calls in progress`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/long.mefd"
        try longRecording(path)
        var configuration = Configuration(roots: [scratch.path])
        configuration.address = "127.0.0.1:0"
        configuration.holdLifetime = .milliseconds(100)
        let server = try MefServer(configuration)
        for _ in 0..<2 {
            let walker = try Peer.start(["walk", "127.0.0.1:\(server.port)", path])
            #expect(walker.firstLine == "walking")
            #expect(until { server.statistics.activeCalls > 0 })
            kill(walker.process, SIGKILL)
            #expect(until { server.statistics.activeCalls == 0 && server.statistics.activeClients == 0 })
            // Nobody closed the session; the hold of a client that is gone ends by itself, and its memory with it.
            #expect(until { server.statistics.openFiles == 0 && server.statistics.tileBytes == 0 })
            waitpid(walker.process, nil, 0)
        }
        let walker = try Peer.start(["walk", "127.0.0.1:\(server.port)", path])
        #expect(walker.firstLine == "walking")
        #expect(until { server.statistics.activeCalls > 0 })
        #expect(server.stop(within: .seconds(2)))
        #expect(server.statistics.activeClients == 0)
        kill(walker.process, SIGKILL)
        waitpid(walker.process, nil, 0)
    }

    /// An hour of two channels, mostly a gap, so that a window of it takes a while to send and none to write.
    private func longRecording(_ path: String) throws {
        let writer = try SessionWriter(path: path)
        for name in ["a", "b"] {
            let samples = (0..<20_000).map { Int32($0 % 100) }
            let start: Int64 = 1_600_000_000_000_000
            try writer.write(
                [(start, samples), (start + 3_600_000_000, samples)],
                of: name,
                metadata: ChannelMetadata(samplingFrequency: 4000)
            )
        }
    }

    /// Looks again and again until a condition holds; the server tells nobody about its counts.
    private func until(_ condition: () -> Bool) -> Bool {
        for _ in 0..<2000 {
            if condition() { return true }
            usleep(5000)
        }
        return condition()
    }

    private func text(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw Scratch.Failed(what: path) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The script beside this file.
enum Peer {
    /// Starts the script and waits for its first line.
    static func start(_ arguments: [String]) throws -> (process: pid_t, firstLine: String) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Scratch.Failed(what: "pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        let python = getenv("PIPE_PYTHON").map { String(cString: $0) } ?? "python3"
        let words = [python, Fixtures.below(#filePath) + "mef_peer.py"] + arguments
        var texts: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var process = pid_t()
        let code = posix_spawnp(&process, python, &actions, nil, &texts, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard code == 0 else { throw Scratch.Failed(what: "posix_spawn") }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(ends[0], &byte, 1) == 1, byte != 10 { line.append(byte) }
        return (process, String(decoding: line, as: UTF8.self))
    }

    static let isInstalled = run(["check"]).code == 0

    static func run(_ arguments: [String]) -> (code: Int32, text: String) {
        let python = getenv("PIPE_PYTHON").map { String(cString: $0) } ?? "python3"
        let script = Fixtures.below(#filePath) + "mef_peer.py"
        let command = ([python, script] + arguments).map { "'\($0)'" }.joined(separator: " ") + " 2>&1"
        guard let pipe = popen(command, "r") else { return (-1, "popen failed") }
        var text = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return (pclose(pipe), text)
    }
}

/// The sessions of the format library's tests.
enum Fixtures {
    static let directory: String = {
        let tests = below(#filePath).dropLast()
        return below(String(tests)) + "Mef3Tests/Fixtures"
    }()

    static func below(_ file: String) -> String { String(file[...(file.lastIndex(of: "/") ?? file.startIndex)]) }
}
