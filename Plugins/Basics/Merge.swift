import PipeCore
import PipeKit

/// Brings several links together into one. It takes whatever comes first, so it can begin a loop, and it gathers the
/// stations that feed it.
struct Merge: Consumer {
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

    /// Items that wait for an earlier one, in order of capture.
    private var waiting: [(item: Item<AnyPayload>, due: Instant)] = []
    /// The newest capture of each source so far.
    private var newest: [UInt32: Instant] = [:]
    private static let mostWaiting = 4096

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        guard order == .captureTime else { return merged.send(item) }
        newest[item.header.source] = max(newest[item.header.source] ?? .zero, item.captured)
        var place = waiting.count
        while place > 0, waiting[place - 1].item.captured > item.captured { place -= 1 }
        waiting.insert((item, context.now + window), at: place)
        context.keep()
        release(context)
    }

    mutating func wake(_ context: StageContext) { release(context) }

    mutating func finish(_ context: StageContext) {
        newest = [:]
        while !waiting.isEmpty { sendFirst(context) }
    }

    /// Sends what no earlier item can come before: every source is past it, or it has waited long enough.
    private mutating func release(_ context: StageContext) {
        let horizon = newest.values.min() ?? .zero
        while let first = waiting.first,
            first.item.captured <= horizon && newest.count > 1 || first.due <= context.now
                || waiting.count > Self.mostWaiting
        {
            sendFirst(context)
        }
        if let due = waiting.map(\.due).min() { context.wake(at: due) }
    }

    private mutating func sendFirst(_ context: StageContext) {
        context.release()
        merged.send(waiting.removeFirst().item)
    }
}
