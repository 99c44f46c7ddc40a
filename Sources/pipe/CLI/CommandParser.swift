import PipeKit

/// Sorts the words of a command line by the declaration of the commands.
struct CommandParser {
    let root: Command

    static let help = Flag(name: "help", short: "h", summary: "Show this help.")

    func run(_ words: [String]) throws(UsageError) -> ExitCode {
        var command = root
        var arguments = Arguments()
        var rest = words[...]
        while let word = rest.first, !word.hasPrefix("-"), !command.subcommands.isEmpty {
            guard let next = command.subcommands.first(where: { $0.name == word }) else {
                throw unknownCommand(word, in: command)
            }
            command = next
            arguments.path.append(word)
            rest = rest.dropFirst()
        }
        try parse(rest, for: command, into: &arguments)
        if arguments.has("help") || (!command.subcommands.isEmpty && !arguments.has("version")) {
            let isAsked = arguments.has("help") || words.isEmpty
            let text = HelpPage(command, path: arguments.path, width: Terminal.width).text
            if isAsked {
                Terminal.print(text)
                return .success
            }
            throw UsageError(
                message: "'pipe \(arguments.path.joined(separator: " "))' needs to know what",
                hint: "use one of \(command.subcommands.map(\.name).joined(separator: ", "))"
            )
        }
        try checkOperands(arguments, command)
        return try command.run(arguments)
    }

    private func parse(_ words: ArraySlice<String>, for command: Command, into arguments: inout Arguments)
        throws(UsageError)
    {
        var rest = words
        var takesFlags = true
        while let word = rest.popFirst() {
            if takesFlags, word == "--" {
                takesFlags = false
            } else if takesFlags, word.hasPrefix("-"), word != "-" {
                try parse(flag: word, &rest, command, into: &arguments)
            } else {
                arguments.operands.append(word)
            }
        }
    }

    private func parse(
        flag word: String,
        _ rest: inout ArraySlice<String>,
        _ command: Command,
        into arguments: inout Arguments
    ) throws(UsageError) {
        let (name, attached) = split(word)
        let flags = command.flags + [Self.help]
        let found = flags.first { flag in
            word.hasPrefix("--") ? "--\(flag.name)" == name : flag.short.map { "-\($0)" } == name
        }
        guard let flag = found else {
            let names = flags.map { "--\($0.name)" }
            let best = Suggestion.best(for: name, among: names)
            throw UsageError(
                message: "'pipe \(arguments.path.joined(separator: " "))' has no flag '\(name)'",
                hint: best.map { "did you mean '\($0)'?" } ?? "flags: \(names.joined(separator: ", "))"
            )
        }
        guard let placeholder = flag.value else {
            if attached != nil { throw UsageError(message: "'--\(flag.name)' takes no value", hint: "remove the '='") }
            arguments.flags.insert(flag.name)
            return
        }
        guard let value = attached ?? rest.popFirst() else {
            throw UsageError(message: "'--\(flag.name)' needs a value", hint: "write '--\(flag.name) \(placeholder)'")
        }
        if !flag.choices.isEmpty, !flag.choices.contains(value) {
            let best = Suggestion.best(for: value, among: flag.choices)
            throw UsageError(
                message: "'\(value)' is not a value of '--\(flag.name)'",
                hint: (best.map { "did you mean '\($0)'? " } ?? "") + "(\(flag.choices.joined(separator: ", ")))"
            )
        }
        if arguments.values[flag.name] != nil, !flag.repeats {
            throw UsageError(message: "'--\(flag.name)' stands here twice", hint: "keep one")
        }
        arguments.values[flag.name, default: []].append(value)
    }

    /// `--set=x` is `--set` and `x`.
    private func split(_ word: String) -> (name: String, value: String?) {
        guard word.hasPrefix("--"), let sign = word.firstIndex(of: "=") else { return (word, nil) }
        return (String(word[..<sign]), String(word[word.index(after: sign)...]))
    }

    private func checkOperands(_ arguments: Arguments, _ command: Command) throws(UsageError) {
        let least = command.operands.count { $0.count == .one || $0.count == .several }
        let takesSeveral = command.operands.contains { $0.count == .several || $0.count == .any }
        let usage = HelpPage(command, path: arguments.path, width: 80).usage
        if arguments.operands.count < least {
            let missing = command.operands[arguments.operands.count]
            throw UsageError(message: "\(missing.name) is missing: \(missing.summary)", hint: usage)
        }
        if !takesSeveral, arguments.operands.count > command.operands.count {
            throw UsageError(
                message: "'\(arguments.operands[command.operands.count])' is one word too many",
                hint: usage
            )
        }
    }

    private func unknownCommand(_ word: String, in command: Command) -> UsageError {
        let names = command.subcommands.map(\.name)
        let foreign = [
            "check": "validate", "lint": "validate", "dot": "graph", "draw": "graph", "list": "stages", "ls": "stages",
        ]
        let best = Suggestion.best(for: word, among: names) ?? foreign[word].flatMap { names.contains($0) ? $0 : nil }
        return UsageError(
            message: "there is no command '\(shortened(word))'",
            hint: best.map { "did you mean '\($0)'? ('pipe help' lists all)" }
                ?? "commands: \(names.joined(separator: ", "))"
        )
    }
}
