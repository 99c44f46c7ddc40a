import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let stages: Command = .init(
        name: "stages",
        summary: "Lists the stage types, or shows one with its ports and options.",
        operands: [Operand(name: "NAME", summary: "A stage type.", count: .optional, completes: .stageTypes)],
        flags: [.json],
        run: { arguments throws(UsageError) in
            guard let name = arguments.operands.first else {
                Terminal.print(
                    arguments.has("json") ? JSON.array(pipeCatalogue.stages.map(\.json)).text(pretty: true) : list
                )
                return .success
            }
            guard let type = pipeCatalogue[name] else {
                let best = Suggestion.best(for: name, among: pipeCatalogue.names)
                throw UsageError(
                    message: "there is no stage type '\(shortened(name))'",
                    hint: best.map { "did you mean '\($0)'?" } ?? "'pipe stages' lists all"
                )
            }
            Terminal.print(arguments.has("json") ? type.json.text(pretty: true) : StageCard(type).text)
            return .success
        }
    )

    private static var list: String {
        let width = pipeCatalogue.names.map(\.count).max() ?? 0
        return pipeCatalogue.plugins.map { plugin in
            let rows = plugin.stages.sorted { $0.name < $1.name }.map { stage in
                "  \(stage.name)\(String(repeating: " ", count: width - stage.name.count))  \(stage.role)  \(stage.info.summary)\n"
            }
            return "\(plugin.name): \(plugin.summary)\n\(rows.joined())"
        }.joined(separator: "\n")
    }
}

extension StageType {
    /// What a stage is to a graph, at a width that lines up.
    fileprivate var role: String { isSource ? "source   " : outputs.isEmpty ? "sink     " : "transform" }
}
