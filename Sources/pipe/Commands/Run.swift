import PipeCore
import PipeGraph
import PipeKit

extension Flag {
    static let graphOperand = Operand(
        name: "GRAPH",
        summary: "The file of a graph; '-' is standard input.",
        completes: .graphs
    )
}

extension Command {
    static let run: Command = .init(
        name: "run",
        summary: "Runs a graph.",
        details: """
            On a terminal it shows a live table, elsewhere a line every few seconds, and at the end the books. An
            interrupt or SIGTERM stops the sources and lets what is under way come to its end; a second one stops at once.
            SIGUSR1 reads the graph anew: stations that are new begin, those that are gone come to their end.
            'pipe top', 'pipe why', 'pipe tap' and others look inside while it runs, from another terminal.
            Exit code 0: all went well; 1: something failed; 2: the graph is wrong; 3: the run broke a limit of the graph.
            """,
        operands: [Flag.graphOperand],
        flags: [
            .set,
            Flag(name: "for", value: "TIME", summary: "Stop the sources after so long: 10s, 5m."),
            Flag(
                name: "drain",
                value: "TIME",
                summary: "How long what is under way may take to its end; 10s if not stated."
            ),
            Flag(
                name: "web",
                value: "ADDRESS",
                summary: "Serve the run's page at this host and port; port 0 is any that is free."
            ),
            Flag(
                name: "metrics",
                value: "ADDRESS",
                summary: "Serve numbers and health for monitors, and no page."
            ),
            Flag(
                name: "control",
                value: "ADDRESS",
                summary: "Let others talk to the run there too, who show the token in PIPE_TOKEN."
            ),
            Flag(
                name: "trace",
                value: "FILE",
                summary: "Write what happens, as Perfetto and Chrome read it.",
                completes: .files
            ),
            Flag(name: "trace-size", value: "SIZE", summary: "How large the trace may become; 256MiB if not stated."),
            Flag(
                name: "otlp",
                value: "URL",
                summary: "Send spans of items that are followed to the collector at host:port, or at a URL."
            ),
            Flag(
                name: "record",
                value: "DIR",
                summary: "Write down what decides the run, for 'pipe replay'.",
                completes: .directories
            ),
            Flag(
                name: "record-size",
                value: "SIZE",
                summary: "How large the recording may become; 1GiB if not stated."
            ),
            Flag(name: "report", value: "FILE", summary: "Write all numbers of the run as JSON.", completes: .files),
            Flag(
                name: "workers",
                value: "NUMBER",
                summary: "Threads that step the stages; one a processor if not stated."
            ),
            Flag(name: "seed", value: "NUMBER", summary: "Of all that is left to chance."),
            Flag(
                name: "log",
                value: "LEVEL",
                summary: "Least level that is told; 'json' writes a JSON object a line. Both may be given.",
                choices: LogLevel.allCases.map(\.rawValue) + ["json"],
                repeats: true
            ),
            Flag(name: "json", summary: "Print all numbers as JSON at the end, and no table."),
            Flag(name: "quiet", short: "q", summary: "Say only what is wrong."),
        ],
        examples: [
            ("pipe run pipelines/quickstart.yaml", "Runs it to its end."),
            ("pipe run gate.yaml --web 127.0.0.1:8080", "Runs it, and shows it on a page."),
            ("pipe run gate.yaml --set params.limit=25 --for 10m --report run.json", "Ten minutes, with a report."),
        ],
        run: { arguments throws(UsageError) in
            let checker = try GraphChecker(arguments)
            let settings = try RunSettings(arguments)
            let path = arguments.operands.first ?? ""
            let (first, read) = checker.graph(reading: path)
            guard let graph = first else { return .wrongGraph }
            let source = GraphSource(path: path, params: checker.options.params, texts: read)
            let readAgain = { @Sendable (stations: [StationChange]) -> CheckResult in
                var checker = checker
                checker.options.stations = stations
                checker.options.texts = read.filter { $0.key == "-" }  // standard input is read once
                return checker.check(path: path)
            }
            return try GraphRun(graph, settings, source, readAgain).perform()
        }
    )
}

/// The flags of `pipe run`.
struct RunSettings {
    var duration: Duration?
    var drain = Duration.seconds(10)
    var report: String?
    var workers: Int?
    var seed = 0
    var level = LogLevel.info
    var logsJSON = false
    var json = false
    var quiet = false
    var web: Address?
    var metrics: Address?
    var control: Address?
    var trace: String?
    /// Where spans go.
    var collector: String?
    var record: String?
    var recordSize = ByteCount.mebibytes(1024)
    var traceSize = ByteCount.mebibytes(256)

    init(_ arguments: Arguments) throws(UsageError) {
        duration = try arguments.duration("for")
        drain = try arguments.duration("drain") ?? drain
        report = arguments.value("report")
        workers = try arguments.number("workers", in: 1...256)
        seed = try arguments.number("seed", in: 0...Int.max) ?? 0
        let words = arguments.values["log"] ?? []
        level = words.compactMap(LogLevel.init).last ?? .info
        logsJSON = words.contains("json")
        json = arguments.has("json")
        quiet = arguments.has("quiet")
        web = try arguments.address("web")
        metrics = try arguments.address("metrics")
        control = try arguments.address("control")
        trace = arguments.value("trace")
        collector = try arguments.value("otlp").map { text throws(UsageError) in try Self.collector(text) }
        record = arguments.value("record")
        recordSize = try arguments.size("record-size") ?? recordSize
        traceSize = try arguments.size("trace-size") ?? traceSize
        if quiet, level < .warning { level = .warning }
    }

    /// An address as the exporters of OpenTelemetry take it: without a path it is the base of theirs.
    private static func collector(_ text: String) throws(UsageError) -> String {
        let whole = text.contains("://") ? text : "http://\(text)"
        let parts = whole.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, ["http", "https"].contains(parts[0]), let host = parts[1].split(separator: "/").first,
            !host.hasPrefix(":"), !host.hasSuffix(":"), !whole.contains(where: { $0.isWhitespace || $0 == "\"" })
        else {
            throw UsageError(
                message: "'--otlp \(text)' is no address of a collector",
                hint: "write host:port, such as 127.0.0.1:4318, or a URL with http:// or https://"
            )
        }
        let path = parts[1].dropFirst(host.count)
        return path.isEmpty || path == "/" ? "\(parts[0])://\(host)/v1/traces" : whole
    }
}
