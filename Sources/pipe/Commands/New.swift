import Glibc
import PipeGraph
import PipeKit

extension Command {
    static let new: Command = .init(
        name: "new",
        summary: "Begins a graph or a stage.",
        subcommands: [newGraph, newStage]
    )

    private static let newGraph: Command = .init(
        name: "graph",
        summary: "Writes a graph: a chain of stage types, ready to be changed.",
        operands: [
            Operand(name: "CHAIN", summary: "Stage types from the source to the sink: generate/filter/jsonl_file.")
        ],
        flags: [.output],
        examples: [("pipe new graph generate/batch/jsonl_file -o first.yaml", "Writes first.yaml.")],
        run: { arguments throws(UsageError) in
            let chain = (arguments.operands.first ?? "").split(separator: "/", omittingEmptySubsequences: false).map(
                String.init
            )
            let file = arguments.value("output")
            let name =
                file.flatMap { $0.split(separator: "/").last?.split(separator: ".").first.map(String.init) } ?? "first"
            let text: String
            do throws(GraphScaffold.Problem) {
                text = try GraphScaffold(chain: chain, name: name, catalogue: pipeCatalogue).text
            } catch {
                throw UsageError(message: error.message, hint: error.hint)
            }
            let result = try GraphChecker(arguments).check(text: text, name: file ?? "first.yaml")
            if !result.findings.isEmpty {
                Terminal.complain(TextReport(colour: false).text(result.findings, result.files))
            }
            guard result.errorCount == 0 else { return .wrongGraph }
            if let file {
                guard access(file, F_OK) != 0 else {
                    throw UsageError(message: "'\(file)' is there already", hint: "choose another name, or remove it")
                }
                try writeFile(text, to: file)
                Terminal.complain("\(file): try 'pipe validate \(file)'")
            } else {
                Terminal.print(text)
            }
            return .success
        }
    )

    private static let newStage: Command = .init(
        name: "stage",
        summary: "Adds a stage type to a plugin of pipe's source tree.",
        details:
            "Run it in a clone of pipe. It writes one file and adds the type to its plugin's list; the result builds.",
        operands: [Operand(name: "NAME", summary: "The name in graphs: moving_average.")],
        flags: [
            Flag(
                name: "plugin",
                value: "NAME",
                summary: "The plugin: a folder below Plugins; Basics where none is named."
            ),
            Flag(
                name: "kind",
                value: "KIND",
                summary: "What it is to a graph.",
                choices: ["source", "transform", "sink"]
            ),
        ],
        examples: [("pipe new stage moving_average", "Writes Plugins/Basics/MovingAverage.swift.")],
        run: { arguments throws(UsageError) in
            let name = arguments.operands.first ?? ""
            guard name.first?.isLowercase == true, name.utf8.allSatisfy(isSnakeCase) else {
                throw UsageError(
                    message: "'\(name)' cannot be the name of a stage type",
                    hint: "use small letters, digits and '_'"
                )
            }
            guard pipeCatalogue[name] == nil else {
                throw UsageError(message: "there is a stage type '\(name)' already", hint: "choose another name")
            }
            let plugin = arguments.value("plugin") ?? "Basics"
            let folder = "Plugins/\(plugin)"
            guard let list = try? SourceText(path: "\(folder)/\(plugin).swift") else {
                throw UsageError(
                    message: "no plugin '\(plugin)' is here",
                    hint:
                        "run this at the top of a clone of pipe; a new plugin begins with its folder and a line in Package.swift"
                )
            }
            let scaffold = StageScaffold(name: name, kind: arguments.value("kind") ?? "transform")
            let file = "\(folder)/\(scaffold.typeName).swift"
            guard access(file, F_OK) != 0 else { throw UsageError(message: "'\(file)' is there already") }
            guard let changed = list.adding(stage: scaffold.typeName) else {
                throw UsageError(
                    message: "'\(folder)/\(plugin).swift' has no list 'stages: ['",
                    hint: "add \(scaffold.typeName).self by hand"
                )
            }
            try writeFile(scaffold.text, to: file)
            try writeFile(changed, to: "\(folder)/\(plugin).swift")
            Terminal.complain("\(file): written, and listed in \(folder)/\(plugin).swift")
            Terminal.complain("  next: build, then 'pipe stages \(name)' and 'pipe docs docs'")
            return .success
        }
    )

    private static func isSnakeCase(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_")
    }
}

/// A source file that is changed in place.
struct SourceText {
    let text: String

    init(path: String) throws {
        guard let file = fopen(path, "r") else { throw UsageError(message: "'\(path)' cannot be read") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// The text with a type added to `stages: [ … ]`, in order of the alphabet, one a line.
    func adding(stage: String) -> String? {
        guard let open = text.firstRange(of: "stages: ["), let close = text[open.upperBound...].firstIndex(of: "]")
        else { return nil }
        let listed = text[open.upperBound..<close].split { ",\n ".contains($0) }.map(String.init)
        let all = (listed + ["\(stage).self"]).sorted()
        let lines = all.map { "            \($0),\n" }.joined()
        return text[..<open.upperBound] + "\n" + lines + "        " + text[close...]
    }
}

/// The file of a new stage type.
private struct StageScaffold {
    let name: String
    let kind: String

    var typeName: String { name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() }

    var text: String {
        let input = "    @Input(\"What comes.\") var items: Receiver<Document>\n"
        let output = "    @Output(\"What leaves.\") var results: Sender<Document>\n"
        let ports = (kind == "source" ? "" : input) + (kind == "sink" ? "" : output)
        return """
            import PipeCore
            import PipeKit

            /// Why there is such a stage, in a sentence or two.
            struct \(typeName): Stage {
                static let info = StageInfo(
                    "\(name)",
                    "What it does, in one sentence.",
                    example: \"\"\"
                        \(kind == "source" ? "" : "from: camera\n            ")limit: 10
                        \"\"\"
                )

            \(ports)
                @Option("What it bounds.", in: 1...1000) var limit = 10
            }

            """
    }
}
