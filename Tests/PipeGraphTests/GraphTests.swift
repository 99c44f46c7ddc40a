import Basics
import PipeCore
import PipeGraph
import PipeKit
import PipeTesting
import Testing

/// What a sound graph becomes: resolved links, spread stations, defaults, filled-in values.
struct GraphTests {
    @Test func `a link has what it states, then the defaults, then the language's own`() throws {
        let result = check(
            """
            pipe: 1
            defaults: { links: { capacity: 16, max_age: 2s } }
            stages:
              a: { type: generate, count: 1 }
              b: { type: throttle, rate: 5/s, from: { a: { max_age: 500ms, skip_frames: 2 } } }
              c: { type: "null", from: { b: { when_full: latest } } }
            """
        )
        let links = try #require(result.graph, "\(report(result))").links
        #expect(
            (links[0].policy.capacity, links[0].policy.maxAge, links[0].policy.skipFrames) == (
                16, .milliseconds(500), 2
            )
        )
        #expect(
            (links[1].policy.whenFull, links[1].policy.capacity, links[1].policy.maxAge) == (.latest, 1, .seconds(2))
        )
        #expect(links.map(\.payload.name) == ["document", "document"])
    }

    @Test func `stations spread along the links until something gathers them`() throws {
        let graph = try #require(
            check(
                """
                pipe: 1
                params: { n: { type: integer, default: 2 } }
                stages:
                  camera: { type: generate, stations: "${params.n}", fields: { at: '"${station}"' } }
                  look: { type: filter, from: camera, where: at == "1", replicas: 3 }
                  all: { type: merge, from: look }
                  out: { type: jsonl_file, from: all, path: out/all.jsonl }
                """,
                set: [("n", "4")],
                offline: true
            ).graph
        )
        #expect(graph.stages.map(\.stations.count) == [4, 4, 0, 0])
        #expect(graph.stages.map(\.copies) == [4, 12, 1, 1])
        // Only where the options differ is there one set for each station.
        #expect(graph.stages.map(\.values.count) == [4, 1, 1, 1])
    }

    @Test func `an include brings stages under its prefix, with its own params`() throws {
        try withFolder { folder in
            try write(
                """
                pipe: 1
                params: { limit: { type: number }, input: { type: string } }
                stages:
                  hot: { type: filter, from: "${params.input}", where: "t > ${params.limit}" }
                  sink: { type: "null", from: hot }
                """,
                to: "\(folder)/part.yaml"
            )
            let text = """
                pipe: 1
                stages:
                  camera: { type: generate, count: 3 }
                  other: { type: generate, count: 3 }
                include:
                  - { file: part.yaml, prefix: left_, with: { limit: 3, input: camera } }
                  - { file: part.yaml, prefix: right_, with: { limit: 4, input: other } }
                """
            let result = check(text, name: "\(folder)/graph.yaml")
            let graph = try #require(result.graph, "\(report(result))")
            #expect(
                graph.stages.map(\.name) == ["camera", "other", "left_hot", "left_sink", "right_hot", "right_sink"]
            )
            #expect(
                graph.links.map { graph.describe($0) } == [
                    "camera.items -> left_hot", "left_hot.passed -> left_sink", "other.items -> right_hot",
                    "right_hot.passed -> right_sink",
                ]
            )
        }
    }

    @Test func `a mistake in an included file names both places`() throws {
        try withFolder { folder in
            try write("pipe: 1\nstages:\n  sink: { type: nul, from: camera }\n", to: "\(folder)/part.yaml")
            let result = check(
                "pipe: 1\nstages:\n  camera: { type: generate }\ninclude:\n  - file: part.yaml\n",
                name: "\(folder)/graph.yaml"
            )
            let finding = try #require(result.findings.first)
            #expect(result.files.describe(finding.place) == "\(folder)/part.yaml:3:17")
            #expect(finding.notes.map { result.files.describe($0.place) } == ["\(folder)/graph.yaml:5:11"])
        }
    }

    @Test(arguments: [
        ("${secret.TOKEN}", false), ("x${secret.TOKEN}", false),
    ])
    func `a secret gets into nothing that is printed`(text: String, isAllowed: Bool) {
        let places = [
            "  a: { type: \"\(text)\" }", "  a: { type: generate, from: \"\(text)\" }",
            "  a: { type: generate, keys: [\"\(text)\"] }", "  a: { type: generate, count: \"\(text)\" }",
            "  a: { type: filter, from: b, where: \"t == \(text)\" }",
            "  a: { type: jsonl_file, from: b, path: \"\(text)\" }",
            "  a: { type: generate, description: \"\(text)\" }", "  a: { type: generate, stations: [\"\(text)\"] }",
        ]
        for place in places {
            let result = check("pipe: 1\nstages:\n  b: { type: generate }\n\(place)\n")
            #expect(result.findings.contains { $0.code == .exposedSecret }, "\(place)")
            #expect(!report(result).contains("hush"), "\(place)")
        }
    }

    @Test func `standard input and files give the same findings`() {
        let text = "pipe: 1\nstages:\n  a: { type: generat }\n"
        #expect(check(text, name: "-").files.files.first?.name == "<stdin>")
    }

    /// Twice the stages take about twice the work, not four times: counted in findings looked at, not in time.
    @Test func `a large graph is checked whole`() throws {
        var text = "pipe: 1\nstages:\n  s0: { type: generate }\n"
        for index in 1..<5000 { text += "  s\(index): { type: throttle, rate: 5/s, from: s\(index - 1) }\n" }
        text += "  end: { type: \"null\", from: s4999 }\n"
        let graph = try #require(check(text).graph)
        #expect((graph.stages.count, graph.links.count) == (5001, 5000))
        #expect(Set(graph.links.map(\.payload.name)) == ["document"])
    }
}

/// `limits.memory` follows what items hold: maps keep their size, batches and joins add up.
struct MemoryTests {
    private func findings(_ stages: String, limit: String) -> [String] {
        check("pipe: 1\nlimits: { memory: \(limit) }\nstages:\n\(stages)").findings.map(\.code.name)
    }

    @Test(arguments: [
        ("  m: { type: map, from: a, set: { x: 1 } }\n  z: { type: \"null\", from: m }", "100MiB", "150MiB"),
        ("  m: { type: batch, from: a, count: 8 }\n  z: { type: \"null\", from: m }", "500MiB", "600MiB"),
        (
            "  m: { type: batch, from: a, count: 8, max_bytes: 2MiB }\n  z: { type: \"null\", from: m }", "150MiB",
            "200MiB"
        ),
        ("  m: { type: merge, from: a }\n  z: { type: \"null\", from: { m: { max_bytes: 1MiB } } }", "64MiB", "70MiB"),
    ])
    func `full links are added up by what an item can hold`(stages: String, tooLittle: String, enough: String) {
        let source = "  a: { type: generate, padding: 1MiB }\n"
        #expect(findings(source + stages, limit: tooLittle) == ["memory-limit"])
        #expect(findings(source + stages, limit: enough).isEmpty)
    }
}

/// Adds up what it has seen.
private struct Sum: Consumer {
    static let info = StageInfo("sum", "Adds up.", example: "from: a", traits: .remembers)
    @Input("Numbers.") var items: Receiver<Document>
    func process(_ item: consuming Item<Document>, _ context: StageContext) {}
}

struct SharingTests {
    @Test func `a stage that goes by the items before cannot have replicas`() {
        let catalogue = Catalogue([.basics, Plugin("Test", "", stages: [Sum.self])])
        let text = "pipe: 1\nstages:\n  a: { type: generate }\n  s: { type: sum, from: a, replicas: 2 }\n"
        let findings = check(text, catalogue: catalogue).findings
        #expect(findings.map(\.code) == [.optionConflict])
        #expect(findings.first?.place.line == 4)
        #expect(check(text.replacing(", replicas: 2", with: ""), catalogue: catalogue).findings.isEmpty)
    }
}
