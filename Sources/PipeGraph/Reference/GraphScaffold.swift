public import PipeKit

/// A graph to begin with: a chain of stage types, with the options of their examples.
public struct GraphScaffold {
    /// What keeps a chain from being written.
    public struct Problem: Error {
        public var message: String
        public var hint: String?
    }

    public let text: String

    public init(chain: [String], name: String, catalogue: Catalogue) throws(Problem) {
        guard chain.count > 1 else {
            throw Problem(message: "a graph has a source and a sink at least", hint: "write generate/null")
        }
        var types: [StageType] = []
        for word in chain {
            guard !word.isEmpty else {
                throw Problem(message: "a stage type is missing between two '/'", hint: "write generate/null")
            }
            guard let type = catalogue[word] else {
                let best = Suggestion.best(for: word, among: catalogue.names)
                throw Problem(
                    message: "there is no stage type '\(shortened(word))'",
                    hint: best.map { "did you mean '\($0)'?" } ?? "'pipe stages' lists the types"
                )
            }
            types.append(type)
        }
        for (index, type) in types.enumerated() {
            let sources = catalogue.stages.filter(\.isSource).map(\.name).joined(separator: ", ")
            if index == 0, !type.isSource {
                throw Problem(
                    message: "'\(type.name)' is no source, and a graph begins with one",
                    hint: "begin with \(sources)"
                )
            }
            if index > 0, type.isSource {
                throw Problem(message: "'\(type.name)' is a source, so nothing can lead to it", hint: "put it first")
            }
            if index < types.count - 1, type.outputs.isEmpty {
                throw Problem(message: "'\(type.name)' is a sink, so nothing can follow it", hint: "put it last")
            }
        }
        var out = """
            pipe: 1
            name: \(name)

            stages:

            """
        var previous: (name: String, type: StageType)?
        var used: [String: Int] = [:]
        for type in types {
            let count = (used[type.name] ?? 0) + 1
            used[type.name] = count
            let name = count == 1 ? type.name : "\(type.name)_\(count)"
            // `null` as a key would be no text for other YAML readers.
            let key = name == "null" ? "nothing" : name
            out += "  \(key):\n    type: \(type.name)\n"
            if let previous { out += Self.from(previous.name, previous.type, to: type) }
            for line in Self.options(of: type) { out += "    \(line)\n" }
            previous = (key, type)
        }
        if let last = previous, !last.type.isSink {
            out += "  nothing:\n    type: \"null\"\n" + Self.from(last.name, last.type, to: nil)
        }
        text = out
    }

    private static func from(_ name: String, _ type: StageType, to target: StageType?) -> String {
        let source = type.outputs.count > 1 ? "\(name).\(type.outputs[0].name)" : name
        guard let target, target.inputs.count > 1 else { return "    from: \(source)\n" }
        let links = target.inputs.filter { $0.arity != .optional }.map { "      - \(source): { to: \($0.name) }\n" }
        return "    from:\n\(links.joined())"
    }

    /// The lines of the type's example without its `from`.
    private static func options(of type: StageType) -> [Substring] {
        var isFrom = false
        return type.info.example.split(separator: "\n").filter { line in
            if !line.hasPrefix(" ") { isFrom = line.hasPrefix("from:") }
            return !isFrom
        }
    }
}
