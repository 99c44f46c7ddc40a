public import PipeCore
public import PipeKit

/// A stage type as `pipe stages NAME` shows it.
public struct StageCard {
    private let type: StageType

    public init(_ type: StageType) { self.type = type }

    public var text: String {
        var rows: [(String, String)] = []
        for port in type.inputs {
            rows.append(("in   \(port.name)", "\(port.payloadText)\(arity(port)). \(port.summary)"))
        }
        for port in type.outputs {
            rows.append(("out  \(port.name)", "\(port.payloadText)\(arity(port)). \(port.summary)"))
        }
        for option in type.fields.options { rows += lines(option, indent: "") }
        let width = rows.map(\.0.count).max() ?? 0
        var out = "\(type.name)    \(type.info.summary)\n"
        for (name, text) in rows {
            out += "  \(name)\(String(repeating: " ", count: width - name.count))  \(text)\n"
        }
        out += "\nExample\n"
        for line in type.example(named: "my_\(type.name)").split(separator: "\n") { out += "  \(line)\n" }
        return out
    }

    private func arity(_ port: PortSpec) -> String {
        switch port.arity {
        case .required: ""
        case .optional: ", may be left unlinked"
        case .many: ", any number of links"
        }
    }

    private func lines(_ option: OptionSpec, indent: String) -> [(String, String)] {
        var rows = [(indent + option.name, "\(option.facts). \(option.summary)")]
        if case .choice(let cases) = option.kind {
            rows += cases.map { ("\(indent)  \($0.name)", $0.summary) }
        }
        if case .block(let fields) = option.kind {
            for inner in fields.options { rows += lines(inner, indent: indent + "  ") }
        }
        return rows
    }
}

extension StageType {
    /// The example of the type as it stands in a graph.
    public func example(named name: String) -> String {
        let body = info.example.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        return "\(name):\n  type: \(self.name)" + (body.isEmpty ? "" : "\n\(body)")
    }

    /// Everything about the type, for programs.
    public var json: JSON {
        .compact([
            "name": .string(name),
            "summary": .string(info.summary),
            "inputs": .array(inputs.map(\.json)),
            "outputs": .array(outputs.map(\.json)),
            "options": .array(fields.options.map(\.json)),
            "example": .string(example(named: "my_\(name)")),
        ])
    }
}

extension PortSpec {
    fileprivate var json: JSON {
        let count =
            switch arity {
            case .required: "required"
            case .optional: "optional"
            case .many: "many"
            }
        return [
            "name": .string(name), "payload": .string(payloadText), "links": .string(count),
            "summary": .string(summary),
        ]
    }
}

extension OptionSpec {
    /// `integer, 2...10000, default 30`
    var facts: String {
        var parts = [kind.name]
        if let bounds { parts.append(bounds.text) }
        if let defaultText { parts.append("default \(defaultText)") }
        if isRequired { parts.append("required") }
        if let deprecated { parts.append("deprecated: \(deprecated.reason)") }
        return parts.joined(separator: ", ")
    }

    fileprivate var json: JSON {
        var choices: JSON?
        if case .choice(let cases) = kind {
            choices = .array(cases.map { ["name": .string($0.name), "summary": .string($0.summary)] })
        }
        var options: JSON?
        if case .block(let fields) = kind { options = .array(fields.options.map(\.json)) }
        return .compact([
            "name": .string(name),
            "type": .string(kind.name),
            "summary": .string(summary),
            "required": .bool(isRequired),
            "range": bounds.map { .string($0.text) },
            "default": defaultText.map { .string($0) },
            "deprecated": deprecated.map { .string($0.reason) },
            "choices": choices,
            "options": options,
        ])
    }
}
