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
