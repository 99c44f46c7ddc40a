import PipeGraph
import PipeKit

/// Completion for shells, made of the declaration of the commands.
struct CompletionScript {
    private struct Row {
        var path: [String]
        var command: Command
    }

    private let rows: [Row]

    init(_ root: Command) {
        func walk(_ command: Command, _ path: [String]) -> [Row] {
            [Row(path: path, command: command)] + command.subcommands.flatMap { walk($0, path + [$0.name]) }
        }
        rows = walk(root, [])
    }

    private static func flags(_ command: Command) -> [Flag] { command.flags + [CommandParser.help] }

    private static func words(_ completes: Completes) -> [String] {
        switch completes {
        case .stageTypes: pipeCatalogue.names
        case .codes: Explanation.all.map(\.code)
        case .commands: Command.pipe.subcommands.map(\.name)
        case .nothing, .graphs, .files, .directories: []
        }
    }

    /// The words that may stand at an operand of a command.
    private static func operands(_ command: Command) -> [String] {
        command.name == "completions" ? ["bash", "zsh", "fish"] : command.operands.flatMap { words($0.completes) }
    }

    private static func takesFiles(_ command: Command) -> Bool {
        command.operands.contains { [.graphs, .files].contains($0.completes) }
    }

    // MARK: bash

    var bash: String {
        var cases = ""
        for row in rows {
            let flags = Self.flags(row.command)
            let words = row.command.subcommands.map(\.name) + Self.operands(row.command) + flags.map { "--\($0.name)" }
            let values = flags.filter { $0.value != nil }.map { flag in
                let choices = flag.choices + Self.words(flag.completes)
                let reply =
                    choices.isEmpty
                    ? "_filedir_or_default"
                    : "COMPREPLY=($(compgen -W '\(choices.joined(separator: " "))' -- \"$cur\"))"
                return "      --\(flag.name)\(flag.short.map { "|-\($0)" } ?? "")) \(reply); return ;;\n"
            }
            cases += "    '\(row.path.joined(separator: " "))')\n"
            if !values.isEmpty { cases += "      case \"$prev\" in\n\(values.joined())      esac\n" }
            cases += "      COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$cur\"))\n"
            if Self.takesFiles(row.command) {
                cases +=
                    "      [[ $cur == -* ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n"
            }
            cases += "      ;;\n"
        }
        let paths = rows.map { "'\($0.path.joined(separator: " "))'" }.joined(separator: "|")
        return """
            # bash completion for pipe
            _filedir_or_default() { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
            _pipe() {
              local cur prev path word candidate
              COMPREPLY=()
              cur="${COMP_WORDS[COMP_CWORD]}"
              prev="${COMP_WORDS[COMP_CWORD-1]}"
              path=''
              for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                candidate="${path:+$path }$word"
                case "$candidate" in
                  \(paths)) path="$candidate" ;;
                esac
              done
              case "$path" in
            \(cases)  esac
            }
            complete -o filenames -F _pipe pipe ./pipe

            """
    }

    // MARK: zsh

    var zsh: String {
        func quoted(_ text: String) -> String {
            text.replacing("'", with: "'\\''").replacing(":", with: "\\:").replacing("[", with: "\\[").replacing(
                "]",
                with: "\\]"
            )
        }
        var cases = ""
        for row in rows {
            var specs = Self.flags(row.command).map { flag in
                let values = flag.choices + Self.words(flag.completes)
                let value =
                    flag.value.map { ":\($0):\(values.isEmpty ? "_files" : "(\(values.joined(separator: " ")))")" }
                    ?? ""
                return
                    "'\(flag.repeats ? "*" : "")--\(flag.name)\(value.isEmpty ? "" : "=")[\(quoted(flag.summary))]\(value)'"
            }
            let words = Self.operands(row.command)
            if !row.command.subcommands.isEmpty {
                specs.append(
                    "'1:command:((\(row.command.subcommands.map { "\($0.name)\\:\"\(quoted($0.summary))\"" }.joined(separator: " "))))'"
                )
            } else if !words.isEmpty {
                specs.append("'*:\(row.command.operands[0].name):(\(words.joined(separator: " ")))'")
            } else if Self.takesFiles(row.command) {
                specs.append("'*:file:_files'")
            }
            cases += "    '\(row.path.joined(separator: " "))') _arguments \(specs.joined(separator: " ")) ;;\n"
        }
        let paths = rows.map { "'\($0.path.joined(separator: " "))'" }.joined(separator: "|")
        return """
            #compdef pipe
            _pipe() {
              local joined='' word candidate skip=1 i
              for (( i = 2; i < CURRENT; i++ )); do
                candidate="${joined:+$joined }${words[i]}"
                case "$candidate" in
                  \(paths)) joined="$candidate"; skip=$i ;;
                esac
              done
              words=("${words[1]}" "${(@)words[skip+1,-1]}")
              (( CURRENT -= skip - 1 ))
              case "$joined" in
            \(cases)  esac
            }
            if [[ "$funcstack[1]" = _pipe ]]; then _pipe "$@"; else compdef _pipe pipe; fi

            """
    }

    // MARK: fish

    var fish: String {
        func quoted(_ text: String) -> String { "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'" }
        var out = "# fish completion for pipe\ncomplete -c pipe -f\n"
        for row in rows {
            let command = row.command
            let condition: String
            if row.path.isEmpty {
                condition = "__fish_use_subcommand"
            } else {
                let seen = row.path.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
                let deeper = command.subcommands.map(\.name)
                condition =
                    seen
                    + (deeper.isEmpty ? "" : "; and not __fish_seen_subcommand_from \(deeper.joined(separator: " "))")
            }
            let start = "complete -c pipe -n \(quoted(condition))"
            for inner in command.subcommands { out += "\(start) -a \(inner.name) -d \(quoted(inner.summary))\n" }
            for word in Self.operands(command) { out += "\(start) -a \(quoted(word))\n" }
            if Self.takesFiles(command) { out += "\(start) -F\n" }
            for flag in Self.flags(command) {
                out += "\(start) -l \(flag.name)\(flag.short.map { " -s \($0)" } ?? "") -d \(quoted(flag.summary))"
                if flag.value != nil {
                    let values = flag.choices + Self.words(flag.completes)
                    out += values.isEmpty ? " -r -F" : " -x -a \(quoted(values.joined(separator: " ")))"
                }
                out += "\n"
            }
        }
        return out
    }
}
