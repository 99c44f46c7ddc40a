/// What the first image handler meant to do: at each of its centres a bounded fit of the profile across and of the one
/// along, both summed over a window. For comparison with old data; the joint fit knows more.
public struct Profiles {
    public struct Ion: Sendable {
        public var across: ProfileFit
        public var along: ProfileFit
    }

    public private(set) var ions: [Ion] = []
    private let along: ProfileFit.Shape
    private var seed = SeedCompatible()
    private var profile: [Double] = []

    public init(along: ProfileFit.Shape = .oscillator) { self.along = along }

    public mutating func measure(_ picture: Picture) {
        seed.measure(picture)
        ions.removeAll(keepingCapacity: true)
        for found in seed.ions where found.sigma > 0 {
            let columns = SeedCompatible.around(found.x, max(20, Int(4 * found.sigma + 2)), picture.columns)
            let rows = SeedCompatible.around(found.y, SeedCompatible.half, picture.rows)
            SeedCompatible.sumRows(picture, columns, rows, into: &profile)
            let across = fit(.gaussian, columns, Double(found.x), found.sigma)

            let high = SeedCompatible.around(found.y, max(20, Int(2.5 * found.amplitude + 3)), picture.rows)
            let wide = SeedCompatible.around(found.x, SeedCompatible.half, picture.columns)
            SeedCompatible.sumColumns(picture, wide, high, into: &profile)
            ions.append(Ion(across: across, along: fit(along, high, Double(found.y), found.amplitude)))
        }
    }

    private func fit(_ shape: ProfileFit.Shape, _ places: Range<Int>, _ centre: Double, _ width: Double) -> ProfileFit {
        let (least, most) = (profile.min() ?? 0, profile.max() ?? 0)
        let first = Double(places.lowerBound)
        // An oscillator's height is in counts times pixels.
        let height = shape == .gaussian ? most - least : (most - least) * width
        return profile.withUnsafeBufferPointer { profile in
            ProfileFit(
                shape,
                profile,
                first: first,
                start: [centre, width, height, least],
                lower: [first, 0.2, 0, 0],
                upper: [Double(places.upperBound - 1), max(0.3, Double(places.count) / 4), 10 * most, max(most, 1e-9)]
            )
        }
    }
}
