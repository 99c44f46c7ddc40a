/// A number of bytes.
public struct ByteCount: Sendable, Hashable, Comparable {
    public var bytes: Int

    public init(_ bytes: Int) { self.bytes = bytes }

    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(count << 30) }

    public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }

    /// The product, or the largest number where it would overflow.
    public func times(_ factor: Int) -> ByteCount {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: factor)
        return ByteCount(overflow ? .max : product)
    }

    /// The sum, or the largest number where it would overflow.
    public func plus(_ other: ByteCount) -> ByteCount {
        let (sum, overflow) = bytes.addingReportingOverflow(other.bytes)
        return ByteCount(overflow ? .max : sum)
    }
}

/// How often something happens.
public struct Rate: Sendable, Hashable, Comparable {
    public var perSecond: Double

    public init(perSecond: Double) { self.perSecond = perSecond }
    public init(perHour: Double) { perSecond = perHour / 3600 }

    public static func < (a: Rate, b: Rate) -> Bool { a.perSecond < b.perSecond }
}

/// A share of a whole: 1 % is a fraction of 0.01.
public struct Percentage: Sendable, Hashable, Comparable {
    public var percent: Double

    public init(percent: Double) { self.percent = percent }

    public var fraction: Double { percent / 100 }

    public static func < (a: Percentage, b: Percentage) -> Bool { a.percent < b.percent }
}

// What a unit prints is what the graph language reads: the largest unit that keeps the number whole or short.

extension ByteCount: CustomStringConvertible {
    public var description: String {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            let size = 1 << shift
            if bytes >= size, bytes % size == 0 { return "\(bytes >> shift)\(unit)" }
            if bytes >= 10 * size { return "\(shortest(Double(bytes) / Double(size)))\(unit)" }
        }
        return "\(bytes)B"
    }
}

extension Rate: CustomStringConvertible {
    public var description: String {
        if perSecond >= 1000, perSecond == perSecond.rounded() { return "\(shortest(perSecond / 1000))kHz" }
        if perSecond < 1.0 / 60, perSecond > 0 { return "\(shortest(perSecond * 3600))/h" }
        if perSecond < 1, perSecond > 0 { return "\(shortest(perSecond * 60))/min" }
        return "\(shortest(perSecond))/s"
    }
}

extension Percentage: CustomStringConvertible {
    public var description: String { "\(shortest(percent))%" }
}

extension Duration {
    /// The text the graph language reads back: `1.5s`, `100ms`, `2m`.
    public var text: String {
        let (seconds, attoseconds) = components
        if self == .zero { return "0s" }
        if attoseconds == 0 {
            for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] where seconds % Int64(size) == 0 {
                return "\(seconds / Int64(size))\(unit)"
            }
            return "\(seconds)s"
        }
        let total = Double(seconds) + Double(attoseconds) * 1e-18
        for (size, unit) in [(1.0, "s"), (1e-3, "ms"), (1e-6, "us")] where abs(total) >= size {
            return "\(shortest(total / size))\(unit)"
        }
        return "\(shortest(total * 1e9))ns"
    }

    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

/// A number without a needless fraction, three decimals at most.
public func shortest(_ value: Double) -> String {
    let rounded = (value * 1000).rounded() / 1000
    if rounded == rounded.rounded(), abs(rounded) < 1e15 { return String(Int(rounded)) }
    return String(rounded)
}
