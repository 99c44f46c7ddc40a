import Glibc
import PipeCore
import PipeGraph
import RunControl

extension Command {
    static let graph: Command = .init(
        name: "graph",
        summary: "Draws a graph.",
        operands: [
            Operand(
                name: "GRAPH",
                summary: "The file of a graph; '-' is standard input.",
                count: .optional,
                completes: .graphs
            )
        ],
        flags: [
            Flag(
                name: "live",
                value: "RUN",
                summary: "Draw a graph that runs, with its numbers; what limits it is red."
            ),
            Flag(name: "dot", summary: "For Graphviz: the default, unless the ending of --output says otherwise."),
            Flag(name: "mermaid", summary: "For Mermaid, as Markdown viewers draw it."),
            Flag(name: "svg", summary: "As a picture, made by Graphviz."),
            Flag(name: "expand", summary: "Draw every station, however many there are."),
            .output, .offline, .set,
        ],
        examples: [
            ("pipe graph gate.yaml --svg -o gate.svg", "Draws a picture."),
            ("pipe graph gate.yaml --mermaid", "Writes text for a README."),
            ("pipe graph --live gate -o gate.svg", "Draws what runs."),
        ],
        run: { arguments throws(UsageError) in
            let formats = ["dot", "mermaid", "svg"].filter(arguments.has)
            guard formats.count <= 1 else {
                throw UsageError(
                    message: "'--\(formats[0])' and '--\(formats[1])' are two drawings",
                    hint: "choose one"
                )
            }
            let expands = arguments.has("expand")
            let ending = arguments.value("output")?.split(separator: ".").last ?? ""
            let format =
                formats.first ?? (ending == "svg" ? "svg" : ["mmd", "mermaid"].contains(ending) ? "mermaid" : "dot")
            let text: String
            switch (arguments.value("live"), arguments.operands.first) {
            case (let run?, nil): text = try liveDrawing(of: run, format)
            case (nil, let path?):
                guard let graph = try GraphChecker(arguments).graph(at: path) else { return .wrongGraph }
                text =
                    format == "mermaid" ? graph.mermaid(expandsStations: expands) : graph.dot(expandsStations: expands)
            case (nil, nil): throw UsageError(message: "GRAPH is missing", hint: "name a graph's file, or --live RUN")
            case (_?, _?): throw UsageError(message: "a file and '--live' are two graphs", hint: "choose one")
            }
            if format == "svg" { return try drawSVG(text, to: arguments.value("output")) }
            if let file = arguments.value("output") { try writeFile(text, to: file) } else { Terminal.print(text) }
            return .success
        }
    )

    /// The run draws itself: it knows its graph.
    private static func liveDrawing(of run: String, _ format: String) throws(UsageError) -> String {
        let client = try RunChoice().client(run)
        return try orUsage { () throws(ControlClient.Failure) in
            let answer = try client.ask("draw", ["format": .string(format == "mermaid" ? "mermaid" : "dot")])
            return answer.string ?? ""
        }
    }

    /// Has Graphviz draw.
    private static func drawSVG(_ dot: String, to file: String?) throws(UsageError) -> ExitCode {
        switch run(["dot", "-Tsvg"] + (file.map { ["-o", $0] } ?? []), input: dot) {
        case 0: return .success
        case nil:
            Terminal.complain("error: Graphviz is not here, and it is what draws SVG")
            Terminal.complain("  help: install it (apt-get install graphviz), or use --mermaid or --dot")
        case let status?:
            Terminal.complain("error: Graphviz could not draw this graph (its exit code is \(status))")
        }
        return .failed
    }

    /// Runs a program to its end with a text as its standard input; nil where there is no such program.
    private static func run(_ words: [String], input: String) -> Int32? {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { return nil }
        // The child must not hold the end that is written to, or it would never see the end of its input.
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        defer { arguments.forEach { free($0) } }
        arguments.append(nil)
        var child = pid_t()
        let spawned = posix_spawnp(&child, words[0], &actions, nil, arguments, environ)
        close(ends[0])
        defer { if spawned != 0 { close(ends[1]) } }
        guard spawned == 0 else { return nil }
        // It reads all before it draws; if it ends early, its exit code says more than the broken pipe.
        try? writeAll(input, to: ends[1])
        close(ends[1])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let (code, signal) = ((status >> 8) & 0xff, status & 0x7f)
        return signal != 0 ? 128 + signal : code == 127 ? nil : code
    }
}
