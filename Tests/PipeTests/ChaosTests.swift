import PipeGraph
import PipeKit
import Testing

@testable import pipe

/// Whatever goes wrong in a graph, its books balance; and a seed repeats a run to the last drop.
///
/// `pipe chaos Tests/Chaos/*.yaml --runs 278` is ten thousand such runs.
struct ChaosTests {
    static let graphs: [String] = {
        let folders = ["Tests/Chaos", "pipelines"]
        return folders.flatMap { folder in
            ((try? names(in: "\(projectFolder)/\(folder)")) ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
                .map { "\(folder)/\($0)" }
        }
    }()

    @Test func `there are at least thirty graphs`() { #expect(Self.graphs.count >= 30) }

    @Test(arguments: graphs)
    func `the books balance whatever goes wrong`(path: String) throws {
        let checker = GraphChecker(catalogue: pipeCatalogue, options: CheckOptions(environment: [:]))
        let result = checker.check(path: "\(projectFolder)/\(path)")
        let graph = try #require(result.graph, "\(TextReport(colour: false).text(result.findings, result.files))")
        let chaos = Chaos(graph)
        for seed in 1...6 {
            let run = chaos.run(seed: seed)
            #expect(run.problems.isEmpty, "pipe chaos \(path) --runs 1 --seed \(seed)")
            #expect(chaos.run(seed: seed).digest == run.digest, "seed \(seed) does not repeat")
        }
    }
}
