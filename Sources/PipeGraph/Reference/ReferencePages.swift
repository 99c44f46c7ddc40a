public import PipeKit

/// The Markdown pages that are made of declarations: one a stage, one for the language, one for the codes.
public struct ReferencePages {
    private let catalogue: Catalogue

    public init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    /// Each page with its path below `docs/`.
    public var pages: [(path: String, text: String)] {
        [("stages/README.md", index), ("language.md", language), ("codes.md", codes)]
            + catalogue.plugins.flatMap { plugin in
                plugin.stages.map { ("stages/\($0.name).md", page(of: $0, in: plugin)) }
            }
    }

    private static let mark = "<!-- Made by 'pipe docs'; change the declaration instead. -->\n\n"

    // MARK: Stages

    private var index: String {
        var out = "\(Self.mark)# Stages\n"
        for plugin in catalogue.plugins {
            out += "\n## \(plugin.name)\n\n\(plugin.summary)\n\n| Stage | In | Out | |\n|---|---|---|---|\n"
            for type in plugin.stages.sorted(by: { $0.name < $1.name }) {
                out +=
                    "| [\(type.name)](\(type.name).md) | \(ports(type.inputs)) | \(ports(type.outputs)) | \(type.info.summary) |\n"
            }
        }
        return out
    }

    private func ports(_ ports: [PortSpec]) -> String { ports.map { "`\($0.name)`" }.joined(separator: " ") }

    private func page(of type: StageType, in plugin: Plugin) -> String {
        var out = "\(Self.mark)# \(type.name)\n\n\(type.info.summary)\n"
        if !type.info.details.isEmpty { out += "\n\(type.info.details)\n" }
        out += "\n```yaml\n\(type.example(named: "my_\(type.name)"))\n```\n"
        if !type.inputs.isEmpty { out += "\n## Inputs\n\n\(table(type.inputs))" }
        if !type.outputs.isEmpty { out += "\n## Outputs\n\n\(table(type.outputs))" }
        out += "\n## Options\n\n"
        out += type.fields.options.isEmpty ? "It has none of its own.\n" : table(type.fields.options)
        out +=
            "\nBeside these it takes [what every stage may state](../language.md#a-stage). Part of the plugin \(plugin.name).\n"
        return out
    }

    private func table(_ ports: [PortSpec]) -> String {
        "| Port | Payload | Links | |\n|---|---|---|---|\n"
            + ports.map { port in
                let links =
                    switch port.arity {
                    case .required: "needed"
                    case .optional: "may be left out"
                    case .many: "any number"
                    }
                return "| `\(port.name)` | \(port.payloadText) | \(links) | \(port.summary) |\n"
            }.joined()
    }

    private func table(_ options: [OptionSpec]) -> String {
        "| Option | Type | Range | Default | |\n|---|---|---|---|---|\n" + rows(options, prefix: "")
    }

    private func rows(_ options: [OptionSpec], prefix: String) -> String {
        options.map { option in
            var text = option.summary
            if case .choice(let cases) = option.kind {
                text += cases.map { "<br>`\($0.name)`: \($0.summary)" }.joined()
            }
            if let deprecated = option.deprecated { text += " **Going away:** \(deprecated.reason)." }
            let standard = option.isRequired ? "*required*" : option.defaultText.map { "`\($0)`" } ?? ""
            let range = option.bounds.map { "`\($0.text)`" } ?? ""
            var row = "| `\(prefix)\(option.name)` | \(option.kind.name) | \(range) | \(standard) | \(cell(text)) |\n"
            if case .block(let fields) = option.kind { row += rows(fields.options, prefix: "\(prefix)\(option.name).") }
            return row
        }.joined()
    }

    private func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

    // MARK: The language

    private var language: String {
        let parts: [(String, String, Fields)] = [
            (
                "A graph", "The top of the file. A key that begins with `x-` may hold anything, such as anchors.",
                Fields.of(GraphFile.self)
            ),
            ("A param", "Under `params`, by name. `${params.NAME}` stands for its value.", Fields.of(ParamBlock.self)),
            (
                "A stage",
                "Under `stages`, by name: these, and the options of its [type](stages/README.md).",
                Fields.of(StageCommon.self)
            ),
            (
                "A link",
                "In the long form of `from`: `from: { camera.frames: { capacity: 8 } }`. The key is the source.",
                Fields.of(LinkOptions.self)
            ),
            ("Limits", "Under `limits`.", Fields.of(Limits.self)),
            (
                "An include", "In the list `include`: a file with `pipe`, `params`, `stages` and `include`.",
                Fields.of(Include.self)
            ),
            ("A test", "In the list `tests`.", Fields.of(GraphTest.self)),
            (
                "A feed", "Under `feed` of a test, by output: `feed: { camera.frames: { items: 90, rate: 30/s } }`.",
                Fields.of(Feed.self)
            ),
            ("A fault", "In the list `faults` of a test.", Fields.of(Fault.self)),
            ("An expectation", "In the list `expect` of a test.", Fields.of(Expectation.self)),
        ]
        var out =
            "\(Self.mark)# The graph language, key by key\n\nHow to write a graph, from the beginning: [graphs.md](graphs.md).\n"
        for (title, text, fields) in parts { out += "\n## \(title)\n\n\(text)\n\n\(table(fields.options))" }
        return out
    }

    // MARK: Codes

    private var codes: String {
        var out =
            "\(Self.mark)# Diagnostic codes\n\n`pipe explain CODE` shows each in a terminal. The names are promised.\n"
        for page in Explanation.all {
            out += "\n## \(page.code)\n\n*\(page.title)*\n\n\(page.text)\n\nWrong:\n\n```yaml\n\(page.wrong)\n```\n"
            out += "\nRight:\n\n```yaml\n\(page.right)\n```\n"
        }
        return out
    }
}
