public import PipeCore

/// A trace of a run as Chrome and Perfetto read it: the Trace Event Format, one event a line, so that a file that was cut off
/// can still be read.
///
/// Steps of stages stand on the threads that made them. Waits are spans of their own, since many items wait at once; drops
/// and restarts are marks. Its totals are those of the books, or `otherData` says how many events are missing.
public final class TraceFile {
    private let file: any AppendableFile
    private let most: Int
    private var written = 0
    private var leftOut = 0
    private var missed = 0
    private var threads: Set<Int> = []
    private var waits = 0
    private var problem: (any Error)?
    private var hasEvents = false

    /// Begins a file. Beyond so many bytes no more events are written.
    public init(_ file: any AppendableFile, graph: String, mostBytes: Int) throws {
        self.file = file
        most = mostBytes
        try put("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")
        try put(
            Self.line([
                "ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": ["name": .string("pipe \(graph)")],
            ])
        )
    }

    private static func line(_ json: JSON) -> String { json.text() }

    private func put(_ text: String) throws {
        let bytes = Array(text.utf8)
        try file.append(bytes)
        written += bytes.count
    }

    /// Writes what a tracer has noted until it is ended. What cannot be written is counted, and told at the end.
    public func follow(_ tracer: Tracer) {
        while let (events, missed) = tracer.next() {
            self.missed = missed
            write(events)
        }
    }

    public func write(_ events: [TraceEvent]) {
        guard problem == nil else {
            leftOut += events.count
            return
        }
        var text = ""
        for event in events {
            guard written + text.utf8.count < most else {
                leftOut += 1
                continue
            }
            name(event.thread, &text)
            for line in lines(event) { text += ",\n\(Self.line(line))" }
        }
        do { try put(text) } catch {
            problem = error
            leftOut += events.count
        }
    }

    private func name(_ thread: Int, _ text: inout String) {
        guard threads.insert(thread).inserted else { return }
        let name = "worker \(threads.count)"
        text +=
            ",\n"
            + Self.line([
                "ph": "M", "pid": 1, "tid": .integer(thread), "name": "thread_name", "args": ["name": .string(name)],
            ])
    }

    private func lines(_ event: TraceEvent) -> [JSON] {
        func microseconds(_ nanoseconds: Int) -> JSON { .number(Double(nanoseconds) / 1000) }
        let (begin, tid) = (microseconds(event.begin), JSON.integer(event.thread))
        let name = JSON.string(event.name)
        switch event.kind {
        case .step(let took, let made, let sent, let dropped, let failed):
            return [
                [
                    "ph": "X", "cat": "step", "name": name, "pid": 1, "tid": tid, "ts": begin,
                    "dur": microseconds(event.end - event.begin),
                    "args": [
                        "took": .integer(took), "made": .integer(made), "sent": .integer(sent),
                        "dropped": .integer(dropped), "failed": .integer(failed),
                    ],
                ]
            ]
        case .wait(let items):
            waits += 1
            let id = JSON.integer(waits)
            return [
                [
                    "ph": "b", "cat": "wait", "name": name, "id": id, "pid": 1, "tid": tid, "ts": begin,
                    "args": ["items": .integer(items)],
                ],
                [
                    "ph": "e", "cat": "wait", "name": name, "id": id, "pid": 1, "tid": tid,
                    "ts": microseconds(event.end),
                ],
            ]
        case .drop(let reason, let items):
            return [mark("drop", reason.rawValue, event, items)]
        case .cancelled(let items): return [mark("end", "cut off", event, items)]
        case .restarted: return [mark("restart", "restarted", event, 1)]
        }
    }

    private func mark(_ category: String, _ what: String, _ event: TraceEvent, _ items: Int) -> JSON {
        [
            "ph": "i", "s": "t", "cat": .string(category), "name": .string("\(event.name): \(what)"), "pid": 1,
            "tid": .integer(event.thread), "ts": .number(Double(event.begin) / 1000),
            "args": ["of": .string(event.name), "what": .string(what), "items": .integer(items)],
        ]
    }

    /// Ends the file, and says in words what is missing in it; nil where it is whole.
    public func finish() -> String? {
        let missing = leftOut + missed
        do {
            try put("\n],\"otherData\":{\"left_out\":\(missing)}}\n")
            try file.close()
        } catch {
            problem = problem ?? error
        }
        if let problem { return "the trace could not be written: \(problem)" }
        return missing == 0 ? nil : "the trace is full: \(grouped(missing)) events are not in it"
    }
}
