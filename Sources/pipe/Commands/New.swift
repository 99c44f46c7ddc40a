import Glibc
import PipeGraph
import PipeKit

extension Command {
    static let new: Command = .init(
        name: "new",
        summary: "Begins a graph, a stage or a test.",
        subcommands: [newGraph, newStage, newTest]
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

    private static let newTest: Command = .init(
        name: "test",
        summary: "Makes a test of a recorded run.",
        details: """
            It replays the recording, and prints a test for the 'tests:' of its graph: the run must go again as it went,
            with the same drops and failures. It fails when the graph or a stage has changed so that it goes otherwise.
            """,
        flags: [
            Flag(
                name: "from",
                value: "DIR",
                summary: "A folder that 'pipe run --record' wrote.",
                completes: .directories
            ),
            Flag(name: "name", value: "TEXT", summary: "What the test shows; as it was recorded, if not stated."),
        ],
        examples: [("pipe new test --from monday", "Prints the test of one recorded run.")],
        run: { arguments throws(UsageError) in
            guard let folder = arguments.value("from") else {
                throw UsageError(
                    message: "'--from' is missing",
                    hint: "record a run with 'pipe run GRAPH --record monday', then 'pipe new test --from monday'"
                )
            }
            let recorded = try RecordedRun(folder)
            let outcome = try recorded.outcome()
            let name = arguments.value("name") ?? "it goes as it was recorded"
            Terminal.print(RecordedTest(name: name, folder, recorded, outcome).text)
            Terminal.complain("put it below 'tests:' of \(recorded.manifest.graph), then 'pipe test' runs it")
            return .success
        }
    )

    private static let newStage: Command = .init(
        name: "stage",
        summary: "Adds a stage type to a plugin of pipe's source tree.",
        details: """
            Run it in a clone of pipe. It writes the stage, which works as it is, adds the type to its plugin's list, and
            writes a first test beside the plugin's tests.
            """,
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
                summary: "What it is to a graph; a transform where none is stated.",
                choices: StageScaffold.Kind.allCases.map(\.rawValue)
            ),
        ],
        examples: [
            ("pipe new stage moving_average", "Writes Plugins/Basics/MovingAverage.swift and a test of it."),
            ("pipe new stage tally --kind sink", "A stage that ends a graph."),
        ],
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
            let kind = arguments.value("kind").flatMap(StageScaffold.Kind.init) ?? .transform
            let scaffold = StageScaffold(name: name, plugin: plugin, kind: kind)
            let file = "\(folder)/\(scaffold.typeName).swift"
            let tests = "Tests/\(plugin)Tests"
            let testFile = "\(tests)/\(scaffold.typeName)Tests.swift"
            for file in [file, testFile] where access(file, F_OK) == 0 {
                throw UsageError(message: "'\(file)' is there already")
            }
            guard let changed = list.adding(stage: scaffold.typeName) else {
                throw UsageError(
                    message: "'\(folder)/\(plugin).swift' has no list 'stages: ['",
                    hint: "add \(scaffold.typeName).self by hand"
                )
            }
            try writeFile(scaffold.text, to: file)
            try writeFile(changed, to: "\(folder)/\(plugin).swift")
            Terminal.complain("\(file): written, and listed in \(folder)/\(plugin).swift")
            guard access(tests, F_OK) == 0 else {
                Terminal.complain(
                    "no tests written: there is no '\(tests)', and docs/stage-authors.md says how it begins"
                )
                return .success
            }
            try writeFile(scaffold.testText, to: testFile)
            Terminal.complain("\(testFile): written")
            Terminal.complain("  next: './test --filter \(plugin)Tests', then 'scripts/generate' for its page")
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

/// The file of a new stage type, and that of its tests. Both work as they are: the stage does something small, and its
/// test says what.
private struct StageScaffold {
    let name: String
    let plugin: String
    let kind: Kind

    enum Kind: String, CaseIterable {
        case source, transform, sink
    }

    var typeName: String { name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() }

    var text: String {
        """
        import PipeCore
        import PipeKit

        /// Why there is such a stage, in a sentence or two.
        struct \(typeName): \(kind == .source ? "Source" : "Consumer") {
            static let info = StageInfo(
                "\(name)",
                "What it does, in one sentence.",
                example: \"\"\"
                    \(example)
                    \"\"\"
            )

        \(work)
        }

        """
    }

    private var example: String {
        switch kind {
        case .source: "rate: 100/s"
        case .transform: "from: sensors\n            name: number"
        case .sink: "from: sensors\n            every: 1000"
        }
    }

    private var work: String {
        switch kind {
        case .source:
            """
                @Output("What it makes.") var items: Sender<Document>

                @Option("Stop after so many.", in: 1...) var count = 100
                @Option("How fast they come.", in: Rate(perHour: 1)...) var rate: Rate

                private var made = 0
                private var pace: Pace?

                mutating func start(_ context: StageContext) throws { pace = Pace(rate, from: context.now) }

                /// Makes up to so many, and says when there will be more: at once, at a time, later, or never.
                mutating func produce(_ room: Int, _ context: StageContext) throws -> Production {
                    for _ in 0..<room {
                        if made == count { return .ended }
                        if let due = pace?.due, due > context.now { return .at(due) }
                        items.send(Document(["number": .integer(made)]), captured: pace?.due)
                        made += 1
                        pace?.advance()
                    }
                    return .more
                }
            """
        case .transform:
            """
                @Input("What comes.") var items: Receiver<Document>
                @Output("What leaves.") var results: Sender<Document>

                @Option("The value that it adds.") var name = "number"

                /// An item is sent on, dropped or kept; otherwise it is used up. An error counts it as failed.
                mutating func process(_ item: consuming Item<Document>, _ context: StageContext) throws {
                    var value = item.payload.value
                    value[name] = .integer(item.sequence)
                    results.send(item.with(Document(value)))
                }
            """
        case .sink:
            """
                @Input("What comes.") var items: Receiver<Document>

                @Option("Say so after each so many.", in: 1...) var every = 1000

                private var count = 0

                /// An item that is not kept is used up. An error counts it as failed.
                mutating func process(_ item: consuming Item<Document>, _ context: StageContext) throws {
                    count += 1
                    if count % every == 0 { context.log(.info, "\\(count) items") }
                }
            """
        }
    }

    var testText: String {
        """
        import PipeCore
        import PipeTesting
        import Testing

        @testable import \(plugin)

        /// What is true of every stage is in the contract, which \(plugin)ContractTests holds against this one too.
        struct \(typeName)Tests {
        \(test)
        }

        """
    }

    private var test: String {
        switch kind {
        case .source:
            """
                @Test func `makes so many`() throws {
                    let result = try StageHarness(\(typeName).self, "count: 2\\nrate: 10/s").run()
                    #expect(result.values("items") == [["number": 0], ["number": 1]])
                    #expect(result.imbalances.isEmpty)
                }
            """
        case .transform:
            """
                @Test func `adds the number of each item`() throws {
                    var harness = StageHarness(\(typeName).self, "name: n")
                    harness.feed("items", .values(["t": 20], ["t": 21]))
                    let result = try harness.run()
                    #expect(result.values("results") == [["t": 20, "n": 0], ["t": 21, "n": 1]])
                    #expect(result.imbalances.isEmpty)
                }
            """
        case .sink:
            """
                @Test func `says so after each so many`() throws {
                    var harness = StageHarness(\(typeName).self, "every: 2")
                    harness.feed("items", .samples(5))
                    let result = try harness.run()
                    #expect(result.log.map(\\.message) == ["2 items", "4 items"])
                    #expect(result.books.done == 5)
                }
            """
        }
    }
}
