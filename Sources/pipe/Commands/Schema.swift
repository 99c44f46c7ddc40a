import PipeCore
import PipeGraph

extension Command {
    static let schema: Command = .init(
        name: "schema",
        summary: "Prints the JSON Schema of the graph language, for editors.",
        details:
            "With '# yaml-language-server: $schema=…' on top of a graph, an editor completes and checks it as you type.",
        flags: [Flag(name: "fragment", summary: "The schema of files that a graph includes."), .output],
        run: { arguments throws(UsageError) in
            let text = Schema(pipeCatalogue).document(ofFragment: arguments.has("fragment")).text(pretty: true) + "\n"
            if let file = arguments.value("output") { try writeFile(text, to: file) } else { Terminal.print(text) }
            return .success
        }
    )
}
