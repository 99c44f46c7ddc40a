import Basics
import Glibc
import PipeCore
import PipeGraph
import PipeKit
import RunControl
import Sockets
import Synchronization
import Testing

/// A graph that runs on real time and can be talked to, until the test ends.
final class TalkingRun {
    let graph: Graph
    let run: Run
    let server: ControlServer
    let sockets: RunSockets
    let told = Told()
    private let folder: String
    private var hasFinished = false

    /// What clients have asked for.
    final class Told: Sendable {
        let words = Mutex<[String]>([])
        func add(_ word: String) { words.withLock { $0.append(word) } }
        var all: [String] { words.withLock { $0 } }
    }

    init(_ text: String = endless, token: String? = nil, patience: Duration = .seconds(5)) throws {
        let checker = GraphChecker(catalogue: Catalogue([.basics]), options: CheckOptions(environment: [:]))
        let result = checker.check(text: text, name: "graph.yaml")
        graph = try #require(result.graph, "\(TextReport(colour: false).text(result.findings, result.files))")
        let run = Run(
            graph.plan,
            EngineOptions(epoch: 1_767_225_600, files: MemoryFiles()),
            workers: WorkerSettings(count: 2)
        )
        self.run = run
        var template = Array("/tmp/pipe-control-XXXXXX".utf8CString)
        folder = try String(cString: #require(mkdtemp(&template)))
        sockets = RunSockets(directory: "\(folder)/runs")
        let told = told
        let watched = WatchedRun(
            graph,
            version: "1.2.3",
            board: Board(),
            workers: 2,
            began: 1_767_225_600,
            numbers: { run.numbers },
            time: { run.time },
            isDraining: { told.all.contains("drain") },
            drain: {
                told.add("drain")
                run.stop()
            },
            stop: { told.add("stop") }
        )
        var settings = ControlServer.Settings(sockets: sockets)
        settings.patience = patience
        if let token {
            settings.address = Address(host: "127.0.0.1", port: 0)
            settings.token = token
        }
        server = try ControlServer(
            ControlledRun(
                watched,
                inside: run,
                setLevel: { told.add("level \($0.rawValue)") },
                change: { changes in
                    for change in changes {
                        guard change.station != "wrong" else { throw StageError("the graph would be wrong") }
                        told.add("\(change.isAdded ? "add" : "remove") \(change.station)")
                    }
                }
            ),
            settings
        )
        run.start()
    }

    deinit {
        server.stop()
        if !hasFinished { _ = finish() }
        rmdir("\(folder)/runs")
        rmdir(folder)
    }

    /// Ends the run, and says what its books are.
    func finish() -> RunOutcome {
        hasFinished = true
        run.stop()
        _ = run.wait(until: run.time + .seconds(20))
        return run.finish()
    }

    func client() throws -> ControlClient { try ControlClient(#require(sockets.all().first)) }

    /// A client that speaks no protocol.
    func rawClient() throws -> RawClient { try RawClient(path: #require(sockets.all().first).path) }

    static let endless = """
        pipe: 1
        name: talk
        stages:
          source: { type: generate, rate: 500/s, fields: { temperature: item.sequence % 40 } }
          double: { type: map, from: source, set: { twice: temperature * 2 } }
          end: { type: "null", from: double }
        """
}

/// A socket on which anything can be said.
final class RawClient {
    let descriptor: Int32

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let address = try #require(SocketAddress(path: path))
        try #require(address.withPointer { connect(descriptor, $0, address.length) } == 0)
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Says as much of it as the other side takes; false where it has closed.
    @discardableResult
    func say(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// One that is told something, within twenty seconds.
    static func firstTold(of clients: [RawClient]) -> RawClient? {
        var places = clients.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&places, nfds_t(places.count), 20_000) > 0 else { return nil }
        return zip(clients, places).first { $0.1.revents & Int16(POLLIN) != 0 }?.0
    }

    /// All that comes until the other side closes, or until a line is whole.
    func hear(untilLine: Bool = true) -> String {
        var heard: [UInt8] = []
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            while !(untilLine && heard.last == UInt8(ascii: "\n")) {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                guard count > 0 else { break }
                heard += buffer[..<count]
            }
        }
        return String(decoding: heard, as: UTF8.self)
    }
}
