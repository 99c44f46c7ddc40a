import Basics
import Camera
import Ions
import Mef
import Packets
import PipeCore
import PipeGraph
import PipeKit
import Testing
import Web

/// What stands in the guides is tried: graphs are checked, their tests run, and stages are those of `Examples`.
struct DocsTests {
    static let pages = ["README.md"] + markdown(in: "docs") + markdown(in: "docs/design")

    private static func markdown(in folder: String) -> [String] {
        names(in: "\(projectFolder)/\(folder)").filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
    }

    /// The stages that the guides show, beside those that everybody has.
    static let catalogue = Catalogue([
        .basics, .camera, .ions, .mef, .packets, .web,
        Plugin("Examples", "Stages of the guides.", stages: [Ask.self, AskMany.self, Mean.self, Ticks.self]),
    ])

    @Test(arguments: pages.filter { $0 != "docs/codes.md" })
    func `graphs in Markdown are graphs, and their tests pass`(page: String) throws {
        let text = try #require(readText("\(projectFolder)/\(page)"))
        for yaml in blocks("yaml", of: text) where yaml.contains("pipe: 1\n") {
            let result = check(yaml, name: page, catalogue: Self.catalogue)
            #expect(result.findings.isEmpty, "\(report(result))")
            guard let graph = result.graph else { continue }
            let checker = GraphChecker(catalogue: Self.catalogue, options: CheckOptions(environment: testEnvironment))
            for test in graph.tests {
                for seed in 1...5 {
                    let outcome = TestRunner(checker, seed: seed).run(test, of: graph, seed: seed) { params in
                        check(yaml, name: page, set: params, catalogue: Self.catalogue)
                    }
                    #expect(outcome.hasPassed, "\(page): \(test.name): \(outcome.failures.map(\.message))")
                }
            }
        }
    }

    /// So each is compiled. Tests of a plugin are not: what they need is not built here.
    @Test func `stages in the guide stand in Examples`() throws {
        let folder = "\(testFolder)/Examples"
        let examples = names(in: folder).compactMap { readText("\(folder)/\($0)") }
        let page = try #require(readText("\(projectFolder)/docs/stage-authors.md"))
        let shown = blocks("swift", of: page).filter { !$0.contains("StageHarness") && !$0.contains("Contract") }
        #expect(shown.count >= 3)
        for block in shown { #expect(examples.contains { $0.contains(block) }, "\(block)") }
    }

    @Test func `a thread of a source's own brings items until the run is stopped`() throws {
        let result = check(
            """
            pipe: 1
            stages:
              ticks: { type: ticks, interval: 1ms }
              end: { type: "null", from: ticks }
            """,
            catalogue: Self.catalogue
        )
        let graph = try #require(result.graph, "\(report(result))")
        let run = Run(graph.plan, EngineOptions(epoch: 0, files: MemoryFiles()), workers: WorkerSettings(count: 1))
        run.start()
        for _ in 0..<500 where run.numbers.stages[1].books.in < 5 { _ = run.wait(until: run.time + .milliseconds(10)) }
        run.stop()
        _ = run.wait(until: run.time + .seconds(10))
        let outcome = run.finish()
        #expect(outcome.isComplete && outcome.numbers.stages[1].books.in >= 5)
        #expect(outcome.numbers.imbalances(hasEnded: true).isEmpty)
    }

    @Test(arguments: pages)
    func `links in Markdown lead somewhere`(page: String) throws {
        let text = try #require(readText("\(projectFolder)/\(page)"))
        let folder = page.split(separator: "/").dropLast().joined(separator: "/")
        for link in text.split(separator: "](").dropFirst() {
            let target = link.prefix { $0 != ")" && $0 != "#" }
            guard !target.isEmpty, !target.contains("://") else { continue }
            #expect(exists("\(projectFolder)/\(folder)/\(target)"), "\(page): \(target)")
        }
    }

    private func blocks(_ language: String, of text: String) -> [String] {
        text.split(separator: "```\(language)\n", omittingEmptySubsequences: false).dropFirst().map { block in
            String(block.firstRange(of: "```").map { block[..<$0.lowerBound] } ?? block)
        }
    }
}
