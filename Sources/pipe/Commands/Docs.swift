import Glibc
import PipeGraph

extension Command {
    static let docs: Command = .init(
        name: "docs",
        summary: "Writes the reference: a page for each stage, the language, the codes, this command line.",
        operands: [Operand(name: "DIR", summary: "The directory to write to.", completes: .directories)],
        examples: [("pipe docs docs", "Makes the pages of pipe's own repository anew.")],
        run: { arguments throws(UsageError) in
            let root = arguments.operands.first ?? "docs"
            let pages = referencePages
            for directory in [root, "\(root)/stages"] where mkdir(directory, 0o755) != 0 && errno != EEXIST {
                throw UsageError(
                    message: "'\(directory)' cannot be made: \(String(cString: strerror(errno)).lowercased())"
                )
            }
            for (path, text) in pages { try writeFile(text, to: "\(root)/\(path)") }
            Terminal.complain("\(counted(pages.count, "page")) in \(root)")
            return .success
        }
    )

    /// Every page with its path below the directory.
    static var referencePages: [(path: String, text: String)] {
        ReferencePages(pipeCatalogue).pages + [("cli.md", commandLinePage)]
    }

    private static var commandLinePage: String {
        var out = """
            <!-- Made by 'pipe docs'; change the declaration instead. -->

            # The command line

            Data goes to standard output, talk about it to standard error. Colours show only on a terminal, and never
            with `NO_COLOR` set. Every list has `--json`.

            | Exit code | Means |
            |---|---|
            | 0 | It went well. |
            | 1 | Something failed that was not wrong before it began. |
            | 2 | The graph is wrong. |
            | 3 | The run broke one of the graph's limits. |
            | 64 | The command line is wrong. |

            """
        func add(_ command: Command, path: [String]) {
            let help = HelpPage(command, path: path, width: 100).text
            out += "\n## pipe \(path.joined(separator: " "))\n\n```\n\(help)\n```\n"
            for inner in command.subcommands { add(inner, path: path + [inner.name]) }
        }
        for command in Command.pipe.subcommands { add(command, path: [command.name]) }
        return out.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
