import PipeCore
import PipeKit

/// Sends each item one of two ways.
struct Split: Consumer {
    static let info = StageInfo(
        "split",
        "Sends an item one way if an expression holds, and the other way if not.",
        example: """
            from: orders
            where: total >= 100
            """,
        traits: .sheds
    )

    @Input("What is looked at.") var items: Receiver<AnyPayload>
    @Output("Items for which it holds.", like: "items") var matched: Sender<AnyPayload>
    @Output("All others; those are dropped as not chosen where nothing is linked.", .optional, like: "items")
    var rest: Sender<AnyPayload>

    @Option("What decides.") var `where`: Expression

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        if `where`.holds(for: context.subject(item)) { matched.send(item) } else { rest.send(item) }
    }
}
