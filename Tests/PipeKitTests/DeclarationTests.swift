import PipeCore
import PipeKit
import Testing

private struct Retry: OptionBlock {
    @Option("Attempts.", in: 1...10) var max = 3
    @Option("Wait between.") var wait = Duration.seconds(1)

    func check(_ report: inout Diagnostics) {
        if max == 1, $wait.isStated { report.error(.optionConflict, at: $wait, "one attempt has no wait") }
    }
}

private struct Sample: Stage {
    static let info = StageInfo("sample", "For this test.", example: "from: camera")

    @Input("In.") var items: Receiver<Document>
    @Output("Out.") var results: Sender<Document>

    @Option("A number.", in: 2...10_000) var groupSize = 30
    @Option("Required.") var name: String
    @Option("Maybe.", in: 1...) var limit: Int?
    @Option("A block.") var retry = Retry()
    @Option("A list.") var tags: [String] = ["a"]
    @Option("Old.", deprecated: .use("group_size")) var size: Int?
}

struct DeclarationTests {
    private func entry(_ key: String, _ content: Node.Content, column: Int32 = 1) -> Node.Entry {
        let place = Place(file: 0, line: 1, column: column, length: 1)
        return Node.Entry(key: key, keyPlace: place, value: Node(content, at: place))
    }

    private func scalar(_ text: String) -> Node.Content { .scalar(text: text, style: .plain) }

    private func bind(_ entries: [Node.Entry]) -> (stage: Sample?, findings: [Diagnostic]) {
        let reader = Reader()
        let fields = Fields.of(Sample.self)
        let values = fields.read(entries, of: Place(file: 0, line: 9, column: 1, length: 1), reader)
        return (values.isSound ? fields.make(Sample.self, values) : nil, reader.diagnostics.all)
    }

    @Test func `everything is found where it is declared`() throws {
        let fields = Fields.of(Sample.self)
        #expect(fields.options.map(\.name) == ["group_size", "name", "limit", "retry", "tags", "size"])
        #expect(fields.inputs.map(\.name) == ["items"])
        #expect(fields.outputs.map(\.name) == ["results"])
        let group = try #require(fields.option(named: "group_size"))
        #expect((group.kind.name, group.bounds?.text, group.defaultText) == ("integer", "2...10000", "30"))
        #expect(fields.options.map(\.isRequired) == [false, true, false, false, false, false])
        #expect(fields.option(named: "limit")?.bounds?.text == "1...")
    }

    @Test func `values end up in place and know where they came from`() throws {
        let (stage, findings) = bind([
            entry("name", scalar("x")), entry("group_size", scalar("7"), column: 5),
            entry("retry", .map([entry("max", scalar("2"))])), entry("tags", .list([])),
        ])
        let sample = try #require(stage)
        #expect(findings.isEmpty)
        #expect((sample.groupSize, sample.name, sample.limit, sample.tags) == (7, "x", nil, []))
        #expect((sample.retry.max, sample.retry.wait) == (2, .seconds(1)))
        #expect(sample.$groupSize.place?.column == 5)
        #expect(!sample.$limit.isStated)
    }

    @Test func `all mistakes are reported, each once`() {
        let (stage, findings) = bind([
            entry("group_size", scalar("1")), entry("nme", scalar("x")), entry("limit", scalar("many")),
            entry("retry", .map([entry("max", scalar("1")), entry("wait", scalar("2s"))])), entry("tags", scalar("a")),
        ])
        #expect(stage == nil)
        // 'name' is missing under its own name, and that was said with 'nme'.
        #expect(findings.map(\.code) == [.outOfRange, .unknownKey, .wrongType, .optionConflict, .wrongShape])
        #expect(findings[1].suggestion == "name")
    }

    @Test func `a missing option is named with what it is for`() {
        let findings = bind([]).findings
        #expect(findings.map(\.message) == ["the option 'name' is missing (string)"])
        #expect(findings.first?.help == "add 'name: …': required.")
        #expect(findings.first?.place.line == 9)
    }

    @Test func `an option that is going away says what to use`() {
        let (stage, findings) = bind([entry("name", scalar("x")), entry("size", scalar("3"))])
        #expect(stage?.size == 3)
        #expect(findings.map(\.code) == [.deprecated])
        #expect(findings.first?.suggestion == "group_size")
        #expect(findings.first?.severity == .warning)
    }

    @Test func `a stage made by hand has its defaults`() {
        let sample = Sample()
        #expect((sample.groupSize, sample.limit, sample.retry.max) == (30, nil, 3))
    }
}
