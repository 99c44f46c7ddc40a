/// The help of a command, laid out for a width.
struct HelpPage {
    private let command: Command
    private let path: [String]
    private let width: Int

    init(_ command: Command, path: [String], width: Int) {
        self.command = command
        self.path = path
        self.width = min(max(width, 40), 100)
    }

    /// `pipe validate GRAPH… [--strict] …`
    var usage: String {
        var words = ["usage: pipe"] + path
        if !command.subcommands.isEmpty { words.append("COMMAND") }
        for operand in command.operands {
            switch operand.count {
            case .one: words.append(operand.name)
            case .optional: words.append("[\(operand.name)]")
            case .several: words.append("\(operand.name)…")
            case .any: words.append("[\(operand.name)…]")
            }
        }
        if !command.flags.isEmpty { words.append("[flags]") }
        return words.joined(separator: " ")
    }

    var text: String {
        var out = "\(command.summary.wrapped(to: width))\n\n\(usage)\n"
        // One paragraph, however its lines are broken in the source.
        let details = command.details.split(separator: "\n").joined(separator: " ")
        if !details.isEmpty { out += "\n\(details.wrapped(to: width))\n" }
        out += section("Commands", command.subcommands.map { ($0.name, $0.summary) })
        out += section("Arguments", command.operands.map { ($0.name, $0.summary) })
        out += section("Flags", (command.flags + [CommandParser.help]).map { ($0.usage, $0.summary) })
        if !command.examples.isEmpty {
            out += "\nExamples\n"
            for example in command.examples {
                out += "  \(example.command)\n\(example.does.wrapped(to: width, indent: 6))\n"
            }
        }
        return out
    }

    private func section(_ title: String, _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let column = min(28, (rows.map(\.0.count).max() ?? 0) + 4)
        var out = "\n\(title)\n"
        for (name, summary) in rows {
            let text = summary.wrapped(to: width, indent: column)
            if name.count + 4 > column {
                out += "  \(name)\n\(text)\n"
            } else {
                out += "  \(name)" + text.dropFirst(name.count + 2) + "\n"
            }
        }
        return out
    }
}

extension Flag {
    /// `-o, --output FILE`
    var usage: String {
        let name = "--\(name)" + (value.map { " \(choices.isEmpty ? $0 : choices.joined(separator: "|"))" } ?? "")
        return short.map { "-\($0), \(name)" } ?? name
    }
}
