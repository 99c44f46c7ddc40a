/// What the lab's first image handler reports, number by number, for those who compare with old data: a blurred threshold,
/// contours, and estimates from summed profiles in place of a fit. All in whole counts of 8 bit.
public struct SeedCompatible {
    public struct Ion: Sendable, Hashable {
        public var x: Int
        public var y: Int
        public var sigma: Double
        public var amplitude: Double
        public var heightAcross: Double
        public var heightAlong: Double
        public var offsetAcross: Double
        public var offsetAlong: Double
    }

    public private(set) var ions: [Ion] = []
    /// Largest value and mean of the blurred picture.
    public private(set) var largest = 0
    public private(set) var mean = 0.0

    /// The original looks 30 pixels to either side, and skips what is less than 25 wide.
    static let half = 30
    private static let leastSide = 25
    private static let leastApart = 10.0

    private var blur = SeedBlur()
    private var contours = Contours()
    private var profile: [Double] = []

    public init() {}

    /// 16-bit values are wrapped to 8, as the original does.
    public mutating func measure(_ picture: Picture) {
        ions.removeAll(keepingCapacity: true)
        blur.apply(picture)
        (largest, mean) = blur.extent
        guard let threshold = Self.threshold(largest: Double(largest), mean: mean) else { return }
        contours.trace(blur.values, columns: picture.columns, rows: picture.rows, above: threshold)
        var centres: [(x: Int, y: Int)] = []
        for centre in contours.centres.reversed() where centres.allSatisfy({ Self.isApart($0, centre) }) {
            centres.append(centre)
            ions.append(estimate(picture, centre))
        }
    }

    static func threshold(largest: Double, mean: Double) -> Int? {
        let gain = largest / (mean + 1e-6)
        let span = largest - mean
        if gain > 2 { return Int(mean + 0.25 * span) }
        if gain > 1.05 { return Int(0.5 * (largest + mean)) }
        guard span > 3.5 else { return nil }
        return gain > 1.01 ? Int(largest - 0.25 * span) : Int(largest - 1)
    }

    private static func isApart(_ one: (x: Int, y: Int), _ other: (x: Int, y: Int)) -> Bool {
        let (across, along) = (Double(one.x - other.x), Double(one.y - other.y))
        return (across * across + along * along).squareRoot() >= leastApart
    }

    private mutating func estimate(_ picture: Picture, _ centre: (x: Int, y: Int)) -> Ion {
        var ion = Ion(
            x: centre.x,
            y: centre.y,
            sigma: 0,
            amplitude: 0,
            heightAcross: 0,
            heightAlong: 0,
            offsetAcross: 0,
            offsetAlong: 0
        )
        let columns = Self.around(centre.x, Self.half, picture.columns)
        let rows = Self.around(centre.y, Self.half, picture.rows)
        guard columns.count >= Self.leastSide, rows.count >= Self.leastSide else {
            (ion.x, ion.y) = (0, 0)
            return ion
        }
        Self.sumRows(picture, columns, rows, into: &profile)
        ion.sigma = max(0.5, width(squared: 1) ?? 2)
        let wide = Self.around(centre.x, max(20, Int(4 * ion.sigma + 2)), picture.columns)
        Self.sumRows(picture, wide, rows, into: &profile)
        (ion.heightAcross, ion.offsetAcross) = extent
        Self.sumColumns(picture, columns, rows, into: &profile)
        ion.amplitude = max(0.5, width(squared: 2) ?? 4)
        let high = Self.around(centre.y, max(20, Int(2.5 * ion.amplitude + 3)), picture.rows)
        Self.sumColumns(picture, columns, high, into: &profile)
        (ion.heightAlong, ion.offsetAlong) = extent
        return ion
    }

    static func around(_ centre: Int, _ half: Int, _ size: Int) -> Range<Int> {
        max(0, centre - half)..<min(size, centre + half)
    }

    static func sumRows(_ picture: Picture, _ columns: Range<Int>, _ rows: Range<Int>, into profile: inout [Double]) {
        profile.removeAll(keepingCapacity: true)
        for column in columns {
            var total = 0
            for row in rows { total += picture[column, row] & 255 }
            profile.append(Double(total))
        }
    }

    static func sumColumns(_ picture: Picture, _ columns: Range<Int>, _ rows: Range<Int>, into profile: inout [Double])
    {
        profile.removeAll(keepingCapacity: true)
        for row in rows {
            var total = 0
            for column in columns { total += picture[column, row] & 255 }
            profile.append(Double(total))
        }
    }

    private var extent: (height: Double, offset: Double) {
        guard let least = profile.min(), let most = profile.max() else { return (0, 0) }
        return (most - least, least)
    }

    /// The spread of the profile about its largest value; nil where fewer than four points stand out.
    private func width(squared factor: Double) -> Double? {
        let (height, offset) = extent
        guard height > 0, let top = profile.firstIndex(of: offset + height) else { return nil }
        var (weights, squares, points) = (0.0, 0.0, 0)
        for (place, value) in profile.enumerated() {
            let weight = (value - offset) / height
            guard weight > 0.1 else { continue }
            let apart = Double(place - top)
            weights += weight
            squares += weight * apart * apart
            points += 1
        }
        return points >= 4 ? (factor * squares / weights).squareRoot() : nil
    }
}
