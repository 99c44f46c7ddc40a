import Glibc

/// The Gaussian blur of OpenCV on 8-bit values: 31 taps of sigma 5 in 8 fractional bits, edges mirrored without the edge
/// itself. Whole numbers throughout, so that it is the same to the last bit.
struct SeedBlur {
    private(set) var values: [UInt8] = []
    private var crossed: [UInt16] = []
    private var line: [UInt8] = []

    private static let reach = 15

    /// Rounding errors are carried from tap to tap, and the middle takes the rest: the taps add up to 256.
    private static let taps: [UInt32] = {
        let weights = (0...2 * reach).map { exp(-Double(($0 - reach) * ($0 - reach)) / 50) }
        let all = weights.reduce(0, +)
        var taps = [UInt32](repeating: 0, count: weights.count)
        var error = 0.0
        for place in 0..<reach {
            let wanted = weights[place] / all * 256 + error
            let whole = wanted.rounded(.toNearestOrEven)
            error = wanted - whole
            taps[place] = UInt32(whole)
            taps[2 * reach - place] = UInt32(whole)
        }
        taps[reach] = 256 - taps.reduce(0, +)
        return taps
    }()

    mutating func apply(_ picture: Picture) {
        let (columns, rows) = (picture.columns, picture.rows)
        values = [UInt8](repeating: 0, count: columns * rows)
        crossed = [UInt16](repeating: 0, count: columns * rows)
        let mirroredColumns = Self.mirrored(columns)
        let mirroredRows = Self.mirrored(rows)
        for row in 0..<rows {
            line.removeAll(keepingCapacity: true)
            for place in mirroredColumns { line.append(UInt8(truncatingIfNeeded: picture[place, row])) }
            for column in 0..<columns {
                var total: UInt32 = 0
                for tap in 0...2 * Self.reach { total += Self.taps[tap] * UInt32(line[column + tap]) }
                crossed[row * columns + column] = UInt16(clamping: total)
            }
        }
        var totals = [UInt32](repeating: 0, count: columns)
        for row in 0..<rows {
            for column in 0..<columns { totals[column] = 1 << 15 }
            for tap in 0...2 * Self.reach {
                let start = mirroredRows[row + tap] * columns
                let weight = Self.taps[tap]
                for column in 0..<columns { totals[column] += weight * UInt32(crossed[start + column]) }
            }
            for column in 0..<columns { values[row * columns + column] = UInt8(clamping: totals[column] >> 16) }
        }
    }

    var extent: (largest: Int, mean: Double) {
        let total = values.reduce(0) { $0 + Int($1) }
        return (Int(values.max() ?? 0), Double(total) / Double(max(1, values.count)))
    }

    /// The place that stands for each of a line with `reach` places more at either end.
    private static func mirrored(_ size: Int) -> [Int] {
        let turn = max(1, 2 * (size - 1))
        return (-reach..<size + reach).map { place in
            let within = ((place % turn) + turn) % turn
            return within < size ? within : turn - within
        }
    }
}
