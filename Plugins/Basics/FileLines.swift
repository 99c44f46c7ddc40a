import PipeCore
import PipeKit

/// Reads a file line by line; with `follow`, goes on as the file grows, as `tail -F` does.
struct FileLines: Stage {
    static let info = StageInfo(
        "file_lines",
        "Reads the lines of a file.",
        example: "path: /dev/stdin"
    )

    @Output("One item a line, without its line break.") var lines: Sender<Text>

    @Option("The file.") var path: InputFile
    @Option("At its end, wait for more, and go on with a file that takes its place.") var follow = false
    @Option("Read it so often; 0 goes on until the run ends.", in: 0...1_000_000) var `repeat` = 1
    @Option("How fast lines are sent; without it, as fast as they are taken.", in: Rate(perHour: 0.01)...)
    var rate: Rate?
    @Option("A longer line is counted as failed.", in: ByteCount(1)...ByteCount.mebibytes(64))
    var maxBytes = ByteCount.kibibytes(64)
    @Option("Leave out lines that hold nothing but blanks.") var skipEmpty = false

    func check(_ report: inout Diagnostics) {
        if follow, $repeat.isStated, `repeat` != 1 {
            report.error(
                .optionConflict,
                at: $repeat,
                "a file that is followed has no end, so it cannot be repeated",
                hint: "remove 'repeat' or 'follow'"
            )
        }
    }

    func claims(_ claims: inout Claims) {
        claims.bounds($lines, to: maxBytes)
    }
}
