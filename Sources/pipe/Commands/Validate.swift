import PipeCore
import PipeGraph
import PipeKit

extension Flag {
    static let json = Flag(name: "json", summary: "Print JSON.")
    static let set = Flag(
        name: "set",
        value: "params.NAME=VALUE",
        summary: "Set a param of the graph; may be given several times.",
        repeats: true
    )
    static let offline = Flag(
        name: "offline",
        summary: "Do not look at files, variables or anything else outside the graph."
    )
    static let output = Flag(name: "output", short: "o", value: "FILE", summary: "Write to a file.", completes: .files)
}

extension Command {
    static let validate: Command = .init(
        name: "validate",
        summary: "Checks graphs without running them.",
        details: "All mistakes of all files are reported in one go. Exit code 0: no error; 2: a graph is wrong.",
        operands: [
            Operand(
                name: "GRAPH",
                summary: "The file of a graph; '-' is standard input.",
                count: .several,
                completes: .graphs
            )
        ],
        flags: [
            Flag(
                name: "format",
                value: "FORMAT",
                summary: "How findings are printed.",
                choices: ["text", "json", "sarif", "github"]
            ),
            Flag(name: "json", summary: "The same as --format json."),
            Flag(name: "strict", summary: "A warning is a mistake too."),
            Flag(name: "quiet", short: "q", summary: "Say nothing where nothing is wrong."),
            .offline, .set,
        ],
        examples: [
            ("pipe validate pipelines/*.yaml", "Checks several graphs."),
            ("pipe validate --format github gate.yaml", "Writes annotations for GitHub's actions."),
        ],
        run: { arguments throws(UsageError) in
            let checker = try GraphChecker(arguments)
            if arguments.has("json"), let format = arguments.value("format"), format != "json" {
                throw UsageError(message: "'--json' and '--format \(format)' are two formats", hint: "choose one")
            }
            if arguments.operands.count(where: { $0 == "-" }) > 1 {
                throw UsageError(message: "standard input can be read once", hint: "name '-' once")
            }
            let results = arguments.operands.map { (name: $0, result: checker.check(path: $0)) }
            switch arguments.has("json") ? "json" : arguments.value("format") ?? "text" {
            case "json": Terminal.print(MachineReport.json(results.map(\.result)).text(pretty: true))
            case "sarif":
                Terminal.print(MachineReport.sarif(results.map(\.result), version: pipeVersion).text(pretty: true))
            case "github": Terminal.print(MachineReport.github(results.map(\.result)))
            default: printText(results, quiet: arguments.has("quiet"))
            }
            let isWrong = results.contains { _, result in
                result.errorCount > 0 || (arguments.has("strict") && result.warningCount > 0)
            }
            return isWrong ? .wrongGraph : .success
        }
    )

    private static func printText(_ results: [(name: String, result: CheckResult)], quiet: Bool) {
        let report = TextReport(colour: Terminal.showsColour)
        for (name, result) in results {
            Terminal.print(report.text(result.findings, result.files))
            if let graph = result.graph, !quiet {
                let counts = [(graph.stages.count, "stage"), (graph.links.count, "link")].map(counted)
                Terminal.complain("\(name == "-" ? "<stdin>" : name): fine, \(counts.joined(separator: " and "))")
            }
        }
        let errors = results.reduce(0) { $0 + $1.result.errorCount }
        let warnings = results.reduce(0) { $0 + $1.result.warningCount }
        if errors + warnings > 0 {
            let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }.map(counted)
            Terminal.complain("\(counts.joined(separator: " and ")); 'pipe explain CODE' says more about one")
        }
    }
}

/// `1 stage`, `2 stages`
func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

extension GraphChecker {
    /// A checker as the flags of a command ask for it.
    init(_ arguments: Arguments) throws(UsageError) {
        var options = CheckOptions(environment: Terminal.environment)
        options.looksAtWorld = !arguments.has("offline")
        for text in arguments.values["set"] ?? [] {
            guard let sign = text.firstIndex(of: "="), text.hasPrefix("params."),
                text.distance(from: text.startIndex, to: sign) > 7
            else {
                throw UsageError(message: "'--set \(text)' sets nothing", hint: "write '--set params.NAME=VALUE'")
            }
            options.params.append((String(text[..<sign].dropFirst(7)), String(text[text.index(after: sign)...])))
        }
        self.init(catalogue: pipeCatalogue, options: options)
    }

    /// The graph of a file; what is wrong with it goes to standard error.
    func graph(at path: String) -> Graph? { graph(reading: path).0 }

    /// The same, with the texts of all its files; '-' is that of standard input.
    func graph(reading path: String) -> (Graph?, texts: [String: [UInt8]]) {
        let result = check(path: path)
        let text = TextReport(colour: Terminal.showsColour).text(result.findings, result.files)
        if !text.isEmpty { Terminal.complain(text) }
        let texts = result.files.files.enumerated().map { number, file in
            (path == "-" && number == 0 ? path : file.name, file.bytes)
        }
        return (result.graph, Dictionary(texts) { first, _ in first })
    }
}
