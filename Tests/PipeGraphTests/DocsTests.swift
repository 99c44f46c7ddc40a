import PipeGraph
import PipeKit
import Testing

/// Every whole graph in the guides checks without a finding.
struct DocsTests {
    static let pages =
        ["README.md"] + names(in: "\(projectFolder)/docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }

    @Test(arguments: pages.filter { $0 != "docs/codes.md" })
    func `graphs in Markdown are graphs`(page: String) throws {
        let text = try #require(readText("\(projectFolder)/\(page)"))
        for block in text.split(separator: "```yaml\n", omittingEmptySubsequences: false).dropFirst() {
            let yaml = String(block.firstRange(of: "```").map { block[..<$0.lowerBound] } ?? block)
            guard yaml.contains("pipe: 1\n") else { continue }
            let result = check(yaml, name: page)
            #expect(result.findings.isEmpty, "\(report(result))")
        }
    }

    @Test(arguments: pages)
    func `links in Markdown lead somewhere`(page: String) throws {
        let text = try #require(readText("\(projectFolder)/\(page)"))
        let folder = page.contains("/") ? "docs" : "."
        for link in text.split(separator: "](").dropFirst() {
            let target = link.prefix { $0 != ")" && $0 != "#" }
            guard !target.isEmpty, !target.contains("://") else { continue }
            #expect(exists("\(projectFolder)/\(folder)/\(target)"), "\(page): \(target)")
        }
    }
}
