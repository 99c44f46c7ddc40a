import PipeCore
import PipeKit
import PipeTesting
import Synchronization
import Testing

/// Asks about lines: each answer is its line and the number of lines that were asked together.
private struct Asker: Consumer {
    static let info = StageInfo("asker", "Asks about lines.", example: "from: lines")

    @Input("Questions.") var lines: Receiver<Text>
    @Output("Answers.") var answers: Sender<Text>
    @Option("Lines a call.", in: 1...) var count = 3
    @Option("Bytes a call.", in: ByteCount(1)...) var maxBytes: ByteCount?
    @Option("Longest wait.") var window = Duration.seconds(1)
    @Option("Calls at once.", in: 1...) var atOnce = 1
    @Option("Attempts.", in: 1...) var attempts = 1
    @Option("Answer one line less.") var forgets = false

    @Option("Whose calls these are.") var name = ""

    /// Calls that were begun, with what they asked.
    static let calls = Mutex<[String: [[String]]]>([:])

    private var batched = BatchedCalls<Text, String>(count: 1, window: .zero) { _ in [] }

    mutating func start(_ context: StageContext) {
        let failures = Mutex<Set<String>>([])
        batched = BatchedCalls(
            count: count,
            maxBytes: maxBytes,
            window: window,
            atOnce: atOnce,
            effort: Effort(attempts: attempts, backoff: .milliseconds(10))
        ) { [forgets, name] texts in
            Self.calls.withLock { $0[name, default: []].append(texts.map(\.value)) }
            if texts.contains(where: { $0.value == "bad" }) { throw StageError("a bad line") }
            // One that fails at the first attempt only.
            if texts.contains(where: { $0.value == "shy" && failures.withLock { $0.insert("shy").inserted } }) {
                throw StageError("not now")
            }
            return texts.dropFirst(forgets ? 1 : 0).map { "\($0.value) of \(texts.count)" }
        }
        batched.start(context)
    }

    mutating func process(_ item: consuming Item<Text>, _ context: StageContext) { batched.add(item, context) }
    mutating func wake(_ context: StageContext) { batched.wake(context) }
    mutating func finish(_ context: StageContext) { batched.finish(context) }

    mutating func completed(_ completion: Completion, _ context: StageContext) {
        for (item, answer) in batched.completed(completion, context) { answers.send(item.with(Text(answer))) }
    }
}

struct BatchedCallsTests {
    private func ask(_ lines: [Fed], _ options: String = "", _ name: String = #function) throws -> StageResult {
        Asker.calls.withLock { $0[name] = [] }
        var harness = StageHarness(Asker.self, "on_error: skip\nname: '\(name)'\n\(options)")
        harness.feed("lines", lines)
        return try harness.run()
    }

    private func calls(_ name: String = #function) -> [[String]] { Asker.calls.withLock { $0[name] ?? [] } }

    private func lines(_ values: String...) -> [Fed] { values.map { .item(.string($0)) } }
    private func texts(_ result: StageResult) -> [String?] { result["answers"].map { ($0.payload as? Text)?.value } }

    @Test(arguments: [1, 2, 3, 10])
    func `each answer comes to its item, in the order of the items`(atOnce: Int) throws {
        for seed in 0..<20 as Range<UInt64> {
            var harness = StageHarness(Asker.self, "at_once: \(atOnce)")
            harness.seed = seed
            harness.feed("lines", (0..<20).map { .item(.string("\($0)"), key: "\($0 % 3)") })
            let result = try harness.run()
            #expect(texts(result) == (0..<20).map { "\($0) of \($0 < 18 ? 3 : 2)" })
            #expect(result["answers"].map(\.key) == (0..<20).map { "\($0 % 3)" })
            #expect(result.books.done == 20 && result.books.held == 0 && result.imbalances == [])
        }
    }

    @Test func `a call is made when there is enough, or when the first has waited`() throws {
        let times = [0, 100, 200, 300, 2000]
        let result = try ask(times.map { .item(.string("\($0)"), at: .milliseconds($0)) })
        #expect(calls() == [["0", "100", "200"], ["300"], ["2000"]])
        #expect(result["answers"].count == 5)
        _ = try ask(lines("aaaa", "bbbb", "cccc", "dddddddddd"), "max_bytes: 8B\ncount: 10")
        #expect(calls() == [["aaaa", "bbbb"], ["cccc"], ["dddddddddd"]])
    }

    @Test func `items of a call that failed are failed, and no others`() throws {
        let result = try ask(lines("a", "b", "c", "d", "bad", "e", "f"))
        #expect(texts(result) == ["a of 3", "b of 3", "c of 3", "f of 1"])
        #expect(result.books.failed == 3 && result.books.done == 4 && result.imbalances == [])
    }

    @Test func `a call is tried again as the effort says`() throws {
        let result = try ask(lines("a", "shy", "c"), "attempts: 2")
        #expect(texts(result) == ["a of 3", "shy of 3", "c of 3"])
        #expect(calls().count == 2)
    }

    @Test func `fewer answers than questions are a failure`() throws {
        let result = try ask(lines("a", "b", "c"), "forgets: true")
        #expect(texts(result) == [] && result.books.failed == 3)
    }

    @Test func `what is held is bounded by the calls, and the rest waits in the link`() throws {
        var harness = StageHarness(Asker.self, "count: 2\nat_once: 1")
        harness.feed("lines", (0..<40).map { .item(.string("\($0)")) })
        let run = try harness.start()
        var most = 0
        while !run.isFinished {
            run.advance(steps: 1)
            most = max(most, run.result.books.held)
        }
        #expect(most == 4)
        #expect(run.end()["answers"].count == 40)
    }
}
