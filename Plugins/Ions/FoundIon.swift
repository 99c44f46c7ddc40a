import IonFit
import PipeCore

/// An ion as it is reported, whatever the method: the eight numbers of the lab's image handler, their errors, and what
/// a method adds.
struct FoundIon: Sendable {
    var x: Double
    var y: Double
    var sigma: Double
    var amplitude: Double
    /// The eight numbers, in the order of `Names.values`.
    var values: [Double]
    var errors: [Double]
    var extras: [(key: String, value: JSON)]

    func described(id: Int, _ names: Names) -> JSON {
        var members = [JSON.Member(names["id"], .integer(id))]
        for (key, value) in zip(Names.values, values) { members.append(JSON.Member(names[key], Self.number(value))) }
        members.append(JSON.Member(names["fit_error"], .array(errors.map(Self.number))))
        for extra in extras { members.append(JSON.Member(names[extra.key], extra.value)) }
        return .object(members)
    }

    /// An error that nothing bounds has no number in JSON.
    private static func number(_ value: Double) -> JSON { value.isFinite ? .number(value) : .null }
}

extension FoundIon {
    /// The joint fit, in the units of the original: heights of profiles in counts, levels in counts a pixel.
    init(_ ion: Ion, camera: CameraModel, left: Int, top: Int) {
        let (value, error) = (ion.value, ion.error)
        (x, y, sigma, amplitude) = (value.x + Double(left), value.y + Double(top), value.sigma, value.amplitude)
        let across = camera.gain / (value.sigma * (2 * Double.pi).squareRoot())
        let along = camera.gain / Double.pi
        let level = ion.background * camera.gain
        values = [x, y, sigma, amplitude, value.photons * across, value.photons * along, level, level]
        errors = [error.x, error.y, error.sigma, error.amplitude, error.photons * across, error.photons * along, 0, 0]
        extras = [
            ("photons", .number(value.photons)), ("photons_error", .number(error.photons)),
            ("chi_square", .number(ion.chiSquare)), ("flags", .strings(ion.flags.names)),
        ]
    }

    init(_ ion: SeedCompatible.Ion, left: Int, top: Int) {
        (x, y, sigma, amplitude) = (Double(ion.x + left), Double(ion.y + top), ion.sigma, ion.amplitude)
        values = [x, y, sigma, amplitude, ion.heightAcross, ion.heightAlong, ion.offsetAcross, ion.offsetAlong]
        errors = [Double](repeating: 0, count: 8)
        extras = []
    }

    init(_ ion: Profiles.Ion, left: Int, top: Int) {
        let (across, along) = (ion.across, ion.along)
        (x, y) = (across.values[0] + Double(left), along.values[0] + Double(top))
        (sigma, amplitude) = (across.values[1], along.values[1])
        values = [x, y, sigma, amplitude, across.values[2], along.values[2], across.values[3], along.values[3]]
        errors = (0..<4).flatMap { [across.errors[$0], along.errors[$0]] }
        extras = [
            ("fit", ["across": .string(across.outcome.rawValue), "along": .string(along.outcome.rawValue)]),
            ("rest", ["across": .number(across.rest), "along": .number(along.rest)]),
        ]
    }
}

/// The keys of the lab's JSON, and what a graph calls them.
struct Names: Sendable {
    static let values = ["x0", "y0", "sigma_x", "R_y", "A_x", "A_y", "offset_x", "offset_y"]
    static let all =
        ["atom_count", "atoms", "timestamp", "estimated_camera", "id"] + values
        + ["fit_error", "photons", "photons_error", "chi_square", "flags", "fit", "rest"]

    private let others: [String: String]

    init(_ entries: [(key: String, value: String)]) {
        others = Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
    }

    subscript(key: String) -> String { others[key] ?? key }
}
