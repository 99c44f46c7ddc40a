extension Command {
    /// The whole command line.
    static let pipe: Command = .init(
        name: "pipe",
        summary: "Runs dataflow graphs written in YAML.",
        flags: [Flag(name: "version", summary: "Show the version.")],
        examples: [
            ("pipe run gate.yaml", "Runs a graph, shows how it goes, and prints its books at the end."),
            ("pipe test pipelines", "Runs the tests of graphs on virtual time."),
            ("pipe validate gate.yaml", "Finds every mistake of a graph, each with its place and a way out."),
            ("pipe top", "Watches a graph that runs."),
            ("pipe stages", "Lists what a graph can be made of."),
            ("pipe new graph generate/filter/jsonl_file > first.yaml", "Writes a graph to begin with."),
        ],
        subcommands: [
            .run, .test, .validate, .graph, .status, .top, .why, .tap, .stop, .stations, .log, .replay, .chaos, .bench,
            .mef,
            .stages,
            .new, .explain, .schema, .docs, .completions, .version, .help,
        ],
        run: { _ in
            Terminal.print("pipe \(pipeVersion)")
            return .success
        }
    )

    static let version: Command = .init(
        name: "version",
        summary: "Shows the version.",
        flags: [.json],
        run: { arguments in
            Terminal.print(
                arguments.has("json") ? "{\"name\":\"pipe\",\"version\":\"\(pipeVersion)\"}" : "pipe \(pipeVersion)"
            )
            return .success
        }
    )

    static let help: Command = .init(
        name: "help",
        summary: "Shows how a command is used.",
        operands: [Operand(name: "COMMAND", summary: "The command.", count: .any, completes: .commands)],
        run: { arguments throws(UsageError) in
            try CommandParser(root: .pipe).run(arguments.operands + ["--help"])
        }
    )
}
