import FoundationEssentials
import Frames
import IonFit
import PipeCore
import Testing

/// A frame of `Frames/`, drawn by a simulator, and what is in it. `bound` is the Cramér-Rao bound of each parameter: what no
/// unbiased estimate does better than.
struct TrueFrame: Decodable, Sendable {
    struct Camera: Decodable, Sendable {
        var kind: String
        var offset: Double
        var gain: Double
        var read: Double
        var saturation: Int
    }

    struct Values: Decodable, Sendable {
        var x: Double
        var y: Double
        var sigma: Double
        var R: Double
        var photons: Double

        func all() -> [Double] { [x, y, sigma, R, photons] }
    }

    struct TrueIon: Decodable, Sendable {
        var x: Double
        var y: Double
        var sigma: Double
        var R: Double
        var photons: Double
        var bound: Values

        func all() -> [Double] { [x, y, sigma, R, photons] }
    }

    var file: String
    var camera: Camera
    var ions: [TrueIon]

    static let folder = String(#filePath.dropLast("TrueFrame.swift".count)) + "Frames/"

    static func all() throws -> [TrueFrame] {
        let data = try Data(contentsOf: URL(filePath: folder + "truth.json"))
        return try JSONDecoder().decode([TrueFrame].self, from: data)
    }

    var model: CameraModel {
        CameraModel(
            offset: camera.offset,
            gain: camera.gain,
            read: camera.read,
            saturation: camera.saturation,
            excess: camera.kind == "emccd" ? 2 : 1
        )
    }

    func picture<Result>(_ body: (Picture) throws -> Result) throws -> Result {
        let data = try Data(contentsOf: URL(filePath: Self.folder + file))
        let frame = try PNG.read(Array(data), BufferPool(size: .mebibytes(1), keeping: .mebibytes(1)))
        return try body(
            try #require(
                Picture(
                    frame.bytes,
                    depth: frame.format == .grey8 ? .eight : .sixteen,
                    columns: frame.width,
                    rows: frame.height
                )
            )
        )
    }

    func fitted() throws -> [Ion] {
        let fitter = IonFitter(camera: model)
        return try picture {
            fitter.fit($0)
            return fitter.ions
        }
    }

    /// Pairs of a true and a fitted ion, the closest first, within three pixels or the width.
    func matches(_ found: [Ion]) -> [(truth: TrueIon, ion: Ion)] {
        var pairs: [(apart: Double, truth: Int, ion: Int)] = []
        for (place, truth) in ions.enumerated() {
            for (other, ion) in found.enumerated() {
                let (across, along) = (truth.x - ion.value.x, truth.y - ion.value.y)
                let apart = (across * across + along * along).squareRoot()
                if apart <= max(3, truth.sigma) { pairs.append((apart, place, other)) }
            }
        }
        var (truths, others) = (Set<Int>(), Set<Int>())
        var result: [(truth: TrueIon, ion: Ion)] = []
        for pair in pairs.sorted(by: { $0.apart < $1.apart })
        where !truths.contains(pair.truth) && !others.contains(pair.ion) {
            truths.insert(pair.truth)
            others.insert(pair.ion)
            result.append((ions[pair.truth], found[pair.ion]))
        }
        return result
    }
}

extension Ion.Parameters {
    func all() -> [Double] { [x, y, sigma, amplitude, photons] }
}

/// Root mean square of the smallest 98 %: one ion that is two must not decide.
func trimmed(_ values: [Double]) -> Double {
    let kept = values.map(abs).sorted().prefix((values.count * 98 + 99) / 100)
    return (kept.reduce(0) { $0 + $1 * $1 } / Double(max(1, kept.count))).squareRoot()
}
