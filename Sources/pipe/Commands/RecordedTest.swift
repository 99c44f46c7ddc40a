import PipeCore
import PipeGraph
import PipeKit

/// A test that a recorded run makes: what its links dropped, what its stages failed on, what came to its sinks.
struct RecordedTest {
    private let name: String
    private let recording: String
    private let numbers: RunNumbers

    init(name: String, _ folder: String, _ recorded: RecordedRun, _ outcome: RunOutcome) {
        self.name = name
        numbers = outcome.numbers.merged
        // A path in a graph starts from the graph's own folder.
        let whole = ResolvedPath(folder, from: ".").absolute
        let graph = ResolvedPath(recorded.manifest.graph, from: ".").absolute
        let home = graph[...(graph.lastIndex(of: "/") ?? graph.startIndex)]
        recording = whole.hasPrefix(home) ? String(whole.dropFirst(home.count)) : whole
    }

    var text: String {
        let expectations = links + stages + ["books: balanced"]
        return """
              - name: \(quoted(name))
                replay: \(quoted(recording))
                expect:
            \(expectations.map { "      - \($0)" }.joined(separator: "\n"))
            """
    }

    private var links: [String] {
        numbers.links.filter { !$0.isIntake && $0.books.dropped.total > 0 }.map { link in
            let reasons = link.books.dropped.nonZero.map { "\($0.reason.rawValue): \($0.count)" }
            return
                "{ link: \(quoted(link.name)), in: \(link.books.in), dropped: { \(reasons.joined(separator: ", ")) } }"
        }
    }

    private var stages: [String] {
        numbers.stages.compactMap { stage in
            var parts: [String] = []
            if stage.isSink { parts.append("in: \(stage.books.in)") }
            if stage.books.failed > 0 { parts.append("failed: \(stage.books.failed)") }
            if stage.restarts > 0 { parts.append("restarts: \(stage.restarts)") }
            return parts.isEmpty ? nil : "{ stage: \(stage.name), \(parts.joined(separator: ", ")) }"
        }
    }

    /// In single quotes nothing means anything to YAML but the quote.
    private func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
