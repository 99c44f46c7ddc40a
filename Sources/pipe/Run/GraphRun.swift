import Glibc
import PipeCore
import PipeGraph
import PipeKit
import Synchronization

/// Where a graph was read from, and with which params.
struct GraphSource: Sendable {
    let path: String
    let params: [(name: String, value: String)]
    /// The texts of all its files, as they were read.
    let texts: [String: [UInt8]]
}

/// A graph that runs at a person's or a supervisor's command.
final class GraphRun: Sendable {
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
        let spans = startSpans()
        let servers = try startServers(signals)
        defer { servers.stop() }
        run.start()
        var imbalances: [String] = []
        let reason = drive(signals, &imbalances)
        let outcome = run.finish(dropping: reason)
        Screen.shared.clear()
        if let missing = trace?() { say(missing, .warning) }
        if let missing = spans?() { say(missing, .warning) }
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
    func change(_ more: [StationChange]) throws {
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

    func say(_ words: String, _ level: LogLevel = .info) { log.say(words, level, after: run.time) }

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

extension RunReport {
    /// Items that were dropped for a reason, anywhere.
    func lost(_ reason: DropReason) -> Int {
        numbers.links.reduce(0) { $0 + $1.books.dropped[reason] }
            + numbers.stages.reduce(0) { $0 + $1.books.dropped[reason] }
    }
}
