/// How often times were how long, to about three percent: sixteen steps for each doubling.
public struct Histogram: Sendable, Hashable {
    private var counts: [Int] = []  // empty until the first is recorded: most graphs have many quiet stages
    public private(set) var count = 0
    public private(set) var sum = 0
    public private(set) var most = 0

    private static let doublings = 41  // up to 36 minutes; what is longer counts as that
    static let size = (doublings - 3) * 16

    public init() {}

    /// So many in each step.
    init(counts: [Int], sum: Int, most: Int) {
        count = counts.reduce(0, &+)
        guard count > 0 else { return }
        self.counts = counts
        (self.sum, self.most) = (sum, most)
    }

    public mutating func record(_ nanoseconds: Int, times: Int = 1) {
        if count == 0 { counts = [Int](repeating: 0, count: Self.size) }
        let value = max(0, nanoseconds)
        counts[Self.bucket(of: value)] += times
        count += times
        sum &+= value &* times
        most = max(most, value)
    }

    @inline(__always)
    static func bucket(of value: Int) -> Int {
        let shift = max(0, Int.bitWidth - 5 - value.leadingZeroBitCount)
        return min(shift * 16 + (value >> shift), size - 1)
    }

    /// The middle of what a bucket holds.
    private static func value(of bucket: Int) -> Int {
        if bucket < 32 { return bucket }
        let shift = bucket / 16 - 1
        return (bucket - shift * 16) << shift + (1 << shift) / 2
    }

    /// The time that a share of all stayed within; nil where nothing was recorded.
    public func quantile(_ share: Double) -> Duration? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((share * Double(count)).rounded(.up)))
        var seen = 0
        for (bucket, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return .nanoseconds(min(Self.value(of: bucket), most)) }
        }
        return .nanoseconds(most)
    }

    /// How many times were below a number of nanoseconds. Exact for a power of two, where a step begins.
    public func count(below nanoseconds: Int) -> Int {
        guard count > 0, nanoseconds > 0 else { return 0 }
        guard nanoseconds <= most else { return count }
        return counts[..<Self.bucket(of: nanoseconds)].reduce(0, +)
    }

    /// The steps that hold something, for who takes it elsewhere.
    public var steps: [(step: Int, count: Int)] {
        counts.enumerated().compactMap { $0.element > 0 ? (step: $0.offset, count: $0.element) : nil }
    }

    /// What another histogram's `steps` were; nil where they are no such.
    public init?(steps: [(step: Int, count: Int)], sum: Int, most: Int) {
        counts = [Int](repeating: 0, count: Self.size)
        for (step, number) in steps {
            guard counts.indices.contains(step), number >= 0 else { return nil }
            counts[step] &+= number
            count &+= number
        }
        (self.sum, self.most) = (sum, most)
    }

    /// What came since an earlier look; the greatest of all stays.
    public static func - (a: Histogram, b: Histogram) -> Histogram {
        guard b.count > 0, a.count >= b.count else { return a }
        var result = a
        for index in result.counts.indices { result.counts[index] = max(0, result.counts[index] - b.counts[index]) }
        result.count = a.count - b.count
        result.sum = a.sum &- b.sum
        return result
    }

    public var mean: Duration? { count > 0 ? .nanoseconds(sum / count) : nil }

    public static func += (a: inout Histogram, b: Histogram) {
        guard b.count > 0 else { return }
        if a.counts.isEmpty {
            a.counts = b.counts
        } else {
            for index in a.counts.indices { a.counts[index] += b.counts[index] }
        }
        a.count += b.count
        a.sum &+= b.sum
        a.most = max(a.most, b.most)
    }
}
