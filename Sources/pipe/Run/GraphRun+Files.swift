import Glibc
import OTLP
import PipeCore
import PipeGraph
import PipeKit
import Synchronization

// What a run writes beside what its stages write.
extension GraphRun {
    /// Begins the trace that is asked for; what is returned ends it, and says what is missing.
    func startTrace() throws(UsageError) -> (() -> String?)? {
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

    /// Begins to send spans where that is asked for; what is returned ends it, and says what is missing.
    func startSpans() -> (() -> String?)? {
        guard let url = settings.collector else { return nil }
        var exporting = SpanExporter.Settings(
            url: url,
            graph: graph.name,
            process: Int(getpid()),
            version: pipeVersion,
            began: began
        )
        // As every exporter of OpenTelemetry does.
        exporting.headers = (Terminal.variable("OTEL_EXPORTER_OTLP_HEADERS") ?? "").split(separator: ",").compactMap {
            let parts = $0.split(separator: "=", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), decoded(parts[1])) : nil
        }
        let exporter = SpanExporter(exporting, run) { [self] level, text in say(text, level) }
        let result = Mutex<Result<Int, any Error>>(.success(0))
        let thread = startThread(named: "pipe-otlp") {
            let end = Result { try exporter.follow() }
            result.withLock { $0 = end }
        }
        return {
            exporter.end()
            thread.join()
            switch result.withLock({ $0 }) {
            case .success(0): return nil
            case .success(let count): return "\(counted(count, "span")) of items were left out"
            case .failure(let error): return "no spans were sent: \(error)"
            }
        }
    }

    /// A value as OpenTelemetry writes it, with `%20` for a blank.
    private func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                bytes.append(UInt8(digits[0] * 16 + digits[1]))
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        // A line of its own would be a header of its own.
        return String(decoding: bytes.filter { $0 >= 32 }, as: UTF8.self)
    }

    /// Begins the recording that is asked for; what is returned ends it, and says what is missing.
    func startRecording() throws(UsageError) -> (() -> String?)? {
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
            let manifest = RecordingFolder.Manifest(
                graph: source.path,
                params: source.params,
                seed: UInt64(settings.seed),
                epoch: began,
                texts: source.texts
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
}
