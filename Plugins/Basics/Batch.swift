import PipeCore
import PipeKit

/// Gathers items and sends them on together: when there are enough, when they are large enough, or when the first has
/// waited long enough.
struct Batch: Consumer {
    static let info = StageInfo(
        "batch",
        "Gathers items into lists.",
        example: """
            from: events
            count: 32
            window: 200ms
            """
    )

    @Input("What is gathered.") var items: Receiver<AnyPayload>
    @Output("A document with 'items', the gathered ones in order.") var batches: Sender<Document>

    @Option("Most items in a batch.", in: 1...100_000) var count = 16
    @Option("Most bytes in a batch.", in: ByteCount(1)...) var maxBytes: ByteCount?
    @Option("Longest time that an item waits for others.", in: .zero...) var window = Duration.seconds(1)
    @Option("A batch for each key.") var perKey = false

    func claims(_ claims: inout Claims) {
        claims.gathers(count, from: $items, statedBy: $count)
        if let maxBytes { claims.bounds($batches, to: maxBytes) } else { claims.holdsInputs($batches, times: count) }
    }

    private var gathering = Gathering<JSON>(count: 1, window: .zero)

    mutating func start(_ context: StageContext) {
        gathering = Gathering(count: count, maxBytes: maxBytes, window: window)
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        context.keep()
        send(
            gathering.add(
                item.payload.described,
                key: perKey ? item.key : .none,
                bytes: item.payload.byteCount,
                captured: item.captured,
                now: context.now
            ),
            context
        )
    }

    mutating func wake(_ context: StageContext) { send(gathering.takeDue(by: context.now), context) }

    mutating func finish(_ context: StageContext) { send(gathering.takeAll(), context) }

    private mutating func send(_ full: [Gathering<JSON>.Batch], _ context: StageContext) {
        for batch in full {
            context.release(batch.members.count)
            batches.send(Document(["items": .array(batch.members)]), key: batch.key, captured: batch.captured)
        }
        if let due = gathering.due { context.wake(at: due) }
    }
}
