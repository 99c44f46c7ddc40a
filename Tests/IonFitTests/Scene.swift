import Glibc
import IonFit
import Testing

/// A picture that a test draws: round ions on an even background, with noise that is the same each time.
struct Scene {
    var columns = 96
    var rows = 96
    var background = 4.0
    var ions: [(x: Double, y: Double, sigma: Double, photons: Double)] = []
    var most = 65535
    var seed: UInt64 = 7
    var depth = Picture.Depth.sixteen

    func mean(_ column: Int, _ row: Int) -> Double {
        ions.reduce(background) { total, ion in
            total + ion.photons * Self.share(Double(column) - ion.x, ion.sigma)
                * Self.share(Double(row) - ion.y, ion.sigma)
        }
    }

    func values() -> [UInt16] {
        var chance = Chance(state: seed)
        return (0..<rows).flatMap { row in
            (0..<columns).map { column in UInt16(min(most, chance.poisson(mean(column, row)))) }
        }
    }

    func picture<Result>(_ body: (Picture) throws -> Result) throws -> Result {
        let values = values()
        let bytes = depth == .eight ? values.map { UInt8(clamping: $0) } : []
        return try depth == .eight
            ? bytes.withUnsafeBytes { try body(try #require(Picture($0, depth: .eight, columns: columns, rows: rows))) }
            : values.withUnsafeBytes {
                try body(try #require(Picture($0, depth: .sixteen, columns: columns, rows: rows)))
            }
    }

    func fitted(_ limits: FitLimits = FitLimits(), unstated: Bool = false) throws -> [Ion] {
        let fitter = IonFitter(camera: unstated ? nil : CameraModel(saturation: most), limits: limits)
        return try picture {
            fitter.fit($0)
            return fitter.ions
        }
    }

    private static func share(_ apart: Double, _ sigma: Double) -> Double {
        0.5 * (erf((apart + 0.5) / (sigma * 2.0.squareRoot())) - erf((apart - 0.5) / (sigma * 2.0.squareRoot())))
    }
}

/// splitmix64, and from it photons.
private struct Chance {
    var state: UInt64

    mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }

    mutating func poisson(_ mean: Double) -> Int {
        if mean > 60 {
            let normal = (-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform())
            return max(0, Int((mean + mean.squareRoot() * normal).rounded()))
        }
        let limit = exp(-mean)
        var (count, product) = (0, uniform())
        while product > limit {
            count += 1
            product *= uniform()
        }
        return count
    }
}
