import PipeCore

/// The numbers of a run as monitors read them: Prometheus text, or OpenMetrics for who asks for that.
///
/// The number of series is bounded by the graph: each stage copy and each link has a fixed number of them, and where there
/// are many copies, those of a stage are taken together.
struct Metrics {
    enum Format {
        case prometheus, openMetrics

        var type: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        init(accepted header: String?) {
            self = header?.contains("application/openmetrics-text") ?? false ? .openMetrics : .prometheus
        }
    }

    /// With more stage copies or links than this the stations are not told apart.
    static let mostCopies = 256

    private enum Kind: String { case counter, gauge, histogram, info }
    private typealias Labels = [(name: String, value: String)]

    private let format: Format
    private var out = ""

    static func text(
        _ numbers: RunNumbers,
        graph: String,
        version: String,
        isDraining: Bool,
        clients: Int,
        _ format: Format
    ) -> String {
        let isLarge = numbers.stages.count > mostCopies || numbers.links.count > mostCopies
        var metrics = Metrics(format: format)
        metrics.write(isLarge ? numbers.merged : numbers, graph, version, isDraining, clients)
        if format == .openMetrics { metrics.out += "# EOF\n" }
        return metrics.out
    }

    private init(format: Format) { self.format = format }

    private mutating func write(
        _ numbers: RunNumbers,
        _ graph: String,
        _ version: String,
        _ isDraining: Bool,
        _ clients: Int
    ) {
        family("pipe_run", .info, "The graph that runs.")
        sample("pipe_run_info", [("graph", graph), ("version", version)], "1")
        gauge("pipe_run_seconds", "Time since the run began.", [([], number((numbers.at - .zero).seconds))])
        gauge("pipe_run_draining", "1 when the sources were told to make no more.", [([], isDraining ? "1" : "0")])
        gauge("pipe_web_streams", "Streams of the page that are open.", [([], "\(clients)")])
        let isBalanced = numbers.imbalances(hasEnded: false).isEmpty
        gauge("pipe_books_balanced", "1 while every item is accounted for.", [([], isBalanced ? "1" : "0")])

        let stages = numbers.stages.map { ($0, labels("stage", $0.name, $0.station)) }
        counter("pipe_stage_items_in", "Items that a stage took.", stages.map { ($1, "\($0.books.in)") })
        counter(
            "pipe_stage_items_out",
            "Items that it sent, over all outputs.",
            stages.map { ($1, "\($0.books.sent)") }
        )
        counter("pipe_stage_items_made", "Items that it made anew.", stages.map { ($1, "\($0.books.made)") })
        counter("pipe_stage_items_done", "Items that it was done with.", stages.map { ($1, "\($0.books.done)") })
        counter("pipe_stage_items_failed", "Items that it failed on.", stages.map { ($1, "\($0.books.failed)") })
        counter(
            "pipe_stage_items_dropped",
            "Items that it dropped, by reason.",
            stages.flatMap { stage, labels in drops(stage.books.dropped, labels) }
        )
        gauge("pipe_stage_items_held", "Items that it keeps.", stages.map { ($1, "\($0.books.held)") })
        counter("pipe_stage_restarts", "How often it was started anew.", stages.map { ($1, "\($0.restarts)") })
        counter("pipe_stage_stalls", "How often nothing came for too long.", stages.map { ($1, "\($0.stalls)") })
        counter("pipe_stage_busy_seconds", "Time that it worked.", stages.map { ($1, number($0.busy.seconds)) })
        gauge(
            "pipe_stage_state",
            "1 for the state that it is in.",
            stages.flatMap { stage, labels in
                StageNumbers.State.allCases.map { state in
                    (labels + [("state", state.rawValue)], stage.state == state ? "1" : "0")
                }
            }
        )
        histogram("pipe_stage_wait_seconds", "From being sent to being taken.", stages.map { ($1, $0.wait) })
        histogram("pipe_stage_work_seconds", "The work on one item.", stages.map { ($1, $0.service) })

        let links = numbers.links.map { ($0, labels("link", $0.name, $0.station)) }
        counter("pipe_link_items_in", "Items that came into a link.", links.map { ($1, "\($0.books.in)") })
        counter("pipe_link_items_out", "Items that left it.", links.map { ($1, "\($0.books.out)") })
        counter(
            "pipe_link_items_dropped",
            "Items that it dropped, by reason.",
            links.flatMap { link, labels in drops(link.books.dropped, labels) }
        )
        gauge("pipe_link_items_held", "Items that wait in it.", links.map { ($1, "\($0.books.held)") })
        gauge("pipe_link_capacity", "Items that it has room for.", links.map { ($1, "\($0.capacity)") })
        gauge("pipe_link_bytes", "Bytes that wait in it.", links.map { ($1, "\($0.bytes)") })

        // Each source with each sink may be many; taken together they are at most as many as the graph's stages allow.
        let paths = numbers.paths.count > Self.mostCopies ? numbers.merged.paths : numbers.paths
        histogram(
            "pipe_latency_seconds",
            "From capture at a source to arrival at a sink.",
            paths.map { ([("source", $0.source), ("sink", $0.sink)], $0.latency) }
        )
    }

    private func labels(_ what: String, _ name: String, _ station: String) -> Labels {
        [(what, name), ("station", station)]
    }

    /// All reasons, so that a rate over one that has not come yet begins at 0.
    private func drops(_ counts: DropCounts, _ labels: Labels) -> [(Labels, String)] {
        DropReason.allCases.map { (labels + [("reason", $0.rawValue)], "\(counts[$0])") }
    }

    // MARK: The text

    private mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        switch (kind, format) {
        case (.info, .prometheus): head("\(name)_info", "gauge", help)
        case (.counter, .prometheus): head("\(name)_total", "counter", help)
        default: head(name, kind.rawValue, help)
        }
    }

    private mutating func head(_ name: String, _ kind: String, _ help: String) {
        out += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }

    private mutating func counter(_ name: String, _ help: String, _ samples: [(Labels, String)]) {
        family(name, .counter, help)
        for (labels, value) in samples { sample("\(name)_total", labels, value) }
    }

    private mutating func gauge(_ name: String, _ help: String, _ samples: [(Labels, String)]) {
        family(name, .gauge, help)
        for (labels, value) in samples { sample(name, labels, value) }
    }

    private mutating func histogram(_ name: String, _ help: String, _ samples: [(Labels, Histogram)]) {
        family(name, .histogram, help)
        for (labels, histogram) in samples {
            for bound in Self.bounds {
                let edge = number(Double(1 << bound) * 1e-9)
                sample("\(name)_bucket", labels + [("le", edge)], "\(histogram.count(below: 1 << bound))")
            }
            sample("\(name)_bucket", labels + [("le", "+Inf")], "\(histogram.count)")
            sample("\(name)_sum", labels, number(Double(histogram.sum) * 1e-9))
            sample("\(name)_count", labels, "\(histogram.count)")
        }
    }

    /// Powers of two, in nanoseconds, where the engine's own histograms have edges: 1 µs, 16 µs, 131 µs, 1 ms, 8 ms,
    /// 67 ms, 0.5 s, 4 s, 34 s.
    private static let bounds = [10, 14, 17, 20, 23, 26, 29, 32, 35]

    private mutating func sample(_ name: String, _ labels: Labels, _ value: String) {
        out += name
        if !labels.isEmpty {
            out += "{"
            for (place, label) in labels.enumerated() {
                out += "\(place > 0 ? "," : "")\(label.name)=\"\(escaped(label.value))\""
            }
            out += "}"
        }
        out += " \(value)\n"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    private func number(_ value: Double) -> String { value.isFinite ? String(value) : "0.0" }
}
