import PipeCore
import PipeTesting
import Testing

@testable import Basics

struct MapTests {
    private func mapped(_ options: String, _ values: JSON...) throws -> [StageResult.Output] {
        var harness = StageHarness(Map.self, options)
        harness.feed("items", values.map { .item($0, key: "old") })
        return try harness.run()["changed"]
    }

    private static let changes: [(String, JSON)] = [
        ("set: { b: a + 1, c: b * 2 }", ["a": 1, "b": 2, "c": 4]), ("set: { a: a + 1 }", ["a": 2]),
        ("set: { b: a, c: missing }\nkeep: [b]", ["b": 1]), ("set: { b: 5 }\nremove: [a]", ["b": 5]),
        ("keep: []", [:]), ("remove: [nothing]", ["a": 1]),
    ]

    @Test(arguments: changes)
    func `sets, then keeps, then removes`(options: String, expected: JSON) throws {
        #expect(try mapped(options, ["a": 1]).map(\.value) == [expected])
    }

    @Test(arguments: [("who", "x"), ("number", "3"), ("upper(who)", "X"), ("gone", "null")])
    func `the key is what its expression says, seen after all else`(expression: String, key: String) throws {
        let options = "set: { who: w, number: 1 + 2 }\nremove: [w]\nkey: \(expression)"
        #expect(try mapped(options, ["w": "x"]).map(\.key) == [key])
    }

    @Test func `number, capture and order stay`() throws {
        var harness = StageHarness(Map.self, "set: { b: 1 }")
        harness.feed("items", (0..<5).map { .item(["a": 1], sequence: 10 * $0, captured: .seconds(100 - $0)) })
        let changed = try harness.run()["changed"]
        #expect(changed.map(\.sequence) == [0, 10, 20, 30, 40])
        #expect(changed.map(\.captured.nanoseconds) == (0..<5).map { (100 - $0) * 1_000_000_000 })
    }
}

struct ChoosingTests {
    private let values = scattered(200, below: 100)

    @Test func `filter passes what its expression holds for, and counts the rest`() throws {
        var harness = StageHarness(Filter.self, "where: n > 30 and n != 50")
        harness.feed("items", values.map { .item(["n": .integer($0)]) })
        let result = try harness.run()
        let expected = values.filter { $0 > 30 && $0 != 50 }
        #expect(result.numbers("n", of: "passed") == expected.map { .integer($0) })
        #expect(result.books.dropped[.notChosen] == values.count - expected.count)
    }

    @Test func `a value that is not there holds for nothing`() throws {
        var harness = StageHarness(Filter.self, "where: n > 30")
        harness.feed("items", .values(["m": 40], ["n": "text"], ["n": 31]))
        #expect(try harness.run().values("passed") == [["n": 31]])
    }

    @Test(arguments: [true, false])
    func `split sends each item one way, and drops the rest where nothing is linked`(isLinked: Bool) throws {
        var harness = StageHarness(Split.self, "where: n >= 50")
        harness.feed("items", values.map { .item(["n": .integer($0)]) })
        if !isLinked { harness.unlinked = ["rest"] }
        let result = try harness.run()
        #expect(result.numbers("n", of: "matched") == values.filter { $0 >= 50 }.map { .integer($0) })
        let rest = values.filter { $0 < 50 }
        if isLinked { #expect(result.numbers("n", of: "rest") == rest.map { .integer($0) }) }
        #expect(result.books.dropped[.notChosen] == (isLinked ? 0 : rest.count))
    }

    @Test func `null takes everything, of any payload`() throws {
        var harness = StageHarness(Null.self)
        harness.feed("items", .samples(100))
        harness.feed("items", (0..<50).map { .item(.string("line \($0)")) })
        #expect(try harness.run().books.done == 150)
    }
}

struct ParseJSONTests {
    @Test func `each line becomes a document, its number and key kept`() throws {
        var harness = StageHarness(ParseJSON.self)
        harness.feed("lines", [.item("{\"a\": [1, 2.5, null]}", key: "k", sequence: 7), .item(" {} ")])
        let documents = try harness.run()["documents"]
        let expected: [JSON] = [["a": [1, 2.5, nil]], [:]]
        #expect(documents.map(\.value) == expected)
        #expect(documents.map(\.sequence) == [7, 8])
        #expect(documents[0].key == "k")
    }

    @Test(arguments: ["", "{", "[1]", "12", "null", "{\"a\":1}x", "{'a': 1}", "nonsense", "{\"a\": 01}", "\u{0}"])
    func `what is no object fails, and nothing else`(line: String) throws {
        var harness = StageHarness(ParseJSON.self, "on_error: dead_letter")
        harness.feed("lines", [.item("{\"n\": 1}"), .item(.string(line)), .item("{\"n\": 2}")])
        let result = try harness.run()
        #expect(result.values("documents") == [["n": 1], ["n": 2]])
        #expect(result.values("dead_letter") == [["text": .string(line)]])
        #expect(result.books.failed == 1)
    }

    @Test func `a line of many brackets is refused`() throws {
        var harness = StageHarness(ParseJSON.self, "on_error: skip")
        harness.feed("lines", [.item(.string(String(repeating: "{\"a\":[", count: 30_000)))])
        #expect(try harness.run().books.failed == 1)
    }
}
