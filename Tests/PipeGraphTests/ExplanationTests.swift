import Glibc
import PipeGraph
import PipeKit
import PipeTesting
import Testing

/// The pages of `pipe explain` are true: what they call wrong is, in just that way, and what they call right is right.
struct ExplanationTests {
    private func check(_ text: String, with page: Explanation) throws -> [Diagnostic] {
        try withFolder { folder in
            for (name, text) in page.files {
                let parts = name.split(separator: "/").dropLast()
                for count in 0..<parts.count { mkdir("\(folder)/\(parts[...count].joined(separator: "/"))", 0o755) }
                try write(text, to: "\(folder)/\(name)")
            }
            let options = CheckOptions(environment: ["PIPE_TEST": "set"])
            return GraphChecker(catalogue: testCatalogue, options: options)
                .check(text: text, name: "\(folder)/graph.yaml").findings
        }
    }

    @Test(arguments: Explanation.all.map(\.code))
    func `the wrong example has this mistake only, and the right one none`(code: String) throws {
        let page = try #require(Explanation.page(for: code))
        let right = try check(page.right, with: page)
        #expect(right.isEmpty, "\(right.map(\.message))")
        guard !Explanation.withoutExample.contains(code) else { return }
        let wrong = try check(page.wrong, with: page)
        #expect(Set(wrong.map(\.code.name)) == [code], "\(wrong.map(\.message))")
    }

    /// The codes as the source declares them.
    @Test func `every code has a page and every page a code`() throws {
        let source = try #require(readText("\(projectFolder)/Sources/PipeKit/Diagnostics/DiagnosticCode.swift"))
        let declared = source.split(separator: "= DiagnosticCode(\"").dropFirst().map {
            String($0.prefix { $0 != "\"" })
        }
        #expect(declared.sorted() == Explanation.all.map(\.code))
    }
}
