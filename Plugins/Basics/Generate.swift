import PipeCore
import PipeKit

/// Makes items out of nothing, paced and repeatable: what a graph is tried with before its cameras are there.
struct Generate: Source {
    static let info = StageInfo(
        "generate",
        "Makes documents at a rate, for trials and load.",
        example: """
            count: 1000
            rate: 100/s
            fields: { temperature: 20 + item.sequence % 5 }
            """,
        traits: .repeats
    )

    @Output("The documents, numbered by 'sequence'.") var items: Sender<Document>

    @Option("Stop after so many; without it, go on until the run ends.", in: 1...) var count: Int?
    @Option("How fast they come; without it, as fast as they are taken.", in: Rate(perHour: 0.01)...)
    var rate: Rate?
    @Option("Values of each document: expressions that may use item.sequence.") var fields = OptionMap<Expression>()
    @Option("Keys that the items have, in turn.") var keys: [String] = []
    @Option(
        "Text added to each document, to make it as large as real ones.",
        in: ByteCount(0)...ByteCount.mebibytes(64)
    )
    var padding = ByteCount(0)

    func claims(_ claims: inout Claims) {
        claims.bounds($items, to: ByteCount.kibibytes(4).plus(padding))
    }

    private var made = 0
    private var pace: Pace?
    private var filler = ""

    mutating func start(_ context: StageContext) {
        pace = rate.map { Pace($0, from: context.now) }
        filler = String(repeating: ".", count: padding.bytes)
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        defer { if let count { context.progress(made, of: count) } }
        for _ in 0..<room {
            if made == count { return .ended }
            if let due = pace?.due, due > context.now { return .at(due) }
            let key = keys.isEmpty ? Key.none : Key(keys[made % keys.count])
            items.send(Document(document(key)), key: key, captured: pace?.due)
            made += 1
            pace?.advance()
        }
        return .more
    }

    private mutating func document(_ key: Key) -> JSON {
        var subject = Expression.Subject(value: ["sequence": .integer(made)], sequence: made, key: key.text)
        for (name, expression) in fields.entries { subject.value[name] = expression.evaluate(subject) }
        if padding.bytes > 0 { subject.value["padding"] = .string(filler) }
        return subject.value
    }
}
