import PipeCore
import PipeKit

/// Takes whatever comes and does nothing with it: the end of a trial, or of an output that nobody needs.
struct Null: Stage {
    static let info = StageInfo(
        "null",
        "Takes everything and keeps nothing.",
        example: "from: camera",
        traits: .neverStalls
    )

    @Input("What is taken.", .many) var items: Receiver<AnyPayload>
}
