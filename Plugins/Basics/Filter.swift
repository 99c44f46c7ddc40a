import PipeCore
import PipeKit

/// Lets the items through for which an expression holds, and counts the others as not chosen.
struct Filter: Consumer {
    static let info = StageInfo(
        "filter",
        "Passes the items for which an expression holds.",
        example: """
            from: sensors
            where: temperature > 30 and sensor != "test"
            """,
        traits: .sheds
    )

    @Input("What is looked at.") var items: Receiver<AnyPayload>
    @Output("What passes.", like: "items") var passed: Sender<AnyPayload>

    @Option("What must hold.") var `where`: Expression

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        if `where`.holds(for: context.subject(item)) { passed.send(item) } else { context.drop(item) }
    }
}
