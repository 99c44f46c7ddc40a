import Glibc
import PipeCore
import PipeGraph
import PipeKit
import Synchronization

/// A packet server under load: the graph that a user would write, and clients beside it in this process.
struct PacketBench {
    var clients: Int
    var rate: Rate
    var seconds: Double
    /// The server has failed when the p99 of the time from sending to counting is longer.
    var limit: Duration
    /// More options of the server, as they stand in a graph.
    var server = ""

    struct Outcome {
        var sent = 0
        var received = 0
        var lost = 0
        var seconds = 0.0
        /// From sending to being counted.
        var p50 = Duration.zero
        var p99 = Duration.zero
        /// Of the slowest and the fastest client, packets a second.
        var slowest = 0.0
        var fastest = 0.0
        /// Shares of one processor, the load's left out.
        var averageCPU = 0.0
        var peakCPU = 0.0
        /// Mebibytes of the whole process.
        var averageMemory = 0.0
        var peakMemory = 0.0
        var problems: [String] = []
    }

    func run() throws -> Outcome {
        let (files, port) = (MemoryFiles(), PortWatch())
        let plan = try graph().plan
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let run = Run(
            plan,
            EngineOptions(epoch: Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9, files: files) { port.look(at: $0) },
            workers: WorkerSettings(count: 1)
        )
        run.start()
        do {
            let load = try PacketLoad(clients: clients, rate: rate.perSecond, port: try port.wait())
            var meter = ProcessMeter()
            let sent = load.send(for: seconds) { meter.sample() }
            load.end()
            meter.sample()
            run.stop()
            guard run.wait(until: run.time + .seconds(30)) else { throw StageError("the server does not end") }
            let outcome = run.finish()
            return try result(sent, meter, outcome, files)
        } catch {
            _ = run.finish()
            throw error
        }
    }

    private func graph() throws -> Graph {
        let text = """
            pipe: 1
            stages:
              server: { type: tcp_packets, address: "127.0.0.1:0", max_clients: 1000000\(server.isEmpty ? "" : ", " + server) }
              stats: { type: packet_stats, from: server, every: 24h, list: 100000, header: { sequence: 0, timestamp: 8 } }
              report: { type: jsonl_file, from: stats, path: /bench.jsonl, mode: overwrite }
            """
        var options = CheckOptions(environment: [:])
        options.looksAtWorld = false
        let result = GraphChecker(catalogue: pipeCatalogue, options: options).check(text: text, name: "bench.yaml")
        guard let graph = result.graph else {
            throw StageError(TextReport(colour: false).text(result.findings, result.files))
        }
        return graph
    }

    private func result(
        _ load: PacketLoad.Result,
        _ meter: ProcessMeter,
        _ run: RunOutcome,
        _ files: MemoryFiles
    ) throws -> Outcome {
        guard let line = files.contents["/bench.jsonl"]?.split(separator: UInt8(ascii: "\n")).last else {
            throw StageError("the server did not report: \(run.troubles.joined(separator: "; "))")
        }
        let report = try JSON(parsing: String(decoding: line, as: UTF8.self))
        var outcome = Outcome(sent: load.sent, seconds: load.seconds)
        outcome.received = Int(report.number("packets"))
        outcome.lost = Int(report.number("lost"))
        outcome.p50 = .seconds(report.number("latency_p50"))
        outcome.p99 = .seconds(report.number("latency_p99"))
        if case .array(let clients)? = report["clients"] {
            let rates = clients.map { $0.number("rate") }
            (outcome.slowest, outcome.fastest) = (rates.min() ?? 0, rates.max() ?? 0)
        }
        (outcome.averageCPU, outcome.peakCPU) = (meter.averageCPU, meter.peakCPU)
        (outcome.averageMemory, outcome.peakMemory) = (meter.averageMemory, meter.peakMemory)
        outcome.problems = run.troubles + run.numbers.imbalances(hasEnded: true) + problems(outcome, load)
        return outcome
    }

    private func problems(_ outcome: Outcome, _ load: PacketLoad.Result) -> [String] {
        var problems: [String] = []
        if outcome.received != outcome.sent || outcome.lost > 0 {
            problems.append("sent \(outcome.sent), received \(outcome.received), lost \(outcome.lost)")
        }
        if load.isStuck { problems.append("a client could send nothing for a second") }
        if load.seconds > seconds * 1.02 + 0.1 { problems.append("the clients fell behind their rate") }
        if outcome.p99 > limit { problems.append("p99 \(outcome.p99.short) is above \(limit.short)") }
        return problems
    }

    /// The most clients that it carries: doubled until one run fails, and then halved in between, to 3 %.
    func findMost(_ tell: (PacketBench, Outcome) -> Void) throws -> (most: Int, outcome: Outcome)? {
        var (low, high) = (0, Int.max)
        var best: (Int, Outcome)?
        var next = clients
        while next > low, next < high {
            var trial = self
            trial.clients = next
            let outcome = try trial.run()
            tell(trial, outcome)
            if outcome.problems.isEmpty {
                (low, best) = (next, (next, outcome))
            } else {
                high = next
            }
            next = high == .max ? low * 2 : (low + high) / 2
            if high != .max, high - low <= max(1, low / 32) { break }
        }
        return best
    }
}

extension JSON {
    fileprivate func number(_ name: String) -> Double {
        switch self[name] {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: 0
        }
    }
}

/// Where the server listens, as its log says.
private final class PortWatch: Sendable {
    private let port = Mutex<UInt16?>(nil)

    func look(at entry: LogEntry) {
        guard entry.message.hasPrefix("listens on "), let text = entry.message.split(separator: ":").last else {
            return
        }
        port.withLock { $0 = UInt16(text) }
    }

    func wait() throws -> UInt16 {
        for _ in 0..<5000 {
            if let port = port.withLock({ $0 }) { return port }
            usleep(1000)
        }
        throw StageError("the server does not listen")
    }
}

/// What the process costs, without the calling thread, which makes the load.
private struct ProcessMeter {
    private var last: (time: Double, cpu: Double)
    private let first: (time: Double, cpu: Double)
    private(set) var peakCPU = 0.0
    private(set) var peakMemory = 0.0
    private var memories: [Double] = []

    init() {
        first = Self.now
        last = first
    }

    var averageCPU: Double { (last.cpu - first.cpu) / max(1e-9, last.time - first.time) }
    var averageMemory: Double { memories.reduce(0, +) / Double(max(1, memories.count)) }

    mutating func sample() {
        let now = Self.now
        if now.time - last.time > 0.5 { peakCPU = max(peakCPU, (now.cpu - last.cpu) / (now.time - last.time)) }
        last = now
        memories.append(Self.memory)
        peakMemory = max(peakMemory, memories.last ?? 0)
    }

    private static var now: (time: Double, cpu: Double) {
        func seconds(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        return (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID))
    }

    /// The process's memory in mebibytes.
    private static var memory: Double {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            .split(separator: " ")
        return words.count > 1 ? (Double(words[1]) ?? 0) * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576 : 0
    }
}
