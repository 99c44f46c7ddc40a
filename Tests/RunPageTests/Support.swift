import Basics
import Frames
import Glibc
import HTTPServer
import HTTPTestClient
import PipeCore
import PipeGraph
import PipeKit
import RunPage
import Synchronization
import Testing
import Web

/// A graph that runs on real time with its page, until the test ends.
final class RunUnderTest {
    let graph: Graph
    let run: Run
    let board: Board
    let server: RunServer
    let port: UInt16
    let isDraining = Flag()
    let isStopped = Flag()
    private var outcome: RunOutcome?

    init(
        _ text: String,
        token: String? = "the-token",
        scope: RunServer.Scope? = nil,
        change: (inout ServerSettings) -> Void = { _ in }
    )
        throws
    {
        let checker = GraphChecker(
            catalogue: Catalogue([.basics, .web, Plugin("Test", "For these tests.", stages: [Pictures.self])]),
            options: CheckOptions(environment: [:])
        )
        let result = checker.check(text: text, name: "graph.yaml")
        graph = try #require(result.graph, "\(TextReport(colour: false).text(result.findings, result.files))")
        var options = EngineOptions(epoch: 1_767_225_600, files: MemoryFiles())
        let board = Board()
        options.board = board
        self.board = board
        let run = Run(graph.plan, options, workers: WorkerSettings(count: 1))
        self.run = run
        let (isDraining, isStopped) = (isDraining, isStopped)
        server = RunServer(
            WatchedRun(
                graph,
                version: "1.2.3",
                board: board,
                workers: 2,
                began: 1_767_225_600,
                numbers: { run.numbers },
                time: { run.time },
                isDraining: { isDraining.value },
                drain: {
                    isDraining.set()
                    run.stop()
                },
                stop: { isStopped.set() }
            ),
            scope ?? .page(token: token)
        )
        var settings = ServerSettings()
        settings.interval = .milliseconds(50)
        change(&settings)
        port = try #require(UInt16(try server.start(settings).split(separator: ":").last ?? ""))
        run.start()
    }

    deinit {
        server.stop()
        if outcome == nil { _ = finish() }
    }

    /// Ends the run, and says what its books are.
    func finish() -> RunOutcome {
        run.stop()
        _ = run.wait(until: run.time + .seconds(20))
        let result = run.finish()
        outcome = result
        return result
    }

    func get(_ path: String, headers: String = "") throws -> (status: Int, head: String, body: String) {
        try ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(headers)\r\n")
    }

    func post(_ path: String, token: String?) throws -> (status: Int, head: String, body: String) {
        let header = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        return try ask(
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\(header)\r\n"
        )
    }

    private func ask(_ request: String) throws -> (status: Int, head: String, body: String) {
        let client = try Client(port: port)
        client.send(request)
        let text = client.readToEnd()
        let split = try #require(text.firstRange(of: "\r\n\r\n"), "\(text)")
        let head = String(text[..<split.lowerBound])
        return (Int(head.dropFirst(9).prefix(3)) ?? 0, head, String(text[split.upperBound...]))
    }

    /// A stream of which the head and something more is read.
    func watch(_ path: String, receiveBuffer: Int32? = nil) throws -> Client {
        let client = try Client(port: port, receiveBuffer: receiveBuffer)
        client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client
    }
}

/// True once it was set.
final class Flag: Sendable {
    private let isSet = Atomic<Bool>(false)
    var value: Bool { isSet.load(ordering: .sequentiallyConsistent) }
    func set() { isSet.store(true, ordering: .sequentiallyConsistent) }
}

/// A reader of what the server says that others have written.
enum Peer {
    private static let folder = String(#filePath[...(#filePath.lastIndex(of: "/") ?? #filePath.startIndex)])
    static let isInstalled = run("check", input: "").code == 0

    /// Runs the script with a text as its standard input.
    static func run(_ word: String, input: String) -> (code: Int32, text: String) {
        let python = getenv("PIPE_PYTHON").map { String(cString: $0) } ?? "python3"
        var template = Array("/tmp/pipe-metrics-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { return (-1, "no file can be made") }
        defer {
            close(file)
            unlink(template)
        }
        guard write(file, Array(input.utf8), input.utf8.count) == input.utf8.count else { return (-1, "disk full") }
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let pipe = popen("'\(python)' '\(folder)metrics_peer.py' \(word) <\(path) 2>&1", "r") else {
            return (-1, "popen failed")
        }
        var text = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return (pclose(pipe), text)
    }
}
