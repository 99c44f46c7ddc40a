import PipeCore
import PipeKit

/// Lets items through at a rate. It delays them, so that none is lost and the stages before it slow down; a link with
/// `rate` drops instead.
struct Throttle: Stage {
    static let info = StageInfo(
        "throttle",
        "Delays items so that they come at a rate at most.",
        example: """
            from: requests
            rate: 10/s
            burst: 5
            """
    )

    @Input("What comes.") var items: Receiver<AnyPayload>
    @Output("The same, in time.", like: "items") var paced: Sender<AnyPayload>

    @Option("The rate.", in: Rate(perHour: 0.01)...) var rate: Rate
    @Option("Items that may pass at once after a pause.", in: 1...1_000_000) var burst = 1
    @Option("A rate for each key instead of one for all.") var perKey = false
}
