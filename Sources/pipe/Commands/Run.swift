import Glibc
import HTTPServer
import PipeCore
import PipeGraph
import PipeKit
import RunControl
import RunPage
import Synchronization

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
            guard let graph = checker.graph(at: arguments.operands.first ?? "") else { return .wrongGraph }
            let path = arguments.operands.first ?? ""
            let readAgain = { @Sendable (stations: [StationChange]) -> CheckResult in
                var checker = checker
                checker.options.stations = stations
                return checker.check(path: path)
            }
            let source = GraphSource(path: path, params: checker.options.params)
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
        record = arguments.value("record")
        recordSize = try arguments.size("record-size") ?? recordSize
        traceSize = try arguments.size("trace-size") ?? traceSize
        if quiet, level < .warning { level = .warning }
    }
}

extension Arguments {
    func duration(_ flag: String) throws(UsageError) -> Duration? {
        guard let text = value(flag) else { return nil }
        let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let duration = Duration.read(node, Reader()) else {
            throw UsageError(message: "'--\(flag) \(text)' is not a duration", hint: "write '10s', '5m' or '1h30m'")
        }
        return duration
    }

    func address(_ flag: String) throws(UsageError) -> Address? {
        guard let text = value(flag) else { return nil }
        let reader = Reader()
        let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let address = Address.read(node, reader) else {
            let hint = reader.diagnostics.all.first?.suggestion.map { "did you mean '\($0)'?" }
            throw UsageError(
                message: "'--\(flag) \(text)' is not an address",
                hint: hint ?? "write host:port, such as 127.0.0.1:8080"
            )
        }
        return address
    }

    func size(_ flag: String) throws(UsageError) -> ByteCount? {
        guard let text = value(flag) else { return nil }
        let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let size = ByteCount.read(node, Reader()) else {
            throw UsageError(message: "'--\(flag) \(text)' is not a size", hint: "write '64MiB' or '1GiB'")
        }
        return size
    }

    func number(_ flag: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = value(flag) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let most = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
            throw UsageError(message: "'--\(flag) \(text)' is not a number from \(range.lowerBound) \(most)")
        }
        return number
    }
}

/// Where a graph was read from, and with which params.
private struct GraphSource: Sendable {
    let path: String
    let params: [(name: String, value: String)]
}

/// A graph that runs at a person's or a supervisor's command.
private final class GraphRun: Sendable {
    let graph: Graph
    let source: GraphSource
    let settings: RunSettings
    let run: Run
    let board: Board
    let began: Double
    let showsTable: Bool
    let log: RunLog
    /// Notes what happens, where a trace is to be written.
    let tracer: Tracer?
    let recorder: RunRecorder?
    /// Reads the graph once more, with stations that were added since or taken out.
    let readAgain: @Sendable ([StationChange]) -> CheckResult
    /// Stations that were added to the graph since it was read, or taken out.
    let changes = Mutex<[StationChange]>([])
    let table: RunTable

    init(
        _ graph: Graph,
        _ settings: RunSettings,
        _ source: GraphSource,
        _ readAgain: @escaping @Sendable ([StationChange]) -> CheckResult
    ) {
        self.source = source
        self.graph = graph
        self.readAgain = readAgain
        self.settings = settings
        showsTable = !settings.json && !settings.quiet && !settings.logsJSON && Terminal.talksToTerminal
        table = RunTable(colour: Terminal.talksInColour, width: Terminal.talkWidth)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        began = Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
        let log = RunLog(graph.name, began: began, isJSON: settings.logsJSON, least: settings.level)
        self.log = log
        var options = EngineOptions(epoch: began, files: DiskFiles()) { log.add($0) }
        options.seed = UInt64(settings.seed)
        tracer = settings.trace.map { _ in Tracer() }
        options.tracer = tracer
        recorder = settings.record.map { _ in
            RunRecorder(sources: graph.recordedSources, mostBytes: settings.recordSize.bytes)
        }
        options.recorder = recorder
        board = options.board
        let threads = graph.threads
        run = Run(
            graph.plan,
            options,
            workers: WorkerSettings(
                count: settings.workers ?? threads.workers,
                cores: threads.cores,
                nice: threads.nice
            )
        )
    }

    func perform() throws(UsageError) -> ExitCode {
        let signals = Signals { [run] in run.interrupt() }
        let trace = try startTrace()
        let recording = try startRecording()
        let servers = try startServers(signals)
        defer { servers.stop() }
        run.start()
        var imbalances: [String] = []
        let reason = drive(signals, &imbalances)
        let outcome = run.finish(dropping: reason)
        Screen.shared.clear()
        if let missing = trace?() { say(missing, .warning) }
        if let missing = recording?() { say(missing, .warning) }
        var report = RunReport(graph, outcome)
        (report.web, report.metrics) = (servers.web?.url, servers.metrics?.url)
        if let path = settings.report { try writeFile(report.json.text(pretty: true) + "\n", to: path) }
        if settings.json { Terminal.print(report.json.text(pretty: true)) }
        let cutOff = report.lost(reason)
        tell(
            report,
            imbalances
                + (cutOff > 0 ? ["\(counted(cutOff, "item")) had not come to the end, and \(wasCutOff(reason))"] : [])
        )
        if !imbalances.isEmpty || !report.imbalances.isEmpty || !report.troubles.isEmpty || cutOff > 0 {
            return .failed
        }
        return report.broken.isEmpty ? .success : .limitsBroken
    }

    /// Begins the trace that is asked for; what is returned ends it, and says what is missing.
    private func startTrace() throws(UsageError) -> (() -> String?)? {
        guard let tracer, let path = settings.trace else { return nil }
        do {
            let writer = try TraceFile(
                DiskFiles().open(path, .fresh),
                graph: graph.name,
                mostBytes: settings.traceSize.bytes
            )
            nonisolated(unsafe) let file = writer  // the thread has it until it is joined
            let thread = startThread(named: "pipe-trace") { file.follow(tracer) }
            return {
                tracer.end()
                thread.join()
                return writer.finish()
            }
        } catch {
            throw UsageError(message: "'\(path)' cannot be written: \(error)", code: .failed)
        }
    }

    /// Begins the recording that is asked for; what is returned ends it, and says what is missing.
    private func startRecording() throws(UsageError) -> (() -> String?)? {
        guard let recorder, let path = settings.record else { return nil }
        if let stage = graph.unrecordable {
            throw UsageError(
                message: "a run with '\(stage.name)' cannot be recorded: a \(stage.type.name) heeds the world",
                hint: "leave it out, or run without --record",
                code: .wrongGraph
            )
        }
        let file: any AppendableFile
        do {
            let texts = readAgain([]).files.files.map { ($0.name, $0.bytes) }
            let manifest = RecordingFolder.Manifest(
                graph: source.path == "-" ? "<stdin>" : source.path,
                params: source.params,
                seed: UInt64(settings.seed),
                epoch: began,
                texts: Dictionary(texts) { first, _ in first }
            )
            file = try RecordingFolder(path).begin(manifest, version: pipeVersion)
        } catch {
            throw UsageError(
                message: "the recording cannot be begun: \(error)",
                hint: "name a folder that is empty, or not there",
                code: .failed
            )
        }
        let failure = Mutex<String?>(nil)
        let thread = startThread(named: "pipe-record") {
            while let bytes = recorder.next() {
                do { try file.append(bytes) } catch { failure.withLock { $0 = $0 ?? "\(error)" } }
            }
        }
        return {
            recorder.end()
            thread.join()
            do { try file.close() } catch { failure.withLock { $0 = $0 ?? "\(error)" } }
            if let failure = failure.withLock({ $0 }) { return "the recording could not be written: \(failure)" }
            let (entries, problem) = recorder.outcome
            return problem.map { "the recording ends after \(grouped(entries)) entries: \($0)" }
        }
    }

    /// Serves the page that the graph or the command line asks for, before anything begins: an address that is taken ends
    /// the run before it has done anything.
    private func startServers(_ signals: Signals) throws(UsageError) -> RunServers {
        let watched = WatchedRun(
            graph,
            version: pipeVersion,
            board: board,
            workers: run.workers,
            began: began,
            numbers: { [run] in run.numbers },
            time: { [run] in run.time },
            isDraining: { signals.count > 0 },
            drain: { signals.ask(toStopAtOnce: false) },
            stop: { signals.ask(toStopAtOnce: true) }
        )
        var servers = RunServers()
        if let address = settings.web ?? graph.web?.listen.address {
            var limits = ServerSettings(host: address.host, port: address.port)
            limits.names = graph.web?.hosts ?? []
            limits.connections = graph.web?.connections ?? limits.connections
            let token = graph.web?.token?.reveal()
            servers.web = try RunServers.Started(RunServer(watched, .page(token: token)), limits)
        }
        if let address = settings.metrics {
            do throws(UsageError) {
                let limits = ServerSettings(host: address.host, port: address.port)
                servers.metrics = try RunServers.Started(RunServer(watched, .metrics), limits)
            } catch {
                servers.stop()
                throw error
            }
        }
        try startControl(watched, &servers)
        if !settings.quiet {
            if let url = servers.web?.url { say("the page of the run is at \(url)/") }
            if let url = servers.metrics?.url { say("numbers for monitors are at \(url)/metrics") }
        }
        return servers
    }

    /// A socket of the user's own is always there; where it cannot be made, the run goes on without.
    private func startControl(_ watched: WatchedRun, _ servers: inout RunServers) throws(UsageError) {
        let controlled = ControlledRun(
            watched,
            watch: { [run] in run.add($0, to: $1) },
            unwatch: { [run] in run.remove($0) },
            source: { [run] in run.sourceName($0) },
            setLevel: { [log] in log.setLeast($0) },
            change: { try self.change($0) }
        )
        var control = ControlServer.Settings(sockets: RunSockets(environment: Terminal.environment))
        if let address = settings.control {
            control.address = address
            control.token = Terminal.variable("PIPE_TOKEN").flatMap { $0.isEmpty ? nil : $0 }
            guard control.token != nil else {
                servers.stop()
                throw UsageError(
                    message: "'--control' lets who shows the token stop the run, and there is none",
                    hint: "set PIPE_TOKEN, here and where 'pipe top' is called"
                )
            }
        }
        do {
            servers.control = try ControlServer(controlled, control)
        } catch {
            guard settings.control == nil else {
                servers.stop()
                throw UsageError(message: "\(error)", code: .failed)
            }
            say("nobody can talk to this run: \(error)", .warning)
        }
    }

    private func wasCutOff(_ reason: DropReason) -> String {
        reason == .drainedLate ? "\(settings.drain.text) for draining were over" : "the run was stopped at once"
    }

    /// Waits for the end, shows how it goes, and stops when it is told to; returns what becomes of what is left.
    private func drive(_ signals: Signals, _ imbalances: inout [String]) -> DropReason {
        var earlier: RunNumbers?
        var shown = run.time
        var end = settings.duration
        var deadline: Duration?
        let interval: Duration = showsTable ? .milliseconds(500) : .seconds(10)
        while true {
            let next = [shown + interval, end, deadline].compactMap { $0 }.min() ?? .zero
            if run.wait(until: next) { return .cancelled }
            let now = run.time
            if signals.count > 1 { return .cancelled }
            if signals.takeReload() { reload() }
            if deadline == nil, signals.count > 0 || end.map({ now >= $0 }) ?? false {
                if signals.count > 0, !settings.quiet {
                    say("stopping: what is under way has \(settings.drain.text) to its end")
                }
                run.stop()
                deadline = now + settings.drain
                end = nil
            }
            if let deadline, now >= deadline { return .drainedLate }
            guard now - shown >= interval else { continue }
            shown = now
            let numbers = run.numbers
            if imbalances.isEmpty {
                imbalances = numbers.imbalances(hasEnded: false).map {
                    "after \(now.short) the books do not balance: \($0)"
                }
            }
            if !settings.quiet, !settings.json {
                if showsTable {
                    let heading = table.heading(graph.name, numbers, for: settings.duration)
                    Screen.shared.show("\(heading)\n\(table.text(numbers, since: earlier))")
                } else {
                    say(table.line(numbers, since: earlier, for: settings.duration))
                }
                earlier = numbers
            }
        }
    }

    /// Goes over to the graph as it stands in its file now, as far as its stations are concerned.
    private func reload() {
        let result = readAgain([])
        let text = TextReport(colour: Terminal.showsColour).text(result.findings, result.files)
        if !text.isEmpty { Terminal.complain(text) }
        guard let graph = result.graph else {
            return say("the graph is wrong now, and the run goes on as it was")
        }
        do {
            try run.adopt(graph.plan)
            changes.withLock { $0 = [] }
            say("read anew: stations of \(graph.name) are as in the file")
        } catch {
            say("the run goes on as it was: \(error)")
        }
    }

    /// Adds stations and takes some out, as somebody asked for who talks to the run.
    private func change(_ more: [StationChange]) throws {
        let wanted = changes.withLock { $0 } + more
        let result = readAgain(wanted)
        guard let graph = result.graph else {
            let finding = result.findings.first { $0.severity == .error }
            throw StageError("the graph would be wrong: \(finding?.message ?? "")", hint: finding?.help)
        }
        try run.adopt(graph.plan)
        changes.withLock { $0 = wanted }
        let words = more.map { "\($0.isAdded ? "added" : "took out") station \($0.station)" }
        say(words.joined(separator: ", "))
    }

    private func say(_ words: String, _ level: LogLevel = .info) { log.say(words, level, after: run.time) }

    /// The books, and what went wrong.
    private func tell(_ report: RunReport, _ problems: [String]) {
        let time = Duration.nanoseconds(report.numbers.at.nanoseconds).short
        let isBalanced = report.imbalances.isEmpty
        let ills =
            report.imbalances.map { "error: the books do not balance: \($0)" }
            + (report.troubles + problems).map { "error: \($0)" } + report.broken.map { "limit broken: \($0)" }
        if settings.logsJSON {
            for ill in ills { say(ill, .error) }
            return say("ended after \(time)\(isBalanced ? ", the books balance" : "")")
        }
        var lines: [String] = []
        if !settings.quiet, !settings.json {
            lines.append(table.text(report.numbers))
            if isBalanced { lines.append("\(graph.name): \(time), the books balance") }
        }
        if !(lines + ills).isEmpty { Terminal.complain((lines + ills).joined(separator: "\n")) }
    }
}

/// What is served of a run, and where.
private struct RunServers {
    struct Started {
        let server: RunServer
        let url: String

        init(_ server: RunServer, _ settings: ServerSettings) throws(UsageError) {
            do throws(HTTPServerError) {
                url = try server.start(settings)
                self.server = server
            } catch {
                throw UsageError(message: error.message, hint: error.hint, code: .failed)
            }
        }
    }

    var web: Started?
    var metrics: Started?
    var control: ControlServer?

    func stop() {
        control?.stop()
        web?.server.stop()
        metrics?.server.stop()
    }
}

extension RunReport {
    /// Items that were dropped for a reason, anywhere.
    func lost(_ reason: DropReason) -> Int {
        numbers.links.reduce(0) { $0 + $1.books.dropped[reason] }
            + numbers.stages.reduce(0) { $0 + $1.books.dropped[reason] }
    }
}
