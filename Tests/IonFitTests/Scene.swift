import Frames
import IonFit
import PipeCore
import Testing

/// A picture that a test draws: ions on an even background, with noise that is the same each time.
struct Scene {
    var columns = 96
    var rows = 96
    var background = 4.0
    var ions: [(x: Double, y: Double, sigma: Double, photons: Double)] = []
    /// How far all of them swing.
    var amplitude = 0.0
    var most = 65535
    var seed: UInt64 = 7
    var depth = Picture.Depth.sixteen

    func mean(_ column: Int, _ row: Int) -> Double {
        ions.reduce(background) { total, ion in
            let light = IonLight(x: ion.x, y: ion.y, sigma: ion.sigma, amplitude: amplitude, photons: ion.photons)
            return total + light.photons * light.across(column) * light.along(row)
        }
    }

    func values() -> [UInt16] {
        var chance = RandomSource(seed: seed)
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
}
