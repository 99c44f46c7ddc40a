import Glibc
import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let test: Command = .init(
        name: "test",
        summary: "Runs the tests of graphs on virtual time.",
        details: """
            Each graph's 'tests:' run in the simulator: an hour of a graph takes about a second, nothing is written to the
            disk, and a seed repeats a run to the last drop. Exit code 0: all passed; 1: one failed; 2: a graph is wrong.
            """,
        operands: [
            Operand(
                name: "PATH",
                summary: "Graphs, or directories of graphs; 'pipelines' where none is named.",
                count: .any,
                completes: .graphs
            )
        ],
        flags: [
            Flag(name: "filter", value: "TEXT", summary: "Only tests whose name holds this."),
            Flag(name: "seed", value: "NUMBER", summary: "Instead of the tests' own seeds."),
            Flag(name: "repeat", value: "TIMES", summary: "Run each so often, with a seed after the other."),
            Flag(name: "junit", value: "FILE", summary: "Write the results for a CI.", completes: .files),
            .json, .set,
            Flag(name: "quiet", short: "q", summary: "Say only what failed."),
        ],
        examples: [
            ("pipe test", "Runs all tests of 'pipelines'."),
            ("pipe test gate.yaml --filter stalled --seed 7", "Repeats one as it failed."),
        ],
        run: { arguments throws(UsageError) in
            let suite = try TestSuite(arguments)
            let results = suite.run()
            if let path = arguments.value("junit") { try writeFile(results.junit, to: path) }
            if arguments.has("json") { Terminal.print(results.json.text(pretty: true)) } else { results.tell() }
            if results.wrongGraphs > 0 { return .wrongGraph }
            return results.failed == 0 ? .success : .failed
        }
    )
}

/// Tests of several graphs.
private struct TestSuite {
    let checker: GraphChecker
    let paths: [String]
    let filter: String?
    let seed: Int?
    let times: Int
    let quiet: Bool
    let json: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        checker = try GraphChecker(arguments)
        filter = arguments.value("filter")
        seed = try arguments.number("seed", in: 0...Int.max)
        times = try arguments.number("repeat", in: 1...1_000_000) ?? 1
        quiet = arguments.has("quiet")
        json = arguments.has("json")
        let named = arguments.operands.isEmpty ? ["pipelines"] : arguments.operands
        var found: [String] = []
        for path in named { found += try graphs(at: path) }
        paths = found
    }

    func run() -> SuiteResults {
        var results = SuiteResults(quiet: quiet)
        for path in paths {
            let result = checker.check(path: path)
            guard let graph = result.graph else {
                results.wrongGraphs += 1
                Terminal.complain(TextReport(colour: Terminal.showsColour).text(result.findings, result.files))
                continue
            }
            let runner = TestRunner(checker)
            for test in graph.tests where filter.map({ test.name.contains($0) }) ?? true {
                var begun = timespec()
                clock_gettime(CLOCK_MONOTONIC, &begun)
                var last: TestResult?
                for round in 0..<times {
                    let first = seed ?? test.seed ?? runner.seed
                    let outcome = runner.run(test, of: graph, seed: first &+ round) { params in
                        var again = checker
                        again.options.params += params
                        return again.check(path: path)
                    }
                    last = outcome
                    if !outcome.hasPassed { break }
                }
                var ended = timespec()
                clock_gettime(CLOCK_MONOTONIC, &ended)
                let seconds =
                    Double(ended.tv_sec - begun.tv_sec) + Double(ended.tv_nsec - begun.tv_nsec) * 1e-9
                guard let last else { continue }
                results.add(path, graph, last, seconds, result.files, isTold: !json)
            }
        }
        return results
    }

}

/// The graphs of a path: itself, or the files below a directory that are graphs with tests.
private func graphs(at path: String) throws(UsageError) -> [String] {
    var status = stat()
    guard stat(path, &status) == 0 else {
        throw UsageError(message: "no file or directory '\(path)'", hint: "name graphs, or a directory of graphs")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    var found: [String] = []
    for name in names.sorted() {
        let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
        var status = stat()
        guard stat(inner, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
            found += try graphs(at: inner)
        } else if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            found.append(inner)
        }
    }
    return found
}

private struct SuiteResults {
    struct Entry {
        var path: String
        var graph: String
        var result: TestResult
        var seconds: Double
    }

    let quiet: Bool
    var entries: [Entry] = []
    var wrongGraphs = 0
    var failed: Int { entries.count { !$0.result.hasPassed } }

    init(quiet: Bool) { self.quiet = quiet }

    mutating func add(
        _ path: String,
        _ graph: Graph,
        _ result: TestResult,
        _ seconds: Double,
        _ files: SourceFiles,
        isTold: Bool
    ) {
        entries.append(Entry(path: path, graph: graph.name, result: result, seconds: seconds))
        guard isTold, !quiet || !result.hasPassed else { return }
        let virtual =
            result.outcome.map { " (\(Duration.nanoseconds($0.numbers.at.nanoseconds).short) of virtual time)" } ?? ""
        Terminal.print("\(mark(result.hasPassed)) \(graph.name): \(result.name)\(virtual)")
        for failure in result.failures {
            let place = failure.place.map { "\(files[$0].name):\($0.line):\($0.column): " } ?? ""
            Terminal.print("    \(place)\(failure.message)")
        }
        guard !result.hasPassed else { return }
        for entry in result.log.suffix(5) {
            let time = Duration.nanoseconds(entry.at.nanoseconds).short
            Terminal.print("    at \(time), \(entry.level.rawValue): \(entry.stage): \(entry.message)")
        }
        if let outcome = result.outcome {
            let table = RunTable(colour: false, width: 140).text(outcome.numbers)
            Terminal.print(table.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        }
        // As a shell takes a quote in quotes.
        let name = result.name.replacing("'", with: "'\\''")
        Terminal.print("    repeat it: pipe test \(path) --filter '\(name)' --seed \(result.seed)")
    }

    private func mark(_ hasPassed: Bool) -> String {
        let (sign, colour) = hasPassed ? ("✓", "32") : ("✗", "31")
        return Terminal.showsColour ? "\u{1B}[\(colour)m\(sign)\u{1B}[0m" : sign
    }

    func tell() {
        let passed = entries.count - failed
        Terminal.complain(
            failed == 0 ? "\(counted(passed, "test")) passed" : "\(counted(failed, "test")) failed, \(passed) passed"
        )
        if entries.isEmpty, wrongGraphs == 0 { Terminal.complain("no graph here has a test of this name") }
    }

    var json: JSON {
        [
            "passed": .integer(entries.count - failed), "failed": .integer(failed),
            "tests": .array(
                entries.map { entry in
                    [
                        "graph": .string(entry.graph), "file": .string(entry.path), "name": .string(entry.result.name),
                        "passed": .bool(entry.result.hasPassed), "seed": .integer(entry.result.seed),
                        "seconds": .number((entry.seconds * 1e6).rounded() / 1e6),
                        "failures": .strings(entry.result.failures.map(\.message)),
                    ]
                }
            ),
        ]
    }

    /// The form that CI systems read.
    var junit: String {
        func escaped(_ text: String) -> String {
            var out = ""
            for scalar in text.unicodeScalars {
                switch scalar {
                case "&": out += "&amp;"
                case "<": out += "&lt;"
                case ">": out += "&gt;"
                case "\"": out += "&quot;"
                case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": out += "?"
                default: out.unicodeScalars.append(scalar)
                }
            }
            return out
        }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuites tests=\"\(entries.count)\" failures=\"\(failed)\">\n"
        var graphs: [String] = []
        for entry in entries where !graphs.contains(entry.path) { graphs.append(entry.path) }
        for path in graphs {
            let own = entries.filter { $0.path == path }
            let bad = own.count { !$0.result.hasPassed }
            text += "  <testsuite name=\"\(escaped(path))\" tests=\"\(own.count)\" failures=\"\(bad)\">\n"
            for entry in own {
                text += "    <testcase classname=\"\(escaped(entry.graph))\" name=\"\(escaped(entry.result.name))\""
                text += " time=\"\(shortest(entry.seconds))\""
                if entry.result.hasPassed {
                    text += "/>\n"
                } else {
                    let lines = entry.result.failures.map(\.message) + ["seed \(entry.result.seed)"]
                    text += ">\n      <failure message=\"\(escaped(entry.result.failures[0].message))\">"
                    text += "\(escaped(lines.joined(separator: "\n")))</failure>\n    </testcase>\n"
                }
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }
}
