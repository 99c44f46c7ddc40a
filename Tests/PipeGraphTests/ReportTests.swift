import PipeCore
import PipeGraph
import PipeKit
import Testing

/// Findings, whole, in each format.
struct ReportTests {
    static let wrong = """
        pipe: 1
        params:
          n: { type: integer, default: 70, range: 1...64 }
          spare: { type: string, default: x }
        stages:
          camera:
            type: generate
            rate: 30 fps
            cuont: ${params.n}
          camera:
            type: generate
          best:
            type: filter
            from: { camrea.items: { when_full: drop_oldst } }
            where: größe > 3 adn "ok"
          out:
            type: jsonl_file
            from: best
            path: out/${station}.jsonl
            unknown_option_without_a_near_name: 1

        """

    @Test func `as text`() throws {
        try expectGolden(report(check(Self.wrong)), "findings.txt")
    }

    @Test func `as text in colour`() throws {
        let result = check(Self.wrong)
        try expectGolden(TextReport(colour: true).text(result.findings, result.files), "findings-colour.txt")
    }

    @Test func `as JSON`() throws {
        try expectGolden(MachineReport.json([check(Self.wrong)]).text(pretty: true) + "\n", "findings.json")
    }

    @Test func `as SARIF`() throws {
        try expectGolden(
            MachineReport.sarif([check(Self.wrong)], version: "0").text(pretty: true) + "\n",
            "findings.sarif"
        )
    }

    @Test func `as annotations for GitHub`() throws {
        try expectGolden(MachineReport.github([check(Self.wrong)]), "findings.github")
    }

    @Test func `a caret stands under its column, whatever stands before it`() throws {
        let lines = [
            "  a: { type: generate, keys: [日本語, \"ü\"], cuont: 3 }",
            "  a: { type: generate, description: \"\(String(repeating: "long ", count: 60))\", cuont: 3 }",
            "  a: {\ttype: generate,\tcuont: 3 }",
            "  a: { type: generate, description: \"e\u{301} 🎥\", cuont: 3 }",
        ]
        let reports = lines.map { report(check("pipe: 1\nstages:\n\($0)\n  b: { type: \"null\", from: a }\n")) }
        try expectGolden(reports.joined(separator: "\n"), "carets.txt")
    }

    @Test func `a file cannot drive the terminal`() {
        let result = check("pipe: 1\nstages:\n  a: { type: \"\\e[31mred\\a\" }\n")
        #expect(!report(result).unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }
}
