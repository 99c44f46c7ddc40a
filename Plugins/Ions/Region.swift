import PipeKit

/// `region: { x: 0, y: 0, width: 300, height: 300 }`: the part of a frame that is looked at.
struct Region: OptionBlock {
    @Option("First column.", in: 0...65_535) var x = 0
    @Option("First row.", in: 0...65_535) var y = 0
    @Option("Columns; to the right edge, where nothing is stated.", in: 1...65_535) var width: Int?
    @Option("Rows; to the lower edge, where nothing is stated.", in: 1...65_535) var height: Int?

    var columns: Range<Int> { x..<x + (width ?? 65_535) }
    var rows: Range<Int> { y..<y + (height ?? 65_535) }
}
