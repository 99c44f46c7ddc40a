import Frames
import PipeCore
import PipeTesting
import Testing

@testable import Ions

struct IonCSVFileTests {
    @Test func `each ion has a line, and a frame without ions has one, too`() throws {
        let frame = try #require(Frame.read(["width": 20, "height": 10]))
        let ion = FoundIon(
            x: 3.5,
            y: 4,
            sigma: 2,
            amplitude: 1,
            values: [3.5, 4, 2, 1, 10, 20, 0.25, 0.25],
            errors: [0.01, 0.02, .infinity, 0.5, 1, 2, 0, 0],
            extras: []
        )
        var harness = StageHarness(IonCSVFile.self, "path: /ions.csv")
        harness.feed("marked", [.payload(MarkedFrame(frame, [ion, ion])), .payload(MarkedFrame(frame, []))])
        let result = try harness.run()
        #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
        let text = try #require(result.file("/ions.csv"))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count == 5 && lines[4].isEmpty)
        let cells = lines.prefix(4).map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        #expect(cells.allSatisfy { $0.count == 19 })
        #expect(cells[0].prefix(5) == ["timestamp", "frame", "id", "x0", "y0"] && cells[0][11] == "x0_error")
        #expect(cells[1].dropFirst(2).prefix(3) == ["1", "3.5", "4.0"])
        #expect(cells[2][2] == "2" && cells[2][1] == cells[1][1])
        // An error that nothing bounds is an empty cell.
        #expect(cells[1][11...14] == ["0.01", "0.02", "", "0.5"])
        #expect(cells[3][1] != cells[1][1] && cells[3].dropFirst(2).allSatisfy(\.isEmpty))
    }
}
