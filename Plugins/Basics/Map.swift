import PipeCore
import PipeKit

/// Changes documents: sets values, keeps some, removes some, in this order.
struct Map: Stage {
    static let info = StageInfo(
        "map",
        "Sets, keeps and removes values of documents.",
        example: """
            from: sensors
            set: { fahrenheit: temperature * 1.8 + 32 }
            remove: [raw]
            """
    )

    @Input("The documents.") var items: Receiver<Document>
    @Output("The changed documents.") var changed: Sender<Document>

    @Option("Values to set, in order; each may use what the ones before it have set.") var set = OptionMap<Expression>()
    @Option("Values to keep; all others go.") var keep: [String]?
    @Option("Values to remove.") var remove: [String] = []
    @Option("The item's key becomes this value.") var key: Expression?

    func claims(_ claims: inout Claims) { claims.holdsInputs($changed) }

    func check(_ report: inout Diagnostics) {
        if !$set.isStated, !$keep.isStated, !$remove.isStated, !$key.isStated {
            report.error(
                .missingKey,
                at: nil as Place?,
                "this map changes nothing",
                hint: "add 'set', 'keep', 'remove' or 'key'"
            )
        }
        if $keep.isStated, $remove.isStated {
            report.error(
                .optionConflict,
                at: $remove,
                "'keep' names all that stays, so 'remove' has no meaning",
                hint: "keep one of the two"
            )
        }
    }
}
