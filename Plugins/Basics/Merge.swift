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

    /// Items that wait for an earlier one. Of one time of capture, the first to come leaves first.
    private var waiting = Heap<Waiting> { ($0.item.captured, $0.number) < ($1.item.captured, $1.number) }
    private var number = 0
    /// The newest capture of each source so far.
    private var newest: [UInt32: Instant] = [:]
    private static let mostWaiting = 4096

    private struct Waiting {
        let item: Item<AnyPayload>
        let number: Int
        let due: Instant
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        guard order == .captureTime else { return merged.send(item) }
        let item = item
        newest[item.header.source] = max(newest[item.header.source] ?? item.captured, item.captured)
        context.keep()
        number += 1
        waiting.insert(Waiting(item: item, number: number, due: context.now + window))
        context.wake(after: window)
        release(context)
    }

    mutating func wake(_ context: StageContext) {
        // Who has waited long enough goes, and with it what was captured before.
        let last = waiting.elements.filter { $0.due <= context.now }.map(\.item.captured).max()
        while let last, let first = waiting.first, first.item.captured <= last { sendFirst(context) }
        if let due = waiting.elements.map(\.due).min() { context.wake(at: due) }
    }

    mutating func finish(_ context: StageContext) {
        while waiting.count > 0 { sendFirst(context) }
    }

    /// Sends what no earlier item can come before: every source is past it. A single source may be the first of several.
    private mutating func release(_ context: StageContext) {
        let horizon = newest.count > 1 ? newest.values.min() : nil
        while let first = waiting.first,
            horizon.map({ first.item.captured <= $0 }) ?? false || waiting.count > Self.mostWaiting
        {
            sendFirst(context)
        }
    }

    private mutating func sendFirst(_ context: StageContext) {
        guard let first = waiting.popFirst() else { return }
        context.release()
        merged.send(first.item)
    }
}
