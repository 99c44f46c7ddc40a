import Testing

@testable import PipeCore

/// What stages show is bounded, numbered, and never in the way.
struct BoardTests {
    private func panel(keep: Int = 600, maxBytes: Int = 1 << 20, on board: Board = Board()) -> Panel {
        var setup = Panel.Setup(title: "p")
        setup.keep = keep
        setup.maxBytes = ByteCount(maxBytes)
        return board.panel("p", setup)
    }

    private func document(_ count: Int) -> Panel.Content {
        .document([UInt8](repeating: UInt8(ascii: "1"), count: count), numbers: [])
    }

    /// Against a list that keeps everything, at every step.
    @Test func `what is kept are the last ones, and what is gone is counted`() {
        let panel = panel(keep: 7, maxBytes: 100)
        var sizes: [Int] = []
        for number in 1...500 {
            sizes.append(number * 37 % 60)
            panel.show(document(sizes[number - 1]), date: Double(number), age: .zero)
            var kept = 1
            while kept < min(7, number), sizes.suffix(kept + 1).reduce(0, +) <= 100 { kept += 1 }
            let entries = panel.entries(after: 0)
            #expect(entries.entries.map(\.number) == Array((number - kept + 1)...number))
            #expect(entries.missed == number - kept)
            #expect(panel.latest?.number == number && panel.count == number)
            let cursor = max(0, number - 3)
            let late = panel.entries(after: cursor)
            #expect(late.missed + late.entries.count == number - cursor)
            #expect(panel.entries(after: number).entries.isEmpty && panel.entries(after: number + 5).entries.isEmpty)
        }
    }

    @Test func `the latest is kept however large it is`() {
        let panel = panel(maxBytes: 100)
        for number in 1...3 { panel.show(document(1000), date: Double(number), age: .zero) }
        #expect(panel.entries(after: 0).entries.map(\.number) == [3])
    }

    @Test func `a picture takes the place of all before it, and lets their memory go`() {
        let panel = panel()
        weak var first: PooledBuffer?
        for number in 1...3 {
            let buffer = BufferPool(size: ByteCount(100), keeping: ByteCount(1)).take()
            if number == 1 { first = buffer }
            panel.show(.picture(buffer, count: 100, type: "image/jpeg"), date: Double(number), age: .zero)
        }
        #expect(panel.entries(after: 0).entries.map(\.number) == [3])
        #expect(first == nil)
    }

    @Test func `a panel is put up once for each name, and anew where it is another`() {
        let board = Board()
        let first = panel(on: board)
        first.show(document(1), date: 0, age: .zero)
        #expect(panel(on: board) === first)
        let other = panel(keep: 3, on: board)
        #expect(other !== first && other.count == 0)
        #expect(board.panels.count == 1)
    }
}
