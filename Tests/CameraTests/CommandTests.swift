import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Sockets
import Testing

@testable import Camera

struct RecorderTests {
    private func seconds(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    private func answers(_ recorder: inout Recorder, _ lines: [String], at time: Double = 0) -> [String] {
        lines.map { recorder.perform(Command($0), seconds(time), waiting: 7) }
    }

    @Test func `the server's commands have the server's answers`() {
        var recorder = Recorder(.server, count: 100, records: true)
        #expect(
            answers(&recorder, ["START", "STATUS\n", "EXP_ID:a", "hello", "STOP"]) == [
                "OK: Camera server running", "OK: Queue size: 7", "ERROR: Unknown command", "ERROR: Unknown command",
                "OK: Stopping...",
            ]
        )
        #expect(!recorder.isRecording && recorder.admit() == .leftOut)
        #expect(answers(&recorder, ["START"]) == ["OK: Camera server running"])
        #expect(recorder.admit() == .passes(isLast: false))
    }

    @Test func `the recorder's commands have the recorder's answers`() {
        var recorder = Recorder(.recorder, count: 2, records: false)
        #expect(
            answers(&recorder, ["STATUS", "READY", "PING"]) == ["STATUS: Camera ready (idle)", "READY: yes", "PONG"]
        )
        #expect(recorder.admit() == .leftOut)
        #expect(answers(&recorder, ["EXP_ID:EXP_120000_0a1b2c3d"]) == ["OK: Experiment ID set to EXP_120000_0a1b2c3d"])
        #expect(answers(&recorder, ["START_INF"], at: 3) == ["OK: Infinite capture started"])
        #expect(
            answers(&recorder, ["STATUS", "READY"], at: 15.34)
                == ["STATUS: Camera active (running for 12.3s)", "READY: busy"]
        )
        #expect(answers(&recorder, ["STOP"]) == ["OK: Capture stopped"])
        #expect(recorder.experiment == "EXP_120000_0a1b2c3d")
        #expect(answers(&recorder, ["CLEAR_FRAMES"])[0].hasPrefix("ERROR: "))
    }

    @Test func `a recording ends with its last picture`() {
        var recorder = Recorder(.recorder, count: 2, records: false)
        #expect(answers(&recorder, ["START"]) == ["OK: Recording started"])
        #expect(
            [recorder.admit(), recorder.admit(), recorder.admit()] == [
                .passes(isLast: false), .passes(isLast: true), .leftOut,
            ]
        )
        #expect(answers(&recorder, ["STATUS"]) == ["STATUS: Camera ready (idle)"])
    }

    @Test(arguments: [
        "EXP_ID:", "EXP_ID:../x", "EXP_ID:.x", "EXP_ID:a b", "EXP_ID:ä", "EXP_ID:" + String(repeating: "x", count: 65),
    ])
    func `a name that could lead elsewhere is refused`(line: String) {
        var recorder = Recorder(.recorder, count: 2, records: false)
        #expect(answers(&recorder, [line])[0].hasPrefix("ERROR: an experiment has a name"))
        #expect(recorder.experiment.isEmpty)
    }
}

/// Commands over real connections, to a stage in a graph with threads.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct CommandServerTests {
    /// A server that answers in capitals, until the test is over.
    private static func withServer(
        _ settings: CommandServer.Settings = CommandServer.Settings(),
        _ body: (UInt16, () -> [CommandServer.Event]) throws -> Void
    ) throws {
        let server = CommandServer(settings) {
            try SocketAddress.resolve(Address(host: "127.0.0.1", port: 0), .stream, passive: true)
        }
        let address = try server.open()
        let port = try #require(UInt16(address.split(separator: ":").last ?? ""))
        let desk = CommandDesk(Recorder(.recorder, count: 1, records: false), at: .zero) { 0 }
        let thread = TestThread {
            server.run({ $0.uppercased() }, { desk.tell($0) })
            desk.close()
        }
        defer {
            server.stop()
            thread.join()
        }
        try body(port) { desk.hear() }
    }

    private static func ask(_ port: UInt16, _ bytes: [UInt8]) throws -> String {
        let client = try TestClient(port: port)
        try client.send(bytes)
        return try client.awaitEnd()
    }

    @Test(arguments: ["status", "status\n", "status\r\n", "  status \nand more\n"])
    func `a command is answered with a line, with or without an end of its own`(text: String) throws {
        try Self.withServer { port, _ in
            let said = try Self.ask(port, Array(text.utf8))
            #expect(said.contains("STATUS") && said.hasSuffix("\n"))
        }
    }

    @Test func `a command that comes in pieces is one command`() throws {
        try Self.withServer { port, _ in
            let client = try TestClient(port: port)
            for byte in "start_inf\n".utf8 { try client.send([byte]) }
            let said = try client.awaitEnd()
            #expect(said == "START_INF\n")
        }
    }

    @Test func `1024 bytes are a command, and more are refused`() throws {
        try Self.withServer { port, hear in
            let longest = [UInt8](repeating: UInt8(ascii: "x"), count: 1024)
            let whole = try Self.ask(port, longest + [10])
            _ = hear()
            let refused = try Self.ask(port, longest + longest)
            #expect(whole.utf8.count == 1025 && refused == "ERROR: a command has 1024 bytes at most\n")
            guard case .refused(.tooLong, _)? = hear().first else { return #expect(Bool(false), "it was not counted") }
        }
    }

    @Test func `who says nothing is let go in time, and holds nobody up`() throws {
        var settings = CommandServer.Settings()
        settings.timeout = .milliseconds(100)
        try Self.withServer(settings) { port, hear in
            let silent = try (0..<5).map { _ in try TestClient(port: port) }
            let said = try Self.ask(port, Array("ping\n".utf8))
            #expect(said == "PING\n")
            for client in silent {
                let said = try client.awaitEnd()
                #expect(said.isEmpty)
            }
            var refused = 0
            while refused < 5 {
                refused += hear().count { if case .refused(.silent, _) = $0 { true } else { false } }
            }
        }
    }

    @Test func `one more than may ask at once is turned away`() throws {
        var settings = CommandServer.Settings()
        settings.maxClients = 3
        try Self.withServer(settings) { port, hear in
            let waiting = try (0..<3).map { _ in try TestClient(port: port) }
            let late = try TestClient(port: port)
            let refused = try late.awaitEnd()
            #expect(refused.isEmpty)
            guard case .refused(.tooManyClients, _)? = hear().first else { return #expect(Bool(false)) }
            try waiting[0].send(Array("ping\n".utf8))
            let said = try waiting[0].awaitEnd()
            #expect(said == "PING\n")
        }
    }

    @Test func `pictures pass while somebody records, and carry the experiment's name`() throws {
        let port = try freePort()
        var said: [String] = []
        let asker = TestThread {
            for line in ["STATUS", "EXP_ID:run7", "START", "STATUS"] {
                guard let client = patientClient(port) else { return }
                try? client.send(Array("\(line)\n".utf8))
                said.append((try? client.awaitEnd()) ?? "")
            }
        }
        // Frames come as fast as they are taken, until the run ends; the recording takes three of them.
        var harness = StageHarness(CameraCommands.self, "address: 127.0.0.1:\(port)\ncount: 3\nset: recorder")
        harness.feed("pictures", .samples(300, every: .milliseconds(5), keys: ["camera"]))
        let result = try harness.run(on: .real)
        asker.join()
        #expect(
            said.prefix(3) == [
                "STATUS: Camera ready (idle)\n", "OK: Experiment ID set to run7\n", "OK: Recording started\n",
            ]
        )
        #expect(said.count == 4 && said[3].hasPrefix("STATUS: Camera "))
        #expect(result["recorded"].map(\.key) == ["run7", "run7", "run7"])
        #expect(result.books.in == 300 && result.books.dropped[.notChosen] == 297 && result.imbalances.isEmpty)
        #expect(result.values("events").count == 4)
        #expect(result.log.contains { $0.message.hasPrefix("'EXP_ID:run7' of 127.0.0.1:") })
        #expect(!result.log.contains { $0.level == .info && $0.message.hasPrefix("'STATUS'") })
    }
}
