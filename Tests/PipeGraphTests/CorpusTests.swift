import PipeGraph
import PipeKit
import Testing

/// Graphs with seeded mistakes, each with the findings it must have and no other; and good graphs with none.
/// Corpus/README.md says how a case is written.
struct CorpusTests {
    struct Expected: Hashable, CustomStringConvertible {
        var code: String
        var place: String
        var suggestion: String?

        var description: String { "\(code) \(place)" + (suggestion.map { " -> \($0)" } ?? "") }
    }

    static let corpus = "\(testFolder)/Corpus"
    static let bad = names(in: "\(corpus)/bad").filter { $0.hasSuffix(".yaml") }
    static let good = names(in: "\(corpus)/good").filter { $0.hasSuffix(".yaml") }

    private func check(_ path: String, flags: [String]) throws -> CheckResult {
        var options = CheckOptions(environment: testEnvironment)
        options.looksAtWorld = !flags.contains("--offline")
        for (flag, value) in zip(flags, flags.dropFirst()) where flag == "--set" {
            let sides = value.split(separator: "=", maxSplits: 1).map(String.init)
            options.params.append((String(sides[0].dropFirst("params.".count)), sides.count > 1 ? sides[1] : ""))
        }
        return GraphChecker(catalogue: testCatalogue, options: options).check(path: path)
    }

    private func header(_ path: String) -> (expected: [Expected], flags: [String]) {
        let header = readText(path + ".expect") ?? readText(path) ?? ""
        var expected: [Expected] = []
        var flags: [String] = []
        for line in header.split(whereSeparator: \.isNewline) {
            let line = line.trimmingPrefix("\u{feff}")
            if line.hasPrefix("# flags: ") {
                flags = line.dropFirst("# flags: ".count).split(separator: " ").map(String.init)
            }
            guard line.hasPrefix("# expect: ") else { continue }
            let sides = line.dropFirst("# expect: ".count).split(separator: " -> ", maxSplits: 1).map(String.init)
            let words = sides[0].split(separator: " ").map(String.init)
            expected.append(Expected(code: words[0], place: words[1], suggestion: sides.count > 1 ? sides[1] : nil))
        }
        return (expected, flags)
    }

    private func describe(_ finding: Diagnostic, _ files: SourceFiles, in path: String) -> Expected {
        let file = files[finding.place].name
        let place = "\(finding.place.line):\(finding.place.column)"
        let name = file.split(separator: "/").last.map(String.init) ?? file
        return Expected(
            code: finding.code.name,
            place: file == path ? place : "\(name):\(place)",
            suggestion: finding.suggestion
        )
    }

    @Test(arguments: bad)
    func `a mistake is found at its place, with the way out, and nothing else is`(name: String) throws {
        let path = "\(Self.corpus)/bad/\(name)"
        let (expected, flags) = header(path)
        try #require(!expected.isEmpty, "the file expects nothing")
        let result = try check(path, flags: flags)
        var found = result.findings.map { describe($0, result.files, in: path) }
        for wanted in expected {
            let index = found.firstIndex { other in
                other.code == wanted.code && other.place == wanted.place
                    && (wanted.suggestion == nil || other.suggestion == wanted.suggestion)
            }
            #expect(index != nil, "missing: \(wanted)\nfound:\n\(report(result))")
            if let index { found.remove(at: index) }
        }
        #expect(found.isEmpty, "not expected: \(found)\n\(report(result))")
    }

    @Test(arguments: good)
    func `a good graph has no finding`(name: String) throws {
        let path = "\(Self.corpus)/good/\(name)"
        let result = try check(path, flags: header(path).flags)
        #expect(result.findings.isEmpty, "\(report(result))")
        #expect(result.graph != nil)
    }

    @Test func `the corpus is as large as it is promised to be`() {
        #expect(Self.bad.count >= 200)
        #expect(Self.good.count >= 60)
    }
}
