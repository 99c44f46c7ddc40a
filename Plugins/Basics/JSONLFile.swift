import PipeCore
import PipeKit

/// Writes one JSON document a line. A line is written whole or not at all, so that a file that was cut off by a power
/// failure holds whole lines.
struct JSONLFile: Stage {
    static let info = StageInfo(
        "jsonl_file",
        "Writes items to a file, one JSON document a line.",
        example: """
            from: camera
            path: out/results.jsonl
            """
    )

    @Input("What is written: any payload, by its own description.") var items: Receiver<AnyPayload>

    @Option("The file; its directory is made where it is missing.") var path: OutputFile
    @Option("What happens to a file that is there already.") var mode = Mode.append
    @Option("Begin a new file when this one has become so large; the old one gets a number.", in: .kibibytes(4)...)
    var maxBytes: ByteCount?
    @Option("Files that are kept, the current one included.", in: 1...10_000) var keep = 10
    @Option("Longest time that a line waits in memory.", in: .zero...Duration.seconds(60))
    var flush = Duration.seconds(1)
    @Option("Sync the file to the disk with each flush.") var sync = false
    @Option("Add the item's source, sequence, key and capture time as '_item'.") var header = false

    enum Mode: String, Choice {
        case append, overwrite, fail

        var summary: String {
            switch self {
            case .append: "Adds to what it holds."
            case .overwrite: "Begins it anew."
            case .fail: "Does not start."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if $keep.isStated, maxBytes == nil {
            report.error(
                .optionConflict,
                at: $keep,
                "'keep' has no meaning for a file that never changes",
                hint: "add 'max_bytes', or remove 'keep'"
            )
        }
    }
}
