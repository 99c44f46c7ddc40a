import PipeCore
import PipeKit

/// Gathers items and sends them on together: when there are enough, when they are large enough, or when the first has
/// waited long enough.
struct Batch: Stage {
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
}
