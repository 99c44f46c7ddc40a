import PipeCore
import PipeKit
import PipeTesting
import Synchronization
import Testing

/// Adds up, and says so after a second without an item.
private struct Sum: Consumer {
    static let info = StageInfo("sum", "Adds numbers up.", example: "from: numbers")

    @Input("Documents with 'n'.") var numbers: Receiver<Document>
    @Output("A document with 'sum'.") var sums: Sender<Document>
    @Output("What has no number.", .optional, like: "numbers") var odd: Sender<Document>

    @Option("What is added to each.", in: 0...100) var plus = 0

    private var sum = 0

    mutating func process(_ item: consuming Item<Document>, _ context: StageContext) throws {
        guard case .integer(let number)? = item.payload.value["n"] else { return odd.send(item) }
        if number < 0 { throw StageError("a number below nothing") }
        sum += number + plus
        context.log(.info, "added \(number)")
        context.wake(after: .seconds(1))
    }

    mutating func wake(_ context: StageContext) { tell() }
    mutating func finish(_ context: StageContext) { tell() }
    private func tell() { sums.send(Document(["sum": .integer(sum)])) }
}

/// Does an operation for each item, which holds a token as one that writes holds what it writes.
private struct Works: Consumer {
    static let info = StageInfo("works", "Does something outside for each item.", example: "from: items")

    @Input("Anything.") var items: Receiver<AnyPayload>

    final class Token: Sendable {
        static let living = Atomic<Int>(0)
        init() { Self.living.add(1, ordering: .relaxed) }
        deinit { Self.living.subtract(1, ordering: .relaxed) }
    }

    static let most = Atomic<Int>(0)

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        context.keep()
        context.pause(input: 0)
        let token = Token()
        context.submit { withExtendedLifetime(token) {} }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) {
        Self.most.max(Token.living.load(ordering: .relaxed), ordering: .relaxed)
        context.release()
        context.resume(input: 0)
    }
}

/// Says what time it runs on.
private struct Asks: Consumer {
    static let info = StageInfo("asks", "Says what time it runs on.", example: "from: items")

    @Input("Anything.") var items: Receiver<AnyPayload>
    @Output("Whether it is simulated.") var answers: Sender<Document>

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        answers.send(Document(["simulated": .bool(context.isSimulated)]))
    }
}

struct HarnessTests {
    @Test func `a stage can ask whether there is a world`() throws {
        for clock in StageHarness.Clock.allCases {
            var harness = StageHarness(Asks.self)
            harness.feed("items", .values(["n": 1]))
            #expect(try harness.run(on: clock).values("answers") == [["simulated": .bool(clock == .virtual)]])
        }
    }

    @Test(.serialized, arguments: StageHarness.Clock.allCases)
    func `what an operation holds is let go when it is done, not when its time is over`(clock: StageHarness.Clock)
        throws
    {
        Works.most.store(0, ordering: .relaxed)
        var harness = StageHarness(Works.self)
        harness.feed("items", .samples(2000))
        #expect(try harness.run(on: clock).books.done == 2000)
        #expect(Works.most.load(ordering: .relaxed) < 1000)
    }

    @Test(arguments: StageHarness.Clock.allCases)
    func `options, feed, outputs, books and log are those of a graph`(clock: StageHarness.Clock) throws {
        var harness = StageHarness(Sum.self, "plus: 10\non_error: skip")
        harness.feed("numbers", .values(["n": 1], ["m": 2], ["n": -1], ["n": 3]))
        let result = try harness.run(on: clock)
        #expect(result.values("sums") == [["sum": 24]])
        #expect(result["odd"].map(\.sequence) == [1])
        #expect(result["odd"].map(\.source) == ["feed_numbers"])
        #expect(result.books.in == 4)
        #expect(result.books.failed == 1)
        #expect(result.log.map(\.message) == ["added 1", "failed on an item: a number below nothing", "added 3"])
        #expect(result.imbalances.isEmpty && result.isComplete && result.troubles.isEmpty)
    }

    @Test func `time goes on as the test says`() throws {
        var harness = StageHarness(Sum.self)
        harness.feed("numbers", [.item(["n": 1]), .item(["n": 2], at: .seconds(5))], ends: false)
        let run = try harness.start()
        run.advance(to: .milliseconds(900))
        #expect(run.result["sums"].isEmpty)
        run.advance(by: .milliseconds(200))
        #expect(run.result.values("sums") == [["sum": 1]])
        run.advance(to: .seconds(60))
        #expect(run.result.values("sums") == [["sum": 1], ["sum": 3]])
        #expect(!run.isFinished)
        run.stop()
        run.advance()
        #expect(run.isFinished)
        #expect(run.end().values("sums").count == 3)
    }

    @Test func `key, number, capture and gaps are as they were fed`() throws {
        var harness = StageHarness(Sum.self)
        harness.feed(
            "numbers",
            [
                .item(["a": 1], key: "k", captured: .seconds(9)), .gap(3), .item(["a": 2], at: .seconds(1)),
                .item(["a": 3], sequence: 50),
            ]
        )
        let odd = try harness.run()["odd"]
        #expect(odd.map(\.sequence) == [0, 4, 50])
        #expect(odd.map(\.key) == ["k", "", ""])
        #expect(odd.map(\.captured.nanoseconds) == [9_000_000_000, 1_000_000_000, 1_000_000_000])
        #expect(odd[1].at.nanoseconds >= 1_000_000_000)
    }

    @Test func `links and faults are those of a graph`() throws {
        var harness = StageHarness(Sum.self, "restart: { max: 1, backoff: 1s }")
        harness.feed("numbers", .samples(10, every: .seconds(1)))
        harness.inputLinks = "capacity: 2, when_full: drop_newest"
        harness.fault(.stall(.seconds(5)), at: .milliseconds(500))
        harness.fault(.kill, at: .seconds(8))
        let result = try harness.run()
        #expect(result.numbers.links[0].books.dropped[.overflow] == 3)
        #expect(result.stage(StageHarness.subject).restarts == 1)
        #expect(result.imbalances.isEmpty)
    }

    @Test func `what is wrong with options or feed is said`() throws {
        let error = #expect(throws: StageError.self) { try StageHarness(Sum.self, "plus: 101").run() }
        #expect(error?.message.contains("[out-of-range]") == true)
        var harness = StageHarness(Sum.self)
        harness.feed("numbers", .values("text"))
        #expect(throws: StageError.self) { try harness.run() }
        harness = StageHarness(Sum.self)
        harness.feed("nubmers", [])
        #expect(throws: StageError.self) { try harness.run() }
    }

    @Test func `what is left at the end is held, or dropped for a reason`() throws {
        var harness = StageHarness(Sum.self)
        harness.feed("numbers", .samples(100))
        harness.fault(.stall(.seconds(100)))
        let held = try harness.start()
        held.advance(to: .seconds(1))
        #expect(held.end().numbers.links[0].books.held == 64)
        let dropped = try harness.start()
        dropped.advance(to: .seconds(1))
        #expect(dropped.end(dropping: .cancelled).numbers.links[0].books.dropped[.cancelled] >= 64)
    }
}
