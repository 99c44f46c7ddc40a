import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let chaos: Command = .init(
        name: "chaos",
        summary: "Lets things go wrong in graphs, on virtual time: the books must balance in every run.",
        details: """
            Stages stall, die, fail, slow down and lose connections, their dates jump and their disks are full, as a seed
            decides. Any run is repeated by its seed: 'pipe chaos GRAPH --seed SEED --runs 1'. Exit code 0: all balanced;
            1: one did not; 2: a graph is wrong.
            """,
        operands: [
            Operand(name: "GRAPH", summary: "The file of a graph.", count: .several, completes: .graphs)
        ],
        flags: [
            Flag(name: "runs", value: "NUMBER", summary: "Runs of each graph; 100 if not stated."),
            Flag(name: "seed", value: "NUMBER", summary: "Seed of the first run; the others follow."),
            Flag(name: "twice", summary: "Do each run twice, and compare the two."),
            .json, .set,
        ],
        examples: [("pipe chaos gate.yaml --runs 1000", "Thousand bad days of a graph.")],
        run: { arguments throws(UsageError) in
            let checker = try GraphChecker(arguments)
            let runs = try arguments.number("runs", in: 1...10_000_000) ?? 100
            let seed = try arguments.number("seed", in: 0...Int.max / 2) ?? 1
            var reports: [JSON] = []
            var isFine = true
            for path in arguments.operands {
                guard let graph = checker.graph(at: path) else { return .wrongGraph }
                let chaos = Chaos(graph)
                var bad = 0
                for seed in seed..<seed + runs {
                    let result = chaos.run(seed: seed)
                    var problems = result.problems
                    if arguments.has("twice"), chaos.run(seed: seed).digest != result.digest {
                        problems.append("a second run of the same seed went otherwise")
                    }
                    if runs == 1 { show(result, path, isTold: !arguments.has("json")) }
                    guard !problems.isEmpty else { continue }
                    bad += 1
                    if bad <= 5 {
                        Terminal.complain("\(path): seed \(seed): \(problems.joined(separator: "; "))")
                        Terminal.complain("  repeat it: pipe chaos \(path) --runs 1 --seed \(seed)")
                    }
                }
                reports.append([
                    "graph": .string(graph.name), "file": .string(path), "runs": .integer(runs),
                    "first_seed": .integer(seed), "unbalanced": .integer(bad),
                ])
                if !arguments.has("json") {
                    Terminal.print(
                        "\(graph.name): \(bad == 0 ? "balanced in" : "\(bad) not balanced of") \(counted(runs, "run"))"
                    )
                }
                isFine = isFine && bad == 0
            }
            if arguments.has("json") { Terminal.print(JSON.array(reports).text(pretty: true)) }
            return isFine ? .success : .failed
        }
    )

    private static func show(_ result: Chaos.Result, _ path: String, isTold: Bool) {
        guard isTold else { return }
        for fault in result.faults { Terminal.print("at \(fault.time.short), \(fault.stage): \(fault.kind)") }
        Terminal.print(RunTable(colour: Terminal.showsColour, width: Terminal.width).text(result.outcome.numbers))
        for trouble in result.outcome.troubles { Terminal.print(trouble) }
    }
}
