import PipeCore
import PipeKit

/// Takes whatever comes and does nothing with it: the end of a trial, or of an output that nobody needs.
struct Null: Consumer {
    static let info = StageInfo(
        "null",
        "Takes everything and keeps nothing.",
        example: "from: camera",
        traits: .neverStalls
    )

    @Input("What is taken.", .many) var items: Receiver<AnyPayload>

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {}
}
