import PipeCore
import PipeKit

/// As `Ask`, about many lines in one call.
struct AskMany: Consumer {
    static let info = StageInfo("ask_many", "Gets the answers of a service, many in a call.", example: "from: lines")

    @Input("The questions.") var questions: Receiver<Text>
    @Output("The answers, in the order of the questions.") var texts: Sender<Text>

    private var calls = BatchedCalls<Text, String>(count: 8, window: .milliseconds(200)) { try Service.answers($0) }

    mutating func start(_ context: StageContext) { calls.start(context) }
    mutating func process(_ item: consuming Item<Text>, _ context: StageContext) { calls.add(item, context) }
    mutating func wake(_ context: StageContext) { calls.wake(context) }
    mutating func finish(_ context: StageContext) { calls.finish(context) }

    mutating func completed(_ completion: Completion, _ context: StageContext) {
        for (item, text) in calls.completed(completion, context) { texts.send(item.with(Text(text))) }
    }
}

extension Service {
    static func answers(_ questions: [Text]) throws -> [String] { try questions.map { try answer($0.value) } }
}
