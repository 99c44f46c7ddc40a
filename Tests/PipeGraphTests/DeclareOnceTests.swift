import PipeCore
import PipeGraph
import PipeKit
import Testing

/// A stage type in one file and one list is all that it takes to be everywhere.
private struct Sharpest: Stage {
    static let info = StageInfo(
        "sharpest",
        "Passes the sharpest frame of each group and drops the rest.",
        example: """
            from: camera
            group: 30
            """
    )

    @Input("Frames in order of capture.") var frames: Receiver<Document>
    @Output("One frame a group.") var best: Sender<Document>

    @Option("Frames in a group.", in: 2...10_000) var group = 30
    @Option("A duller frame never passes.", in: 0...) var floor = 0.0
    @Option("Frames at the start of a group that are not looked at.", in: 0...) var settle = 0

    func check(_ report: inout Diagnostics) {
        if settle >= group {
            report.error(
                .outOfRange,
                at: $settle,
                "a group of \(group) has no frame left after \(settle)",
                hint: "use 0...\(group - 1), or raise 'group'"
            )
        }
    }
}

struct DeclareOnceTests {
    private let catalogue = Catalogue(
        testCatalogue.plugins + [Plugin("Test", "For this test.", stages: [Sharpest.self])]
    )

    @Test func `the checker knows it`() throws {
        let result = check(
            """
            pipe: 1
            stages:
              camera: { type: generate }
              best:
                type: sharpest
                from: camera
                group: 10
                settle: 10
              end: { type: "null", from: best }
            """,
            catalogue: catalogue
        )
        #expect(
            report(result) == """
                graph.yaml:8:13: error: a group of 10 has no frame left after 10 [out-of-range]
                    8 |     settle: 10
                      |             ^~
                  help: use 0...9, or raise 'group'

                """
        )
    }

    @Test func `its card is complete`() throws {
        let type = try #require(catalogue["sharpest"])
        #expect(
            StageCard(type).text == """
                sharpest    Passes the sharpest frame of each group and drops the rest.
                  in   frames  document. Frames in order of capture.
                  out  best    document. One frame a group.
                  group        integer, 2...10000, default 30. Frames in a group.
                  floor        number, 0..., default 0. A duller frame never passes.
                  settle       integer, 0..., default 0. Frames at the start of a group that are not looked at.

                Example
                  my_sharpest:
                    type: sharpest
                    from: camera
                    group: 30

                """
        )
    }

    @Test func `schema, pages, scaffold and suggestions have it`() throws {
        let schema = Schema(catalogue).document()
        let properties = try #require(schema["$defs"]?["stage.sharpest"]?["properties"])
        #expect(
            properties["group"]?["anyOf"] == [
                ["type": "integer", "minimum": 2, "maximum": 10_000], ["$ref": "#/$defs/filled"],
            ]
        )
        #expect(properties["settle"]?["description"] == "Frames at the start of a group that are not looked at. (0...)")
        let pages = ReferencePages(catalogue).pages
        #expect(
            pages.contains {
                $0.path == "stages/sharpest.md" && $0.text.contains("| `floor` | number | `0...` | `0` |")
            }
        )
        let chain = try GraphScaffold(chain: ["generate", "sharpest", "null"], name: "x", catalogue: catalogue)
        #expect(check(chain.text, catalogue: catalogue).findings.isEmpty)
        let slip = check("pipe: 1\nstages:\n  a: { type: sharpst, from: a }\n", catalogue: catalogue).findings.first
        #expect(slip?.suggestion == "sharpest")
    }
}

/// What every registered stage type must be.
struct CatalogueTests {
    @Test(arguments: testCatalogue.stages.map(\.name))
    func `its example checks without a finding`(name: String) throws {
        let type = try #require(testCatalogue[name])
        var text = "pipe: 1\nstages:\n"
        for source in [
            "camera", "sensors", "requests", "events", "orders", "left", "right", "left_camera", "right_camera",
        ] {
            text += "  \(source): { type: generate }\n"
        }
        text += "  lines: { type: file_lines, path: lines.txt }\n"
        let first = Int32(text.count { $0 == "\n" }) + 1
        text += type.example(named: "sample").split(separator: "\n").map { "  \($0)\n" }.joined()
        // Sources that this example does not use are unlinked, and so are its outputs: only what is in it counts.
        let result = check(text, offline: true)
        let findings = result.findings.filter { $0.place.line >= first && $0.code != .unlinkedOutput }
        #expect(findings.isEmpty, "\(report(result))")
    }

    @Test(arguments: testCatalogue.stages.map(\.name))
    func `it speaks in sentences and takes no reserved name`(name: String) throws {
        let type = try #require(testCatalogue[name])
        let reserved = [
            "type", "from", "stations", "replicas", "on_error", "restart", "expect_item_within", "description",
        ]
        #expect(name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
        for option in type.fields.options {
            #expect(option.summary.hasSuffix("."), "\(option.name)")
            #expect(!reserved.contains(option.name))
        }
        for port in type.inputs + type.outputs { #expect(port.summary.hasSuffix("."), "\(port.name)") }
        #expect(!type.outputs.contains { $0.name == "dead_letter" })
    }
}
