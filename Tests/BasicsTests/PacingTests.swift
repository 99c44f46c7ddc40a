import PipeCore
import PipeTesting
import Testing

@testable import Basics

struct ThrottleTests {
    /// When items that all wait pass: `burst` at once, then one each interval.
    @Test(arguments: [1, 2, 5])
    func `lets a burst pass, and then the rate`(burst: Int) throws {
        var harness = StageHarness(Throttle.self, "rate: 10/s\nburst: \(burst)")
        harness.feed("items", .samples(8))
        let paced = try harness.run()["paced"]
        #expect(paced.map(\.milliseconds) == (0..<8).map { max(0, $0 - burst + 1) * 100 })
        #expect(paced.map(\.sequence) == Array(0..<8))
    }

    @Test func `a pause fills the burst again, and no more than that`() throws {
        var harness = StageHarness(Throttle.self, "rate: 1/s\nburst: 3")
        harness.feed("items", .samples(4) + (0..<5).map { _ in .item(["late": 1], at: .seconds(60)) })
        #expect(
            try harness.run()["paced"].map(\.milliseconds) == [0, 0, 0, 1000, 60_000, 60_000, 60_000, 61_000, 62_000]
        )
    }

    @Test func `with per_key each key has a rate of its own, also at the end`() throws {
        var harness = StageHarness(Throttle.self, "rate: 1/s\nper_key: true")
        harness.feed("items", .samples(9, keys: ["a", "a", "b"]))
        let paced = try harness.run()["paced"]
        for (key, count) in [("a", 6), ("b", 3)] {
            let own = paced.filter { $0.key == key }
            #expect(own.map(\.milliseconds) == (0..<count).map { $0 * 1000 })
            #expect(own.map(\.sequence) == own.map(\.sequence).sorted())
        }
    }

    @Test func `it delays, and drops nothing`() throws {
        var harness = StageHarness(Throttle.self, "rate: 1000/s\nper_key: true")
        harness.feed("items", .samples(3000, keys: ["a"]))
        let result = try harness.run()
        #expect(result["paced"].count == 3000)
        #expect(result.books.dropped.total == 0)
    }
}

struct GenerateTests {
    @Test func `says how far it has got, if it has an end`() throws {
        let run = try StageHarness(Generate.self, "count: 200\nrate: 100/s").start()
        run.advance(to: .milliseconds(495))
        #expect(run.result.stage(StageHarness.subject).progress == Progress(50, of: 200))
        #expect(run.result.numbers.progress == 0.25)
        run.advance()
        #expect(run.result.numbers.progress == 1)
        #expect(run.end().stage(StageHarness.subject).progress == Progress(200, of: 200))

        let endless = try StageHarness(Generate.self, "rate: 100/s").start()
        endless.advance(to: .seconds(1))
        #expect(endless.result.numbers.progress == nil)
        _ = endless.end(dropping: .cancelled)
    }

    @Test func `items are due by their number, so that no rounding adds up`() throws {
        let harness = StageHarness(Generate.self, "count: 1000\nrate: 3/s")
        let items = try harness.run()["items"]
        #expect(items.map(\.captured.nanoseconds) == (0..<1000).map { Int((Double($0) * 1e9 / 3).rounded()) })
    }

    @Test func `fields are expressions that may use what stands before them`() throws {
        let harness = StageHarness(
            Generate.self,
            "count: 3\nkeys: [a, b]\nfields: { twice: item.sequence * 2, more: twice + 1, who: item.key }"
        )
        let items = try harness.run()["items"]
        #expect(
            items.map(\.value) == [
                ["sequence": 0, "twice": 0, "more": 1, "who": "a"], ["sequence": 1, "twice": 2, "more": 3, "who": "b"],
                ["sequence": 2, "twice": 4, "more": 5, "who": "a"],
            ]
        )
        #expect(items.map(\.key) == ["a", "b", "a"])
        #expect(items.map(\.sequence) == [0, 1, 2])
    }

    @Test func `padding makes a document as much larger`() throws {
        let small = try StageHarness(Generate.self, "count: 1").run()["items"][0].payload.byteCount
        let large = try StageHarness(Generate.self, "count: 1\npadding: 10KiB").run()["items"][0].payload.byteCount
        #expect((10_240...10_300).contains(large - small))
    }

    @Test func `without count it goes on until the run ends`() throws {
        let result = try StageHarness(Generate.self, "rate: 10/s").run(stoppingAt: .milliseconds(1050))
        #expect(result["items"].count == 11)
        #expect(result.isComplete)
    }
}

struct FaultTests {
    @Test func `fails on and loses about the share that it is told to, and always the same items`() throws {
        var harness = StageHarness(Fault.self, "fail: 20%\nlose: 30%\non_error: skip")
        harness.feed("items", .samples(1000))
        let result = try harness.run()
        #expect((150...250).contains(result.books.failed))
        #expect((250...350).contains(result.books.dropped[.notChosen]))
        #expect(result["survivors"].count == 1000 - result.books.failed - result.books.dropped.total)
        harness.seed = 99
        #expect(try harness.run()["survivors"].map(\.sequence) == result["survivors"].map(\.sequence))
        var other = StageHarness(Fault.self, "fail: 20%\nlose: 30%\nseed: 2\non_error: skip")
        other.feed("items", .samples(1000))
        #expect(try other.run()["survivors"].map(\.sequence) != result["survivors"].map(\.sequence))
    }

    @Test func `each item takes as long as it is told to`() throws {
        var harness = StageHarness(Fault.self, "delay: 20ms")
        harness.feed("items", .samples(5))
        #expect(try harness.run()["survivors"].map(\.milliseconds) == [20, 40, 60, 80, 100])
    }

    @Test func `it dies once, and goes on with the next item`() throws {
        var harness = StageHarness(Fault.self, "die_after: 3\nrestart: { max: 5, backoff: 1ms }")
        harness.feed("items", .samples(10, every: .milliseconds(10)))
        let result = try harness.run()
        #expect(result.stage(StageHarness.subject).restarts == 1)
        #expect(result["survivors"].count + result.books.failed == 10)
        #expect(result["survivors"].count >= 9)
    }
}
