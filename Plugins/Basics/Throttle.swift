import PipeCore
import PipeKit

/// Lets items through at a rate. It delays them, so that none is lost and the stages before it slow down; a link with
/// `rate` drops instead.
struct Throttle: Consumer {
    static let info = StageInfo(
        "throttle",
        "Delays items so that they come at a rate at most.",
        example: """
            from: requests
            rate: 10/s
            burst: 5
            """
    )

    @Input("What comes.") var items: Receiver<AnyPayload>
    @Output("The same, in time.", like: "items") var paced: Sender<AnyPayload>

    @Option("The rate.", in: Rate(perHour: 0.01)...) var rate: Rate
    @Option("Items that may pass at once after a pause.", in: 1...1_000_000) var burst = 1
    @Option("A rate for each key instead of one for all.") var perKey = false

    private var buckets: [Key: TokenBucket] = [:]
    /// Items of keys that must wait, in the order they came.
    private var waiting: [Item<AnyPayload>] = []
    private static let mostWaiting = 1024

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        let key = perKey ? item.key : .none
        guard perKey else {
            let next = take(key, context.now)
            paced.send(item)
            if next > context.now { context.busy(for: next - context.now) }
            return
        }
        // Only the item's own key waits; the others pass it by.
        if waiting.contains(where: { $0.key == key }) || bucket(key, context.now).next > context.now {
            context.keep()
            waiting.append(item)
            if waiting.count == Self.mostWaiting { context.pause(input: 0) }
            wakeForNext(context)
        } else {
            _ = take(key, context.now)
            paced.send(item)
        }
    }

    mutating func wake(_ context: StageContext) {
        var blocked: Set<Key> = []
        var rest: [Item<AnyPayload>] = []
        for item in waiting {
            if !blocked.contains(item.key), bucket(item.key, context.now).next <= context.now {
                _ = take(item.key, context.now)
                context.release()
                paced.send(item)
            } else {
                blocked.insert(item.key)
                rest.append(item)
            }
        }
        waiting = rest
        if waiting.count < Self.mostWaiting { context.resume(input: 0) }
        wakeForNext(context)
    }

    /// What waits still leaves at the rate.
    mutating func finish(_ context: StageContext) { wakeForNext(context) }

    private mutating func wakeForNext(_ context: StageContext) {
        let next = Set(waiting.map(\.key)).map { bucket($0, context.now).next }.min()
        if let next { context.wake(at: next) }
    }

    /// Enters an item, and says when the one after it may pass.
    private mutating func take(_ key: Key, _ now: Instant) -> Instant {
        var (bucket, _) = bucket(key, now)
        bucket.take(at: now)
        let next = bucket.next(at: now)
        buckets[key] = bucket
        return next
    }

    private func bucket(_ key: Key, _ now: Instant) -> (TokenBucket, next: Instant) {
        var bucket = buckets[key] ?? TokenBucket(rate, burst: burst, at: now)
        let next = bucket.next(at: now)
        return (bucket, next)
    }
}
