public import PipeCore

/// Asks somebody outside about many items at once, and brings each answer back to its item: a model that takes images by
/// the dozen, a service that is paid by the call.
///
///     private var calls = BatchedCalls<Frame, String>(count: 8, window: .milliseconds(200), atOnce: 2) { frames in
///         try model.describe(frames)
///     }
///
///     mutating func start(_ context: StageContext) { calls.start(context) }
///     mutating func process(_ item: consuming Item<Frame>, _ context: StageContext) { calls.add(item, context) }
///     mutating func wake(_ context: StageContext) { calls.wake(context) }
///     mutating func finish(_ context: StageContext) { calls.finish(context) }
///     mutating func completed(_ completion: Completion, _ context: StageContext) {
///         for (item, text) in calls.completed(completion, context) { texts.send(item.with(Text(text))) }
///     }
///
/// Items are kept, and counted as held, until their answer is there. Answers go out in the order of the items. While
/// `atOnce` calls are under way and another batch is full, the stage takes nothing more.
public struct BatchedCalls<Carried: Payload, Answer: Sendable> {
    private struct Call {
        let items: [Item<Carried>]
        var answers: Result<[Answer], any Error>?

        mutating func settle(_ result: Result<any Sendable, any Error>) {
            answers = Result {
                guard let answers = try result.get() as? [Answer], answers.count == items.count else {
                    throw StageError("a call about \(items.count) items came back with another number of answers")
                }
                return answers
            }
        }
    }

    private var gathering: Gathering<Item<Carried>>
    private let atOnce: Int
    private let effort: Effort
    private let ask: @Sendable ([Carried]) throws -> [Answer]
    /// Calls in the order of their items: those under way, and behind the first of them those that have their answer.
    private var calls: [Call] = []
    private var first = 0
    private var underway = 0
    /// Full batches that wait for a call to end.
    private var waiting: [[Item<Carried>]] = []
    private var isPaused = false

    /// `ask` is called outside, and answers each of its payloads, in order. A call that fails is tried again as `effort` says.
    public init(
        count: Int,
        maxBytes: ByteCount? = nil,
        window: Duration,
        atOnce: Int = 1,
        effort: Effort = Effort(),
        _ ask: @escaping @Sendable ([Carried]) throws -> [Answer]
    ) {
        gathering = Gathering(count: count, maxBytes: maxBytes, window: window)
        self.atOnce = atOnce
        self.effort = effort
        self.ask = ask
    }

    /// Before the first item. What the stage holds is bounded by the item, so it takes one at a time.
    public func start(_ context: StageContext) { context.take(atMost: 1) }

    public mutating func add(_ item: consuming Item<Carried>, _ context: StageContext) {
        let (captured, bytes) = (item.captured, item.payload.byteCount)
        context.keep()
        waiting += gathering.add(item, bytes: bytes, captured: captured, now: context.now).map(\.members)
        goOn(context)
    }

    public mutating func wake(_ context: StageContext) {
        waiting += gathering.takeDue(by: context.now).map(\.members)
        goOn(context)
    }

    /// No more items come: what is gathered is asked at once.
    public mutating func finish(_ context: StageContext) {
        waiting += gathering.takeAll().map(\.members)
        goOn(context)
    }

    /// The items whose answers are there, in order, for the stage to send or to drop. Items of a call that failed have been
    /// counted as failed.
    public mutating func completed(_ completion: Completion, _ context: StageContext) -> [(Item<Carried>, Answer)] {
        underway -= 1
        calls[completion.token - first].settle(completion.result)
        var answered: [(Item<Carried>, Answer)] = []
        while let call = calls.first, let answers = call.answers {
            calls.removeFirst()
            first += 1
            context.release(call.items.count)
            switch answers {
            case .success(let answers): answered += zip(call.items, answers)
            case .failure(let error): for item in call.items { context.fail(item, error) }
            }
        }
        goOn(context)
        return answered
    }

    /// Begins what can begin, and says when to be woken and whether more is taken.
    private mutating func goOn(_ context: StageContext) {
        while underway < atOnce, !waiting.isEmpty {
            let items = waiting.removeFirst()
            let payloads = items.map(\.payload)
            context.submit(first + calls.count, effort) { [ask] in try ask(payloads) }
            calls.append(Call(items: items))
            underway += 1
        }
        if let due = gathering.due { context.wake(at: due) }
        let mustPause = !waiting.isEmpty
        if mustPause != isPaused {
            if mustPause { context.pauseInputs() } else { context.resumeInputs() }
            isPaused = mustPause
        }
    }
}
