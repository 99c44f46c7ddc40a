import CIonFit
import Glibc

/// The Gaussian blur of OpenCV on 8-bit values: 31 taps of sigma 5 in 8 fractional bits, edges mirrored without the edge
/// itself. Whole numbers throughout, so that it is the same to the last bit.
struct SeedBlur {
    private(set) var values: [UInt8] = []
    private var crossed: [UInt16] = []
    private var line: [UInt8] = []

    private static let reach = 15

    /// Rounding errors are carried from tap to tap, and the middle takes the rest: the taps add up to 256.
    private static let taps: [UInt16] = {
        let weights = (0...2 * reach).map { exp(-Double(($0 - reach) * ($0 - reach)) / 50) }
        let all = weights.reduce(0, +)
        var taps = [UInt16](repeating: 0, count: weights.count)
        var error = 0.0
        for place in 0..<reach {
            let wanted = weights[place] / all * 256 + error
            let whole = wanted.rounded(.toNearestOrEven)
            error = wanted - whole
            taps[place] = UInt16(whole)
            taps[2 * reach - place] = UInt16(whole)
        }
        taps[reach] = 256 - taps.reduce(0, +)
        return taps
    }()

    mutating func apply(_ picture: Picture) {
        let (columns, rows) = (picture.columns, picture.rows)
        resize(to: columns * rows)
        let mirroredColumns = Self.mirrored(columns)
        for row in 0..<rows {
            line.removeAll(keepingCapacity: true)
            for place in mirroredColumns { line.append(UInt8(truncatingIfNeeded: picture[place, row])) }
            crossed.withUnsafeMutableBufferPointer { crossed in
                guard let out = crossed.baseAddress else { return }
                cpipe_ion_blur_line(line, out + row * columns, Int32(columns), Self.taps, Int32(Self.taps.count))
            }
        }
        var mirroredRows = Self.mirrored(rows).map { Int32($0) }
        cpipe_ion_blur_rows(
            crossed,
            &values,
            Int32(columns),
            Int32(rows),
            &mirroredRows,
            Self.taps,
            Int32(Self.taps.count)
        )
    }

    private mutating func resize(to count: Int) {
        guard values.count != count else { return }
        values = [UInt8](repeating: 0, count: count)
        crossed = [UInt16](repeating: 0, count: count)
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
