import Glibc
import Mef3
import PipeCore
import PipeGraph
import PipeKit

/// Writes a session as something else: a graph of two or three stages, and how far it is.
struct MefExport {
    private let graph: Graph
    private let target: String
    private let json: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        target = arguments.operands.count > 1 ? arguments.operands[1] : ""
        json = arguments.has("json")
        let session = try MefSession(arguments)
        guard let writer = Self.writers.first(where: { [target] in target.hasSuffix($0.suffix) }) else {
            throw UsageError(
                message: "'\(shortened(target))' does not say what is to be written",
                hint: "use a name that ends in \(Self.writers.map(\.suffix).joined(separator: ", "))"
            )
        }
        let skip = try arguments.duration("skip")
        let length = try arguments.duration("length")
        let names = arguments.values["channel"] ?? session.channels.map(\.name)
        let rates = Set(session.channels.filter { names.contains($0.name) }.map(\.metadata.samplingFrequency))
        // A table of several rates has a line for each value; a session keeps each channel as it is.
        let isAligned = writer.type != "mef_writer" && (rates.count == 1 || writer.type == "edf_file")
        if writer.type == "edf_file", rates.count > 1 {
            throw UsageError(
                message: "the channels have \(rates.count) rates, and EDF+ is written with one",
                hint: "choose some with --channel; 'pipe mef info' shows their rates",
                code: .failed
            )
        }
        var reader: [(String, JSON)] = [
            ("type", "mef_reader"), ("path", .string(arguments.operands[0])),
            ("layout", isAligned ? "aligned" : "channel"), ("block", "1s"), ("channels", .strings(names)),
        ]
        if let skip { reader.append(("skip", .string(skip.text))) }
        if let length { reader.append(("length", .string(length.text))) }
        if let secret = arguments.value("secret") { reader.append(("password", .string("${secret.\(secret)}"))) }
        var file: [(String, JSON)] = [("type", .string(writer.type)), ("from", "session"), ("path", .string(target))]
        if writer.type == "csv_file", !isAligned { file.append(("layout", "long")) }
        var stages: [(String, JSON)] = [("session", Self.map(reader))]
        if let rate = arguments.value("rate") {
            stages.append(("rate", Self.map([("type", "resample"), ("from", "session"), ("rate", .string(rate))])))
            file[1].1 = "rate"
        }
        stages.append(("file", Self.map(file)))
        let text = Self.map([("pipe", 1), ("name", "mef-export"), ("stages", Self.map(stages))]).text()
        let result = try GraphChecker(arguments).check(text: text, name: "export")
        guard let graph = result.graph else {
            let words = result.findings.map(\.message).joined(separator: "; ")
            throw UsageError(message: words, hint: result.findings.first?.help)
        }
        self.graph = graph
    }

    private static let writers = [(".csv", "csv_file"), (".edf", "edf_file"), (".mefd", "mef_writer")].map {
        (suffix: $0.0, type: $0.1)
    }

    private static func map(_ members: [(String, JSON)]) -> JSON { .object(members.map { .init($0.0, $0.1) }) }

    func perform() throws(UsageError) -> ExitCode {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let options = EngineOptions(epoch: Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9, files: DiskFiles()) {
            entry in
            // What failed for good is told at the end.
            if entry.level == .warning { Screen.shared.talk("\(entry.level.rawValue): \(entry.message)") }
        }
        let run = Run(graph.plan, options)
        let signals = Signals { run.interrupt() }
        run.start()
        let progress = ProgressBar("written")
        var hasStopped = false
        while !run.wait(until: run.time + .milliseconds(200)) {
            if signals.count > 1 { break }
            if signals.count > 0, !hasStopped {
                hasStopped = true
                run.stop()
            }
            progress.show(run.numbers.progress ?? 0)
        }
        progress.end()
        let report = RunReport(graph, run.finish(dropping: .cancelled))
        return tell(report, wasStopped: signals.count > 0)
    }

    private func tell(_ report: RunReport, wasStopped: Bool) -> ExitCode {
        let (reader, writer) = (report.numbers.stages.first?.books, report.numbers.stages.last?.books)
        let (damaged, blocks) = (reader?.failed ?? 0, writer?.done ?? 0)
        for trouble in report.troubles + report.imbalances { Terminal.complain("error: \(trouble)") }
        let isWhole = report.troubles.isEmpty && report.imbalances.isEmpty && damaged == 0 && !wasStopped
        if json {
            Terminal.print(
                JSON.object([
                    .init("file", .string(target)), .init("blocks", .integer(blocks)),
                    .init("damaged", .integer(damaged)), .init("complete", .bool(isWhole)),
                ]).text(pretty: true)
            )
        } else if report.troubles.isEmpty {
            let rest = damaged > 0 ? ", \(counted(damaged, "thing")) damaged" : ""
            Terminal.complain(
                "\(target): \(counted(blocks, "block")) written\(rest)\(wasStopped ? ", then stopped" : "")"
            )
        }
        return isWhole ? .success : .failed
    }
}
