import PipeGraph
import PipeKit
import Testing

struct ScaffoldTests {
    @Test(arguments: [
        ["generate", "null"], ["generate", "filter", "jsonl_file"], ["file_lines", "split", "batch", "jsonl_file"],
        ["generate", "filter", "filter"], ["generate", "join", "null"],
        ["generate", "throttle", "merge", "map", "fault", "null"],
    ])
    func `a chain becomes a graph without a finding`(chain: [String]) throws {
        let scaffold = try GraphScaffold(chain: chain, name: "first", catalogue: testCatalogue)
        let result = check(scaffold.text)
        #expect(result.findings.isEmpty, "\(scaffold.text)\n\(report(result))")
    }

    @Test(arguments: [
        (["filter", "null"], "'filter' is no source, and a graph begins with one"),
        (["generate"], "a graph has a source and a sink at least"),
        (["generate", "null", "map"], "'null' is a sink, so nothing can follow it"),
        (["generate", "file_lines"], "'file_lines' is a source, so nothing can lead to it"),
        (["generat", "null"], "there is no stage type 'generat'"),
    ])
    func `a chain that cannot be says why`(chain: [String], message: String) {
        let problem = #expect(throws: GraphScaffold.Problem.self) {
            try GraphScaffold(chain: chain, name: "first", catalogue: testCatalogue)
        }
        #expect(problem?.message == message)
    }
}
