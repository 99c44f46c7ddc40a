import Frames
import PipeCore
import PipeTesting
import Testing

@testable import Ions

struct IonLabelsTests {
    private static func drawn(_ options: String, x: Double, y: Double) throws -> Frame {
        let plain: JSON = ["width": 80, "height": 60, "background": 50]
        let frame = try #require(Frame.read(plain))
        let ion = FoundIon(
            x: x,
            y: y,
            sigma: 2,
            amplitude: 3,
            values: [x, y, 2, 3, 0, 0, 0, 0],
            errors: [],
            extras: []
        )
        var harness = StageHarness(IonLabels.self, options)
        harness.feed("marked", [.payload(MarkedFrame(frame, [ion]))])
        let result = try harness.run()
        #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
        return try #require(result["frames"].first?.payload as? Frame)
    }

    private static func colour(_ frame: Frame, _ x: Int, _ y: Int) -> [UInt8] {
        Array(frame.bytes[3 * (y * frame.width + x)..<3 * (y * frame.width + x) + 3])
    }

    @Test func `a box stands around the ion, two and a half widths and the amplitude away`() throws {
        let frame = try Self.drawn("text: none", x: 30, y: 25)
        #expect(frame.format == .rgb8 && frame.width == 80 && frame.height == 60)
        for (x, y) in [(25, 17), (35, 17), (25, 33), (35, 33), (30, 17), (25, 25)] {
            #expect(Self.colour(frame, x, y) == [0, 255, 0], "\(x), \(y)")
        }
        #expect(Self.colour(frame, 30, 25) == Self.colour(frame, 70, 50))
    }

    @Test func `labels are drawn with their shadow, and only where they are asked for`() throws {
        let green = { (frame: Frame) in
            (0..<frame.width * frame.height).count { Self.colour(frame, $0 % 80, $0 / 80) == [0, 255, 0] }
        }
        let none = green(try Self.drawn("text: none", x: 30, y: 25))
        let number = green(try Self.drawn("text: number", x: 30, y: 25))
        let values = green(try Self.drawn("", x: 30, y: 25))
        #expect(none == 52)
        // '#' and '1' have 20 and 10 pixels less what the shadows of neighbours never cover.
        #expect(number > none + 20 && values > number + 40)
    }

    @Test(arguments: [(-400.0, 3.0), (79.0, 59.0), (0.0, 0.0), (1e9, 5.0), (Double.nan, 4.0)])
    func `what is beyond the frame is left out`(x: Double, y: Double) throws {
        _ = try Self.drawn("", x: x, y: y)
    }

    @Test(arguments: [(0.04, "0.0"), (-0.04, "0.0"), (-1.26, "-1.3"), (12.95, "13.0"), (200.0, "200.0")])
    func `numbers have one digit`(value: Double, text: String) {
        var line = LabelLine()
        line.add(value)
        #expect(Self.text(line) == text)
    }

    @Test func `a line that is too long is cut, and what is no number is left out`() {
        var line = LabelLine()
        for number in [0, 7, 10, 907, -38] { line.add(number) }
        line.add(Double.nan)
        #expect(Self.text(line) == "0710907-38")
        for _ in 0..<40 { line.add("s") }
        #expect(line.count == 24)
        line.clear()
        #expect(Self.text(line).isEmpty)
    }

    private static func text(_ line: LabelLine) -> String {
        String(decoding: (0..<line.count).map { line.letters[$0] }, as: UTF8.self)
    }
}
