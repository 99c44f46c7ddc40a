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

    private var groups: [Key: Group] = [:]
    /// Items of all groups together.
    private var held = 0
    private var begun = 0

    private struct Group {
        /// Groups leave in the order in which they began.
        let number: Int
        let due: Instant
        /// A batch is as old as its oldest item.
        var captured: Instant
        var items: [JSON] = []
        var bytes = 0
    }

    /// Beyond so many, the older half of the groups goes before its time: keys come from outside, and memory is bounded.
    private var mostHeld: Int { max(count, 4096) }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        let key = perKey ? item.key : .none
        let bytes = item.payload.byteCount
        if let maxBytes, let group = groups[key], group.bytes + bytes > maxBytes.bytes { send(key, context) }
        var group = groups.removeValue(forKey: key) ?? begin(item.captured, context)
        group.items.append(item.payload.described)
        group.bytes += bytes
        group.captured = min(group.captured, item.captured)
        let isFull = group.items.count == count || maxBytes.map { group.bytes >= $0.bytes } ?? false
        groups[key] = group
        held += 1
        context.keep()
        if isFull { send(key, context) }
        if held >= mostHeld { for key in inOrder().prefix((groups.count + 1) / 2) { send(key, context) } }
    }

    mutating func wake(_ context: StageContext) {
        for key in inOrder() where groups[key].map({ $0.due <= context.now }) ?? false { send(key, context) }
        if let due = groups.values.map(\.due).min() { context.wake(at: due) }
    }

    mutating func finish(_ context: StageContext) {
        for key in inOrder() { send(key, context) }
    }

    private mutating func begin(_ captured: Instant, _ context: StageContext) -> Group {
        begun += 1
        let due = context.now + window
        context.wake(at: due)
        return Group(number: begun, due: due, captured: captured)
    }

    private func inOrder() -> [Key] { groups.sorted { $0.value.number < $1.value.number }.map(\.key) }

    private mutating func send(_ key: Key, _ context: StageContext) {
        guard let group = groups.removeValue(forKey: key) else { return }
        held -= group.items.count
        context.release(group.items.count)
        batches.send(Document(["items": .array(group.items)]), key: key, captured: group.captured)
    }
}
