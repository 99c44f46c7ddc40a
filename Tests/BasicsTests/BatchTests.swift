import PipeCore
import PipeTesting
import Testing

@testable import Basics

struct BatchTests {
    @Test(arguments: [1, 2, 3, 7, 10, 64])
    func `gathers so many, and at the end what is left`(count: Int) throws {
        var harness = StageHarness(Batch.self, "count: \(count)")
        harness.feed("items", .samples(10))
        let expected = stride(from: 0, to: 10, by: count).map { first in
            JSON.array((first..<min(first + count, 10)).map { ["sequence": .integer($0)] })
        }
        #expect(try harness.run().numbers("items", of: "batches") == expected)
    }

    @Test func `sends what the first item has waited for long enough`() throws {
        var harness = StageHarness(Batch.self, "window: 1s")
        let times: [Int] = [0, 400, 990, 1500, 2600]
        harness.feed("items", times.map { .item(["at": .integer($0)], at: .milliseconds($0)) })
        let batches = try harness.run()["batches"]
        #expect(batches.map(\.milliseconds) == [1000, 2500, 2600])
        #expect(
            batches.map(\.value) == [
                ["items": [["at": 0], ["at": 400], ["at": 990]]], ["items": [["at": 1500]]], ["items": [["at": 2600]]],
            ]
        )
    }

    @Test(arguments: [
        ([4, 4, 4], [[4, 4], [4]]), ([10, 1], [[10], [1]]), ([25, 3, 3], [[25], [3, 3]]),
        ([3, 25, 3], [[3], [25], [3]]),
        ([5, 5, 5, 5], [[5, 5], [5, 5]]),
    ])
    func `is never larger than allowed, unless one item is`(sizes: [Int], expected: [[Int]]) throws {
        var harness = StageHarness(Batch.self, "max_bytes: 10B")
        harness.feed("items", sizes.map { .item(.string(String(repeating: "x", count: $0))) })
        let batches = try harness.run().numbers("items", of: "batches")
        let got = batches.map { batch -> [Int] in
            guard case .array(let items)? = batch else { return [] }
            return items.map { if case .string(let text)? = $0["text"] { text.utf8.count } else { -1 } }
        }
        #expect(got == expected)
    }

    @Test func `gathers for each key by itself`() throws {
        var harness = StageHarness(Batch.self, "count: 3\nper_key: true")
        harness.feed("items", .samples(11, keys: ["a", "b"]))
        let batches = try harness.run()["batches"]
        let full = batches.prefix(2), rest = batches.dropFirst(2)
        #expect(full.map(\.key) == ["a", "b"])
        #expect(rest.map(\.key) == ["a", "b"], "what is left leaves in the order in which it began")
        for (key, first) in [("a", 0), ("b", 1)] {
            let numbers = batches.filter { $0.key == key }.map { $0.value["items"] }
            let expected = stride(from: first, to: 11, by: 2).map { JSON.object([.init("sequence", .integer($0))]) }
            #expect(numbers == [.array(Array(expected.prefix(3))), .array(Array(expected.dropFirst(3)))])
        }
    }

    @Test func `is as old as its oldest item, and the batch of no key without per_key`() throws {
        var harness = StageHarness(Batch.self, "count: 3")
        harness.feed("items", [7, 2, 5].map { .item(["n": 1], key: "k", captured: .seconds($0)) })
        let batches = try harness.run()["batches"]
        #expect(batches.map(\.captured.nanoseconds) == [2_000_000_000])
        #expect(batches.map(\.key) == [""])
    }

    @Test func `more keys than memory is for leave before their time, the oldest first`() throws {
        var harness = StageHarness(Batch.self, "per_key: true\nwindow: 1h")
        harness.feed("items", .samples(5000, keys: (0..<5000).map { "\($0)" }), ends: false)
        let run = try harness.start()
        run.advance(to: .seconds(60))
        let early = run.result["batches"].map(\.key)
        #expect(early.count > 0 && early == (0..<early.count).map { "\($0)" })
        #expect(run.result.books.held + early.count == 5000)
        _ = run.end(dropping: .cancelled)
    }
}
