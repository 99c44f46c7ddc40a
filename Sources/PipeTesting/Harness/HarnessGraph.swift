import PipeCore
import PipeGraph
import PipeKit

/// The graph that a stage under test stands in, as text: so that its options, its links and what the checker says of
/// them are those of a user.
struct HarnessGraph {
    private let text: String
    private let type: StageType

    init(_ harness: StageHarness, feeds: [String], outputs: [String]) {
        type = harness.type
        var lines = ["pipe: 1", "stages:"]
        for (copy, options) in harness.options.enumerated() {
            let suffix = Self.copySuffix(copy)
            let feeders = feeds.indices.map { Self.feeder($0, of: feeds) + suffix }
            lines += feeders.map { "  \($0): { type: \(FeedStage.name) }" }
            lines += ["  \(StageHarness.subject)\(suffix):", "    type: \"\(type.name)\""]
            if !feeds.isEmpty { lines.append("    from:") }
            for (feeder, input) in zip(feeders, feeds) {
                lines.append(
                    "      - \(feeder): { to: \(input)\(harness.inputLinks.isEmpty ? "" : ", ")\(harness.inputLinks) }"
                )
            }
            lines += options.split(separator: "\n").map { "    \($0)" }
            for output in outputs {
                for number in 0..<harness.fan {
                    let source = "\(StageHarness.subject)\(suffix).\(output): { \(harness.outputLinks) }"
                    lines.append(
                        "  take_\(output)\(Self.suffix(number))\(suffix): { type: \(TakeStage.name), from: { \(source) } }"
                    )
                }
            }
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// What tells the second copy of the stage and all around it from the first.
    static func copySuffix(_ copy: Int) -> String { copy == 0 ? "" : "_again" }

    /// What tells the second and later of a kind from the first.
    static func suffix(_ number: Int) -> String { number == 0 ? "" : "_\(number + 1)" }

    /// `feed_items`, and `feed_items_2` for the next that feeds the same input.
    static func feeder(_ number: Int, of inputs: [String]) -> String {
        "feed_\(inputs[number])\(suffix(inputs[..<number].count { $0 == inputs[number] }))"
    }

    func plan() throws -> Plan {
        let plugin = Plugin("Test", "What a test puts around a stage.", stages: [FeedStage.self, TakeStage.self])
        var options = CheckOptions(environment: [:])
        options.looksAtWorld = false
        let catalogue = Catalogue([plugin, Plugin(type)])
        let result = GraphChecker(catalogue: catalogue, options: options).check(text: text, name: "harness.yaml")
        guard let graph = result.graph else {
            throw StageError(TextReport(colour: false).text(result.findings, result.files))
        }
        return graph.plan
    }
}
