import PipeCore
import PipeKit

/// Brings several links together into one. It takes whatever comes first, so it can begin a loop, and it gathers the
/// stations that feed it.
struct Merge: Stage {
    static let info = StageInfo(
        "merge",
        "Brings several links together.",
        example: "from: [left, right]",
        traits: .loopSafe
    )

    @Input("What is brought together: one payload type.", .many) var items: Receiver<AnyPayload>
    @Output("All of it.", like: "items") var merged: Sender<AnyPayload>

    @Option("In which order items are taken.") var order = Order.arrival

    enum Order: String, Choice {
        case arrival, captureTime = "capture_time"

        var summary: String {
            switch self {
            case .arrival: "As they come."
            case .captureTime: "By the time of capture: an item waits until no earlier one can come."
            }
        }
    }

    @Option("Longest time that an item waits for an earlier one.", in: .zero...) var window = Duration.seconds(1)

    func check(_ report: inout Diagnostics) {
        if $window.isStated, order != .captureTime {
            report.error(
                .optionConflict,
                at: $window,
                "items wait only where they are ordered by time of capture",
                hint: "add 'order: capture_time', or remove 'window'"
            )
        }
    }
}
