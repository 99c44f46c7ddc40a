import Glibc
import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let benchPackets: Command = .init(
        name: "packets",
        summary: "Measures a packet server: how many clients, how late, at what cost.",
        details: """
            Clients connect over loopback and send 32-byte packets, what comes in 5 ms at a time. The run fails when a packet
            is lost, when the clients cannot keep their rate, or when the p99 of the time from sending to counting is above
            the limit. With '--find-max' it looks for the most clients that do not fail. Exit code 1: it failed.
            """,
        flags: [
            Flag(
                name: "clients",
                value: "NUMBER",
                summary: "How many clients, or with '--find-max' where to begin; 10."
            ),
            Flag(name: "rate", value: "RATE", summary: "Packets a second of each: 10kHz if not stated."),
            Flag(name: "seconds", value: "NUMBER", summary: "How long a run takes; 5 if not stated."),
            Flag(name: "p99", value: "TIME", summary: "The limit; 5ms if not stated."),
            Flag(name: "server", value: "OPTIONS", summary: "Options of the server's 'tcp_packets', as in a graph."),
            Flag(name: "find-max", summary: "Look for the most clients."),
            Flag(
                name: "json",
                value: "FILE",
                summary: "Write a report, in the shape of the original's test results; '-' prints it.",
                completes: .files
            ),
        ],
        examples: [
            ("pipe bench packets --clients 10 --rate 10kHz --seconds 600", "Ten minutes of ten clients."),
            ("pipe bench packets --find-max --p99 10ms", "How many clients one thread carries."),
            ("pipe bench packets --server 'latency: 4ms, acknowledge: later'", "What these options bring."),
        ],
        run: { arguments throws(UsageError) in
            let bench = try PacketBench(arguments)
            let file = arguments.value("json")
            raiseOpenFiles()
            var results: [(PacketBench, PacketBench.Outcome)] = []
            do {
                if file != "-" { Terminal.print(PacketBench.heading) }
                func tell(_ trial: PacketBench, _ outcome: PacketBench.Outcome) {
                    results.append((trial, outcome))
                    if file != "-" { Terminal.print(trial.row(outcome)) }
                }
                if arguments.has("find-max") {
                    let best = try bench.findMost(tell)
                    if file != "-" { Terminal.print("the most clients at \(bench.rate): \(best?.most ?? 0)") }
                } else {
                    tell(bench, try bench.run())
                }
            } catch {
                Terminal.complain("error: \(error)")
                return .failed
            }
            let report = JSON.array(results.map { $0.report($1) }).text(pretty: true)
            if let file, file != "-" { try writeFile(report + "\n", to: file) }
            if file == "-" { Terminal.print(report) }
            return results.contains { $0.1.problems.isEmpty } ? .success : .failed
        }
    )
}

/// A client takes two of them here: one at each end.
private func raiseOpenFiles() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

extension PacketBench {
    fileprivate init(_ arguments: Arguments) throws(UsageError) {
        clients = try arguments.number("clients", in: 1...100_000) ?? 10
        rate = Rate(perSecond: 10_000)
        if let text = arguments.value("rate") {
            let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
            guard let stated = Rate.read(node, Reader()), (1...1e7).contains(stated.perSecond) else {
                throw UsageError(message: "'--rate \(text)' is not a rate", hint: "write '1000/s' or '10kHz'")
            }
            rate = stated
        }
        guard let seconds = Double(arguments.value("seconds") ?? "5"), (0.1...86_400).contains(seconds) else {
            throw UsageError(message: "'--seconds' takes a number from 0.1 to 86400")
        }
        self.seconds = seconds
        limit = try arguments.duration("p99") ?? .milliseconds(5)
        server = arguments.value("server") ?? ""
    }

    fileprivate static let heading =
        "CLIENTS    RATE      SENT  RECEIVED  LOST  SLOWEST  FASTEST     P50     P99  CPU/10⁶  MEMORY"

    fileprivate func row(_ outcome: Outcome) -> String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let cost = outcome.averageCPU * outcome.seconds / Double(max(1, outcome.received)) * 1e6
        let cells = [
            right("\(clients)", 7), right("\(rate)", 6), right("\(outcome.sent)", 8), right("\(outcome.received)", 8),
            right("\(outcome.lost)", 4), right("\(Int(outcome.slowest))/s", 7), right("\(Int(outcome.fastest))/s", 7),
            right(outcome.p50.short, 6), right(outcome.p99.short, 6), right("\(shortest(cost))s", 7),
            right("\(Int(outcome.peakMemory))MiB", 6),
        ]
        let problems = outcome.problems.map { "\n  failed: \($0)" }.joined()
        return cells.joined(separator: "  ") + problems
    }

    /// As the original's tools write the result of a test, so that runs can be compared.
    fileprivate func report(_ outcome: Outcome) -> JSON {
        [
            "config": [
                "name": .string("pipe_\(clients)clients"), "server_workers": 1, "num_clients": .integer(clients),
                "packet_rate": .number(rate.perSecond), "packet_size": .integer(PacketLoad.packetBytes),
                "duration": .number(seconds),
                "description": .string("\(clients) clients at \(rate) over loopback, p99 limit \(limit.short)"),
            ],
            "result": [
                "success": .bool(outcome.problems.isEmpty), "duration": .number(outcome.seconds),
                "server_packets": .integer(outcome.received), "client_packets": .integer(outcome.sent),
                "packet_loss_rate": .number(1 - Double(outcome.received) / Double(max(1, outcome.sent))),
                "avg_cpu": .number(outcome.averageCPU * 100), "peak_cpu": .number(outcome.peakCPU * 100),
                "avg_memory": .number(outcome.averageMemory), "peak_memory": .number(outcome.peakMemory),
                "errors": .array(outcome.problems.map { .string($0) }),
                "latency_p50": .number(outcome.p50.seconds), "latency_p99": .number(outcome.p99.seconds),
            ],
        ]
    }
}
