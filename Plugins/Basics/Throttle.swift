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

    func claims(_ claims: inout Claims) { claims.paces(by: $rate) }

    private var buckets: [Key: TokenBucket] = [:]
    /// Items that must wait, by key, each line in the order they came.
    private var lines: [Key: ArraySlice<Item<AnyPayload>>] = [:]
    private var waiting = 0
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
        let due = bucket(key, context.now).next
        if lines[key] != nil || due > context.now {
            context.keep()
            lines[key, default: []].append(item)
            waiting += 1
            if waiting == Self.mostWaiting { context.pause(input: 0) }
            context.wake(at: due)
        } else {
            _ = take(key, context.now)
            paced.send(item)
        }
    }

    mutating func wake(_ context: StageContext) {
        for key in lines.keys.sorted(by: { $0.text < $1.text }) {  // in an order that repeats with the run's seed
            while bucket(key, context.now).next <= context.now, let item = lines[key]?.popFirst() {
                _ = take(key, context.now)
                context.release()
                waiting -= 1
                paced.send(item)
            }
            if lines[key]?.isEmpty ?? false { lines[key] = nil }
        }
        if waiting < Self.mostWaiting { context.resume(input: 0) }
        wakeForNext(context)
    }

    /// What waits still leaves at the rate.
    mutating func finish(_ context: StageContext) { wakeForNext(context) }

    private mutating func wakeForNext(_ context: StageContext) {
        let next = lines.keys.map { bucket($0, context.now).next }.min()
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
