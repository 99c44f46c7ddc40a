import PipeCore
import PipeTesting
import Testing

@testable import Basics

/// Which items have a partner is decided by set arithmetic here, and by order of arrival, gaps and timers in the stage.
struct JoinTests {
    enum By: String, CaseIterable { case sequence, key }
    enum Missing: String, CaseIterable { case skip, pass, wait }

    /// Each side has about two of three numbers; what a side lacks is a gap, or never comes.
    @Test(arguments: By.allCases, Missing.allCases)
    func `pairs what has a partner, and does with the rest as told`(by: By, missing: Missing) throws {
        for seed in 1..<6 {
            let sides = (0..<2).map { side in
                let chance = scattered(60, below: 3, seed: UInt64(seed * 2 + side))
                return Set((0..<60).filter { chance[$0] > 0 })
            }
            var harness = StageHarness(Join.self, "by: \(by.rawValue)\nmissing: \(missing.rawValue)")
            harness.seed = UInt64(seed)
            for (name, numbers) in zip(["left", "right"], sides) {
                harness.feed(
                    name,
                    (0..<60).map { number in
                        numbers.contains(number)
                            ? .item(["n": .integer(number)], key: "\(number)", sequence: number)
                            : .gap(from: number)
                    }
                )
            }
            let result = try harness.run()
            let pairs = Set(result.values("pairs"))
            var expected = Set(sides[0].intersection(sides[1]).map { pair($0, $0) })
            if missing == .pass {
                expected.formUnion(sides[0].subtracting(sides[1]).map { pair($0, nil) })
                expected.formUnion(sides[1].subtracting(sides[0]).map { pair(nil, $0) })
            }
            #expect(pairs == expected)
            #expect(result["pairs"].count == expected.count)
            let lone = sides[0].symmetricDifference(sides[1]).count
            #expect(result.books.dropped[.notChosen] == (missing == .pass ? 0 : lone))
            #expect(result.imbalances.isEmpty && result.books.held == 0)
        }
    }

    private func pair(_ left: Int?, _ right: Int?) -> JSON {
        func side(_ number: Int?) -> JSON { number.map { ["n": .integer($0)] } ?? nil }
        return ["left": side(left), "right": side(right)]
    }

    /// For each of the left in order, the nearest of the right that is free and not too far.
    @Test(arguments: 1..<8)
    func `by time, each takes the nearest within the window`(seed: Int) throws {
        let left = scattered(30, below: 1000, seed: UInt64(seed)).sorted()
        let right = scattered(30, below: 1000, seed: UInt64(seed + 100)).sorted()
        var harness = StageHarness(Join.self, "by: time\nwindow: 20ms")
        harness.seed = UInt64(seed)
        for (name, times) in [("left", left), ("right", right)] {
            harness.feed(name, times.map { .item(["n": .integer($0)], captured: .milliseconds($0)) })
        }
        var free = right
        let expected = left.compactMap { time -> JSON? in
            guard let near = free.indices.min(by: { abs(free[$0] - time) < abs(free[$1] - time) }),
                abs(free[near] - time) <= 20
            else { return nil }
            return pair(time, free.remove(at: near))
        }
        #expect(try harness.run().values("pairs") == expected)
    }

    private static let waits: [(Missing, [JSON], [Int])] = [
        (.skip, [], []), (.pass, [["left": 1, "right": nil], ["left": nil, "right": 2]], [1000, 3000]),
        (.wait, [["left": 1, "right": 2]], [2000]),
    ]

    @Test(arguments: waits)
    func `an item waits for its partner as long as it is told to`(missing: Missing, values: [JSON], times: [Int]) throws
    {
        let window = missing == .wait ? "" : "\nwindow: 1s"
        var harness = StageHarness(Join.self, "missing: \(missing.rawValue)\(window)")
        harness.feed("left", [.item(["v": 1])], ends: false)
        harness.feed("right", [.item(["v": 2], at: .seconds(2))], ends: false)
        let run = try harness.start()
        run.advance(to: .seconds(1) - .milliseconds(1))
        #expect(run.result.books.held == 1)
        run.advance(to: .seconds(60))
        let result = run.result
        #expect(result.books.held == 0)
        #expect(result["pairs"].map(\.milliseconds) == times)
        func number(_ pair: JSON, _ side: String) -> JSON { pair[side]?["v"] ?? .null }
        let pairs = result.values("pairs").map {
            JSON.object([.init("left", number($0, "left")), .init("right", number($0, "right"))])
        }
        #expect(pairs == values)
        #expect(result.books.dropped[.notChosen] == (missing == .skip ? 2 : 0))
        run.stop()
        run.advance()
        _ = run.end()
    }

    @Test func `a gap ends the wait at once, also one that came before`() throws {
        var harness = StageHarness(Join.self, "missing: pass\nwindow: 1h")
        harness.feed("left", [.item(["n": 0]), .gap(2), .item(["n": 3], at: .seconds(9))], ends: false)
        harness.feed(
            "right",
            [.gap(1), .item(["n": 1], at: .seconds(1)), .item(["n": 2]), .item(["n": 3])],
            ends: false
        )
        let run = try harness.start()
        run.advance(to: .seconds(60))
        #expect(run.result.values("pairs") == [pair(0, nil), pair(nil, 1), pair(nil, 2), pair(3, 3)])
        #expect(run.result["pairs"].map(\.milliseconds) == [0, 1000, 1000, 9000])
        _ = run.end(dropping: .cancelled)
    }

    @Test func `an input that has ended gives no partners`() throws {
        var harness = StageHarness(Join.self, "missing: pass\nwindow: 1h")
        harness.feed("left", [.item(["n": 0])])
        harness.feed("right", (0..<4).map { .item(["n": .integer($0)], at: .seconds($0)) })
        let pairs = try harness.run()["pairs"]
        #expect(pairs.map(\.value) == [pair(0, 0), pair(nil, 1), pair(nil, 2), pair(nil, 3)])
        #expect(pairs.map(\.milliseconds) == [0, 1000, 2000, 3000])
    }

    @Test func `a side that runs ahead waits, and nothing is lost`() throws {
        var harness = StageHarness(Join.self, "missing: wait")
        harness.feed("left", .samples(3000))
        harness.feed("right", (0..<3000).map { .item(["n": .integer($0)], at: .seconds(10)) })
        let run = try harness.start()
        run.advance(to: .seconds(9))
        #expect(run.result.books.held <= 1100)
        run.advance()
        #expect(run.end()["pairs"].map(\.sequence) == Array(0..<3000))
    }
}

struct MergeTests {
    @Test(arguments: 1..<6)
    func `in order of capture, whatever comes when`(seed: Int) throws {
        let left = scattered(50, below: 900, seed: UInt64(seed)).sorted()
        let right = scattered(80, below: 900, seed: UInt64(seed + 50)).sorted()
        var harness = StageHarness(Merge.self, "order: capture_time")
        harness.seed = UInt64(seed)
        harness.feed("items", left.map { .item(["t": .integer($0)], captured: .milliseconds($0)) })
        harness.feed(
            "items",
            right.map { .item(["t": .integer($0)], captured: .milliseconds($0), at: .milliseconds($0 / 2)) }
        )
        #expect(try harness.run().numbers("t", of: "merged") == (left + right).sorted().map { .integer($0) })
    }

    @Test func `an item waits for an earlier one as long as the window`() throws {
        var harness = StageHarness(Merge.self, "order: capture_time\nwindow: 500ms")
        harness.feed(
            "items",
            [.item(["n": 1], captured: .seconds(5)), .item(["n": 2], captured: .seconds(4), at: .milliseconds(100))]
        )
        harness.feed("items", [.item(["n": 3], captured: .seconds(3), at: .seconds(2))])
        let merged = try harness.run()["merged"]
        #expect(merged.map { $0.value["n"] } == [2, 1, 3])
        #expect(merged.map(\.milliseconds) == [500, 500, 2000])
    }

    @Test func `in order of arrival nothing waits`() throws {
        var harness = StageHarness(Merge.self)
        harness.feed("items", (0..<5).map { .item(["n": .integer($0)], captured: .zero, at: .milliseconds($0 * 2)) })
        harness.feed(
            "items",
            (0..<5).map { .item(["n": .integer($0 + 5)], captured: .seconds(9), at: .milliseconds($0 * 2 + 1)) }
        )
        let merged = try harness.run()["merged"]
        #expect(merged.map(\.milliseconds) == Array(0..<10))
        #expect(merged.map { $0.value["n"] } == [0, 5, 1, 6, 2, 7, 3, 8, 4, 9])
    }
}
