public import PipeCore
import Synchronization

/// Sends what becomes known of items that are followed to a collector, as OTLP over HTTP in JSON, on a thread of its own.
///
/// Nothing of it reaches the graph: what the collector does not take in time is kept up to a bound, and what is beyond is left
/// out and counted.
public final class SpanExporter: Sendable {
    public struct Settings: Sendable {
        public var url: String
        /// Beside those that the protocol wants: what a collector in the net asks for to let one in.
        public var headers: [(name: String, value: String)] = []
        public var graph: String
        public var process: Int
        public var version: String
        /// When the run began: seconds since 1970.
        public var began: Double
        public var interval = Duration.milliseconds(500)

        public init(url: String, graph: String, process: Int, version: String, began: Double) {
            (self.url, self.graph, self.process, self.version, self.began) = (url, graph, process, version, began)
        }
    }

    /// Said when the collector cannot be reached or refuses, and when it takes spans again.
    public typealias Say = @Sendable (LogLevel, String) -> Void

    private let settings: Settings
    private let run: Run
    private let say: Say
    private let lock = Lock()
    private let changed = Lock.Condition()
    nonisolated(unsafe) private var hasEnded = false  // guarded by `lock`

    public init(_ settings: Settings, _ run: Run, say: @escaping Say) {
        (self.settings, self.run, self.say) = (settings, run, say)
    }

    /// Exports until `end`; then what is left. Returns how many spans were left out.
    public func follow() throws -> Int {
        let headers = [("Content-Type", "application/json")] + settings.headers.map { ($0.name, $0.value) }
        var work = Work(try PostClient(settings.url, headers: headers), settings, say)
        while !waitForNext() { work.turn(run, within: .seconds(5)) }
        work.finish(run)
        return work.leftOut
    }

    /// Waits for the next turn; true says that it is the last.
    private func waitForNext() -> Bool {
        lock.locked {
            if !hasEnded { changed.wait(lock, until: monotonicTime() + settings.interval.nanoseconds) }
            return hasEnded
        }
    }

    public func end() {
        lock.locked {
            hasEnded = true
            changed.broadcast()
        }
    }
}

/// What the thread of an exporter has in hand.
private struct Work {
    private let client: PostClient
    private let settings: SpanExporter.Settings
    private let say: SpanExporter.Say
    private var spans: Spans
    private var cursor = NoteCursor()
    /// Those that are still to be sent, oldest first.
    private var waiting: [JSON] = []
    private var lost = 0
    private var notBefore = 0
    private var pause = Duration.seconds(1)
    private var isInTrouble = false

    private static let mostWaiting = 20_000
    /// Spans of one request: some hundred KiB.
    private static let batch = 1000

    var leftOut: Int { lost + cursor.missed }

    init(_ client: PostClient, _ settings: SpanExporter.Settings, _ say: @escaping SpanExporter.Say) {
        (self.client, self.settings, self.say) = (client, settings, say)
        var chance = SystemRandomNumberGenerator()
        spans = Spans(began: Int(settings.began * 1e9), run: chance.next())
    }

    mutating func turn(_ run: Run, within time: Duration) {
        collect(run)
        while !waiting.isEmpty, monotonicTime() >= notBefore, send(within: time) {}
    }

    /// What is left at the end has two seconds.
    mutating func finish(_ run: Run) {
        collect(run)
        let deadline = monotonicTime() + 2_000_000_000
        while !waiting.isEmpty, monotonicTime() < deadline {
            guard send(within: .nanoseconds(deadline - monotonicTime())) else { break }
        }
        lost += waiting.count
        waiting = []
    }

    private mutating func collect(_ run: Run) {
        let notes = run.notes(&cursor)
        if !notes.allSatisfy(spans.knows) { spans.learn(run.numbers.links) }
        for note in notes {
            for span in spans.spans(note, source: run.sourceName(note.note.source)) {
                if waiting.count < Self.mostWaiting { waiting.append(span) } else { lost += 1 }
            }
        }
    }

    /// Sends one request; false where it is of no use to go on now.
    private mutating func send(within time: Duration) -> Bool {
        let count = min(Self.batch, waiting.count)
        switch client.post(Array(request(waiting.prefix(count)).text().utf8), within: time) {
        case .accepted:
            waiting.removeFirst(count)
            pause = .seconds(1)
            if isInTrouble { say(.info, "\(settings.url) takes spans again") }
            isInTrouble = false
            return true
        case .later(let why, let after):
            notBefore = monotonicTime() + max(pause, after).nanoseconds
            pause = min(pause * 2, .seconds(30))
            tell("\(settings.url) takes no spans now: \(why)")
            return false
        case .refused(let why):
            waiting.removeFirst(count)
            lost += count
            tell("\(settings.url) refuses spans: \(why)")
            return true
        }
    }

    /// Once, until it is well again.
    private mutating func tell(_ what: String) {
        if !isInTrouble { say(.warning, what) }
        isInTrouble = true
    }

    private func request(_ spans: some Collection<JSON>) -> JSON {
        func text(_ key: String, _ value: String) -> JSON {
            ["key": .string(key), "value": ["stringValue": .string(value)]]
        }
        return [
            "resourceSpans": [
                [
                    "resource": [
                        "attributes": [
                            text("service.name", settings.graph),
                            text("service.instance.id", "\(settings.graph).\(settings.process)"),
                            text("service.version", settings.version),
                            ["key": "process.pid", "value": ["intValue": .string("\(settings.process)")]],
                        ]
                    ],
                    "scopeSpans": [
                        [
                            "scope": ["name": "pipe", "version": .string(settings.version)],
                            "spans": .array(Array(spans)),
                        ]
                    ],
                ]
            ]
        ]
    }
}
