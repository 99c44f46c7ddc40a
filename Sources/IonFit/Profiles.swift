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
    /// Gaussians are fitted together when all profiles of the picture are summed; oscillators one by one.
    private var gaussians = GaussianFits()
    private var oscillators: [ProfileFit] = []

    public init(along: ProfileFit.Shape = .oscillator) { self.along = along }

    public mutating func measure(_ picture: Picture) {
        seed.measure(picture)
        ions.removeAll(keepingCapacity: true)
        oscillators.removeAll(keepingCapacity: true)
        gaussians.clear()
        for found in seed.ions where found.sigma > 0 {
            let columns = SeedCompatible.around(found.x, max(20, Int(4 * found.sigma + 2)), picture.columns)
            let rows = SeedCompatible.around(found.y, SeedCompatible.half, picture.rows)
            SeedCompatible.sumRows(picture, columns, rows, into: &profile)
            fit(.gaussian, columns, Double(found.x), found.sigma)

            let high = SeedCompatible.around(found.y, max(20, Int(2.5 * found.amplitude + 3)), picture.rows)
            let wide = SeedCompatible.around(found.x, SeedCompatible.half, picture.columns)
            SeedCompatible.sumColumns(picture, wide, high, into: &profile)
            fit(along, high, Double(found.y), found.amplitude)
        }
        gaussians.finish()
        switch along {
        case .gaussian:
            let fits = gaussians.fits
            for place in stride(from: 0, to: fits.count - 1, by: 2) {
                ions.append(Ion(across: fits[place], along: fits[place + 1]))
            }
        case .oscillator:
            for (across, along) in zip(gaussians.fits, oscillators) { ions.append(Ion(across: across, along: along)) }
        }
    }

    private mutating func fit(_ shape: ProfileFit.Shape, _ places: Range<Int>, _ centre: Double, _ width: Double) {
        let (least, most) = (profile.min() ?? 0, profile.max() ?? 0)
        let first = Double(places.lowerBound)
        // An oscillator's height is in counts times pixels.
        let height = shape == .gaussian ? most - least : (most - least) * width
        let start: ProfileFit.Values = [centre, width, height, least]
        let lower: ProfileFit.Values = [first, 0.2, 0, 0]
        let upper: ProfileFit.Values = [
            Double(places.upperBound - 1), max(0.3, Double(places.count) / 4), 10 * most, max(most, 1e-9),
        ]
        profile.withUnsafeBufferPointer { profile in
            switch shape {
            case .gaussian: gaussians.add(profile, first: first, start: start, lower: lower, upper: upper)
            case .oscillator:
                oscillators.append(
                    ProfileFit(shape, profile, first: first, start: start, lower: lower, upper: upper)
                )
            }
        }
    }
}
