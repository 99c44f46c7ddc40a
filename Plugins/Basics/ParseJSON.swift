import PipeCore
import PipeKit

/// Makes documents of lines of JSON: what `jsonl_file` has written, and `file_lines` reads.
struct ParseJSON: Consumer {
    static let info = StageInfo(
        "parse_json",
        "Reads a document out of each line of JSON.",
        example: """
            from: lines
            on_error: skip
            """
    )

    @Input("Lines, each a JSON object.") var lines: Receiver<Text>
    @Output("The documents.") var documents: Sender<Document>

    func claims(_ claims: inout Claims) { claims.holdsInputs($documents, times: 4) }

    mutating func process(_ item: consuming Item<Text>, _ context: StageContext) throws {
        let value = try JSON(parsing: item.payload.value)
        guard case .object = value else {
            throw StageError("a line of JSON is no object", hint: "write {…} on each line")
        }
        documents.send(item.with(Document(value)))
    }
}
