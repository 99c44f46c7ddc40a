public import PipeCore

/// When the items of a series are due, at a rate: counted from the start, so that no rounding adds up.
public struct Pace: Sendable {
    private let start: Instant
    private let perSecond: Double
    private var count = 0

    public init(_ rate: Rate, from start: Instant) {
        self.start = start
        perSecond = rate.perSecond
    }

    /// When the next is due.
    public var due: Instant { start + .nanoseconds(Int((Double(count) * 1e9 / perSecond).rounded())) }

    public mutating func advance() { count += 1 }
}

/// Lets so many pass in a time, and a number more after a pause: a token bucket.
public struct TokenBucket: Sendable {
    private let interval: Double
    private let burst: Double
    private var tokens: Double
    private var filled: Instant

    public init(_ rate: Rate, burst: Int, at now: Instant) {
        interval = 1e9 / rate.perSecond
        self.burst = Double(burst)
        tokens = Double(burst)
        filled = now
    }

    /// When the next may pass.
    public mutating func next(at now: Instant) -> Instant {
        fill(now)
        return tokens > 1 - 1e-6 ? now : now + .nanoseconds(Int(((1 - tokens) * interval).rounded(.up)))
    }

    public mutating func take(at now: Instant) {
        fill(now)
        tokens -= 1
    }

    private mutating func fill(_ now: Instant) {
        tokens = min(burst, tokens + Double((now - filled).nanoseconds) / interval)
        filled = max(filled, now)
    }
}

extension StageContext {
    /// Who an item is, for those who read it outside.
    public func describe(_ header: Header) -> JSON {
        [
            "source": .string(source(header)), "sequence": .integer(header.sequence), "key": .string(header.key.text),
            "captured": .number(date(of: header.captured)),
        ]
    }

    /// What an expression sees of an item.
    public func subject(_ item: Item<some Payload>) -> Expression.Subject {
        Expression.Subject(
            value: item.payload.described,
            sequence: item.sequence,
            key: item.key.text,
            source: source(item.header)
        )
    }
}
