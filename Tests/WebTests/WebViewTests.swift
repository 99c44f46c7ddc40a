import Frames
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Web

struct WebViewTests {
    private func texts(_ panel: Panel?) -> [String] {
        (panel?.entries(after: 0).entries ?? []).compactMap { entry in
            if case .document(let text, _) = entry.content { String(decoding: text, as: UTF8.self) } else { nil }
        }
    }

    private func numbers(_ panel: Panel?) -> [[Double?]] {
        (panel?.entries(after: 0).entries ?? []).compactMap { entry in
            if case .document(_, let numbers) = entry.content { numbers } else { nil }
        }
    }

    @Test func `shows documents, and the numbers that are plotted`() throws {
        let board = Board()
        var harness = StageHarness(WebView.self, "title: Heat\nplot: { warm: t, ions: length(atoms), hot: t > 30 }")
        harness.board = board
        harness.feed(
            "items",
            [
                .item(["t": 20.5, "atoms": [1, 2]]), .item(["t": "broken"], at: .milliseconds(10)),
                .item(["t": 31], at: .milliseconds(20)),
            ]
        )
        let result = try harness.run()
        #expect(result.imbalances.isEmpty)
        let panel = try #require(board.panels.first)
        #expect(
            panel.name == "subject" && panel.setup.title == "Heat" && panel.setup.series == ["warm", "ions", "hot"]
        )
        #expect(texts(panel) == ["{\"t\":20.5,\"atoms\":[1,2]}", "{\"t\":\"broken\"}", "{\"t\":31}"])
        #expect(numbers(panel).map { $0[0] } == [20.5, nil, 31])
        #expect(numbers(panel).map { $0[2] } == [0, nil, 1])
        #expect(numbers(panel)[0][1] == 2)
    }

    @Test func `keeps so many, and numbers all`() throws {
        let board = Board()
        var harness = StageHarness(WebView.self, "keep: 3")
        harness.board = board
        harness.feed("items", .values(["n": 1], ["n": 2], ["n": 3], ["n": 4], ["n": 5]))
        #expect(try harness.run().imbalances.isEmpty)
        let panel = try #require(board.panels.first)
        #expect(texts(panel) == ["{\"n\":3}", "{\"n\":4}", "{\"n\":5}"])
        #expect(panel.count == 5)
        #expect(panel.entries(after: 1).missed == 1)
        #expect(panel.entries(after: 2).missed == 0)
        #expect(panel.entries(after: 4).entries.map(\.number) == [5])
        #expect(panel.entries(after: 5).entries.isEmpty)
        #expect(panel.entries(after: 2, limit: 2).entries.map(\.number) == [3, 4])
    }

    @Test func `a picture is shown as it is, and one that is too large fails`() throws {
        let board = Board()
        var harness = StageHarness(WebView.self, "on_error: skip\nmax_bytes: 4KiB")
        harness.board = board
        let small = try #require(EncodedFrame.sample(0))
        let large = try #require(
            EncodedFrame(
                Array(small.bytes) + [UInt8](repeating: 0, count: 5000),
                in: BufferPools(keeping: ByteCount(0))
            )
        )
        harness.feed("items", [.payload(small), .payload(large)])
        let result = try harness.run()
        #expect(result.imbalances.isEmpty && result.books.failed == 1)
        let latest = try #require(board.panels.first?.latest)
        guard case .picture(let buffer, let count, "image/jpeg") = latest.content else {
            Issue.record("no picture: \(latest)")
            return
        }
        #expect(Array(buffer.bytes[..<count]) == Array(small.bytes))
    }

    @Test func `a stage that is started anew goes on with its panel`() throws {
        let board = Board()
        var harness = StageHarness(WebView.self, "restart: { max: 3, backoff: 1ms }")
        harness.board = board
        harness.feed("items", .samples(40, every: .milliseconds(10)))
        harness.fault(.kill, at: .milliseconds(200))
        let result = try harness.run()
        #expect(result.imbalances.isEmpty)
        #expect(board.panels.count == 1)
        #expect((board.panels.first?.count ?? 0) >= 39)
    }

    @Test(arguments: [
        ("path: video", "'video' is not a path of a page"), ("path: /metrics", "is taken by the page itself"),
        ("path: /views/x.jpg", "is taken by the page itself"), ("path: /a/../b", "is not a path of a page"),
        ("path: /a b", "is not a path of a page"), ("form: telemetry", "under a path of its own"),
        ("form: telemetry\npath: /t", "nothing is"), ("plot: { a: 1 + }", ""),
    ])
    func `what is wrong with its options is said`(options: String, message: String) {
        let error = #expect(throws: (any Error).self) { try StageHarness(WebView.self, options).run() }
        #expect(error.map { "\($0)".contains(message) } == true, "\(String(describing: error))")
    }
}
