import PipeCore
import PipeKit

/// Changes documents: sets values, keeps some, removes some, in this order.
struct Map: Consumer {
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

    mutating func process(_ item: consuming Item<Document>, _ context: StageContext) {
        var subject = context.subject(item)
        for (name, expression) in set.entries { subject.value[name] = expression.evaluate(subject) }
        if let keep { subject.value = subject.value.keeping { keep.contains($0) } }
        if !remove.isEmpty { subject.value = subject.value.keeping { !remove.contains($0) } }
        var result = item.with(Document(subject.value))
        if let key {
            let value = key.evaluate(subject)
            result.header.key = if case .string(let text) = value { Key(text) } else { Key(value.text()) }
        }
        changed.send(result)
    }
}

extension JSON {
    fileprivate func keeping(_ isKept: (String) -> Bool) -> JSON {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { isKept($0.key) })
    }
}
