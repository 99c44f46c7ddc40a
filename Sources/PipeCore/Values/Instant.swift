/// A point in a run's time: nanoseconds since the run began, on real or on virtual time.
public struct Instant: Sendable, Hashable, Comparable, BitwiseCopyable {
    public var nanoseconds: Int

    @inlinable public init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    public static let zero = Instant(nanoseconds: 0)
    public static let never = Instant(nanoseconds: .max)

    @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The last instant there is, where the sum lies beyond it.
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return Instant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    public static func - (a: Instant, b: Instant) -> Duration {
        .nanoseconds(a.nanoseconds.subtractingReportingOverflow(b.nanoseconds).partialValue)
    }
}

extension Duration {
    /// In whole nanoseconds, and the most or the least of them where it lies beyond.
    public var nanoseconds: Int {
        let (seconds, attoseconds) = components
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
        return overflow || overflows ? (seconds < 0 ? .min : .max) : sum
    }
}
