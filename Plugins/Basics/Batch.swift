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

    /// What has been gathered, in the order in which the first of each came.
    private var groups: [Group] = []

    private struct Group {
        var key: Key
        var items: [JSON] = []
        var bytes = 0
        var captured: Instant
        var due: Instant
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        let key = perKey ? item.key : .none
        let bytes = item.payload.byteCount
        if let index = groups.firstIndex(where: { $0.key == key }), let maxBytes,
            groups[index].bytes + bytes > maxBytes.bytes
        {
            send(index, context)
        }
        let index: Int
        if let known = groups.firstIndex(where: { $0.key == key }) {
            index = known
        } else {
            index = groups.count
            groups.append(Group(key: key, captured: item.captured, due: context.now + window))
        }
        groups[index].items.append(item.payload.described)
        groups[index].bytes += bytes
        context.keep()
        let isFull = groups[index].items.count == count || maxBytes.map { groups[index].bytes >= $0.bytes } ?? false
        if isFull { send(index, context) }
        wakeForNext(context)
    }

    mutating func wake(_ context: StageContext) {
        while let index = groups.firstIndex(where: { $0.due <= context.now }) { send(index, context) }
        wakeForNext(context)
    }

    mutating func finish(_ context: StageContext) {
        while !groups.isEmpty { send(0, context) }
    }

    /// The batch is as old as its oldest item.
    private mutating func send(_ index: Int, _ context: StageContext) {
        let group = groups.remove(at: index)
        context.release(group.items.count)
        batches.send(Document(["items": .array(group.items)]), key: group.key, captured: group.captured)
    }

    private func wakeForNext(_ context: StageContext) {
        if let due = groups.map(\.due).min() { context.wake(at: due) }
    }
}
