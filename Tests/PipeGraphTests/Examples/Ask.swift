import PipeCore
import PipeKit

/// Asks somebody outside about each item, several at a time. An answer that does not come counts the item as failed.
struct Ask: Consumer {
    static let info = StageInfo("ask", "Adds the answer of a service to each item.", example: "from: sensors")

    @Input("The questions.") var questions: Receiver<Document>
    @Output("Questions with an 'answer', as the answers come.") var answers: Sender<Document>

    @Option("Takes no more while so many are being asked.", in: 1...64) var most = 8

    private var waiting: [Int: Item<Document>] = [:]
    private var next = 0

    mutating func process(_ item: consuming Item<Document>, _ context: StageContext) throws {
        let question = item.payload.value.text()
        waiting[next] = item
        context.keep()
        context.submit(next, Effort(deadline: .seconds(5), attempts: 3)) { try Service.answer(question) }
        next += 1
        if waiting.count >= most { context.pause(input: 0) }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) {
        guard let item = waiting.removeValue(forKey: completion.token) else { return }
        context.release()
        context.resume(input: 0)
        switch completion.result {
        case .failure(let error): context.fail(item, error)
        case .success(let answer):
            var value = item.payload.value
            value["answer"] = .string("\(answer)")
            answers.send(item.with(Document(value)))
        }
    }
}

/// Stands for an HTTP call, or anything else that blocks.
enum Service {
    static func answer(_ question: String) throws -> String {
        if question.contains("unknown") { throw StageError("the service does not know") }
        return "heard \(question)"
    }
}
