import PipeGraph
import PipeKit
import PipeTesting
import Testing

/// Input that nobody writes on purpose: one clear finding, quickly, whatever it is.
struct BadInputTests {
    private func check(bytes: [UInt8]) -> CheckResult {
        GraphChecker(catalogue: testCatalogue, options: CheckOptions(environment: testEnvironment))
            .check(SourceFile(name: "graph.yaml", directory: ".", bytes: bytes))
    }

    private func expectOne(_ code: DiagnosticCode, _ line: Int32, _ column: Int32, _ bytes: [UInt8]) {
        let findings = check(bytes: bytes).findings
        #expect(findings.map(\.code) == [code])
        #expect(findings.first?.place.line == line)
        #expect(findings.first?.place.column == column)
    }

    static let head = Array("pipe: 1\nname: größe ".utf8)

    @Test(
        arguments: [
            ([0x00], DiagnosticCode.controlCharacter), ([0x07], .controlCharacter), ([0x7f], .controlCharacter),
            ([0xc2, 0x80], .controlCharacter), ([0xef, 0xbb, 0xbf], .controlCharacter),
            ([0xef, 0xbf, 0xbe], .controlCharacter),
            ([0xff], .notUTF8), ([0xc0, 0x80], .notUTF8), ([0xed, 0xa0, 0x80], .notUTF8),
            ([0xf5, 0x80, 0x80, 0x80], .notUTF8),
            ([0xe2, 0x82], .notUTF8), ([0x80], .notUTF8), ([0xf0, 0x80, 0x80, 0x80], .notUTF8),
        ] as [([UInt8], DiagnosticCode)]
    )
    func `a byte that cannot be there has a line and a column`(bytes: [UInt8], code: DiagnosticCode) {
        expectOne(code, 2, 13, Self.head + bytes)
    }

    @Test(arguments: [[0xff, 0xfe, 0x70, 0x00], [0xfe, 0xff, 0x00, 0x70]] as [[UInt8]])
    func `another encoding is named`(bytes: [UInt8]) {
        expectOne(.notUTF8, 1, 1, bytes)
        #expect(check(bytes: bytes).findings.first?.message.contains("UTF-16") == true)
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "\u{feff}"])
    func `an empty file says how to begin`(text: String) {
        #expect(check(bytes: Array(text.utf8)).findings.count == 1)
    }

    @Test(arguments: ["[", "{a: ", "- ", "[{a: "])
    func `nesting is bounded`(opening: String) {
        let text = "pipe: " + String(repeating: opening, count: 100_000)
        let findings = check(bytes: Array(text.utf8)).findings
        #expect(findings.count == 1)
        #expect([DiagnosticCode.tooDeep, .yamlSyntax].contains(findings[0].code))
    }

    @Test func `indented nesting is bounded`() {
        let text = (0..<1000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(check(bytes: Array(text.utf8)).findings.map(\.code) == [.tooDeep])
    }

    @Test func `an alias bomb is counted as it would expand`() {
        var text = "pipe: 1\nx-a: &a0 [l, o, l]\n"
        for level in 1...40 {
            text += "x-\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        let findings = check(bytes: Array(text.utf8)).findings
        #expect(findings.map(\.code) == [.tooManyValues])
    }

    @Test func `a merge bomb is counted too`() {
        var text = "pipe: 1\nx-0: &a0 {k0: 1, k1: 2}\n"
        for level in 1...40 {
            text += "x-\(level): &a\(level)\n  <<: [\((0..<9).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        #expect(check(bytes: Array(text.utf8)).findings.map(\.code) == [.tooManyValues])
    }

    @Test func `values are bounded`() {
        let text = "pipe: 1\nx-list: [" + String(repeating: "1,", count: 600_000) + "]\n"
        #expect(check(bytes: Array(text.utf8)).findings.map(\.code) == [.tooManyValues])
    }

    @Test func `a file beyond the limit is not read`() throws {
        try withFolder { folder in
            let path = "\(folder)/large.yaml"
            // A hole in a file: 100 MiB that take no disk.
            try write("pipe: 1\n", to: path)
            #expect(truncateFile(path, 100 << 20))
            let checker = GraphChecker(catalogue: testCatalogue, options: CheckOptions(environment: [:]))
            #expect(checker.check(path: path).findings.map(\.code) == [.fileTooLarge])
            #expect(checker.check(path: folder).findings.map(\.code) == [.unreadableFile])
            #expect(checker.check(path: "\(folder)/none.yaml").findings.map(\.code) == [.unreadableFile])
            // One that has no size and no end.
            #expect(checker.check(path: "/dev/zero").findings.map(\.code) == [.fileTooLarge])
        }
    }

    @Test func `line ends of any kind count the same`() {
        let lines = ["pipe: 1", "name: x", "stages:", "  a: { type: generat }"]
        for end in ["\n", "\r\n", "\r"] {
            let findings = check(bytes: Array(lines.joined(separator: end).utf8)).findings
            let place = findings.first { $0.code == .unknownType }?.place
            #expect(place?.line == 4)
            #expect(place?.column == 14)
        }
    }

    @Test func `a byte order mark at the start is no character`() {
        let findings = check(bytes: Array("\u{feff}pip: 1\nstages: {}\n".utf8)).findings
        #expect(findings.first?.place.column == 1)
        #expect(findings.first?.suggestion == "pipe")
    }

    @Test func `ten thousand keys on one level are fine and a repeated one is found`() {
        let fields = (0..<10_000).map { "      f\($0): \($0)\n" }.joined()
        let text = """
            pipe: 1
            stages:
              a:
                type: generate
                fields:
            \(fields)      f77: 1
              b: { type: "null", from: a }
            """
        let findings = check(bytes: Array(text.utf8)).findings
        #expect(findings.map(\.code) == [.duplicateKey])
        #expect(findings.first?.place.line == 10_006)
    }

    /// Every prefix of a real graph, and every graph with one byte replaced: findings or a graph, never a trap.
    @Test func `cut and broken graphs are survived`() throws {
        let source = try #require(contents(of: "\(projectFolder)/pipelines/stereo.yaml"))
        for end in stride(from: 0, to: source.count, by: 3) { _ = check(bytes: Array(source[..<end])) }
        var random: UInt64 = 42
        for _ in 0..<1500 {
            var bytes = source
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[Int(random >> 33) % bytes.count] = UInt8(truncatingIfNeeded: random >> 20)
            let result = check(bytes: bytes)
            #expect(result.graph != nil || result.errorCount > 0)
            _ = report(result)
        }
    }
}
