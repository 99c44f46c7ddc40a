import IonFit
import Testing

/// The joint fit against what the simulator put into the frames.
struct TruthTests {
    /// Both tests look at the same fits.
    private static let fits = Result { try TrueFrame.all().map { (frame: $0, ions: try $0.fitted()) } }

    @Test func `finds the ions, and errs by no more than the noise must`() throws {
        let fits = try Self.fits.get()
        let matched = fits.flatMap { $0.frame.matches($0.ions) }
        let there = fits.reduce(0) { $0 + $1.frame.ions.count }
        let found = fits.reduce(0) { $0 + $1.ions.count }
        try #require(there > 100)
        #expect(Double(matched.count) / Double(found) >= 0.985, "precision")
        #expect(Double(matched.count) / Double(there) >= 0.97, "recall")

        let most = [1.15, 1.15, 1.15, 1.2, 1.2]
        for (place, name) in ["x", "y", "sigma", "R", "photons"].enumerated() {
            let moving = matched.filter { place != 3 || $0.truth.R >= 0.5 }
            let ratios = moving.map {
                ($0.ion.value.all()[place] - $0.truth.all()[place]) / $0.truth.bound.all()[place]
            }
            #expect(trimmed(ratios) <= most[place], "\(name): error by bound")
            #expect(trimmed(ratios) >= 0.7, "\(name): nobody is better than the bound; the check is broken")
        }
    }

    @Test func `tells errors that are as large as it errs`() throws {
        let matched = try Self.fits.get().flatMap { $0.frame.matches($0.ions) }
        for (place, name) in ["x", "y", "sigma", "R", "photons"].enumerated() {
            // An amplitude that cannot be told from 0 has no normal distribution.
            let known = matched.filter { place != 3 || $0.truth.R > 3 * $0.truth.bound.R }
            try #require(known.count > 40)
            let pulls = known.map {
                ($0.ion.value.all()[place] - $0.truth.all()[place]) / $0.ion.error.all()[place]
            }
            // The width of so many has an error of a twentieth; leaving 2 % out takes as much away.
            #expect((0.82...1.2).contains(trimmed(pulls)), "\(name): width of the pulls")
            let mean = pulls.reduce(0, +) / Double(pulls.count)
            #expect(abs(mean) < 0.3, "\(name): mean of the pulls")
        }
        let chi = matched.map(\.ion.chiSquare).reduce(0, +) / Double(matched.count)
        #expect((0.93...1.07).contains(chi))
    }

    @Test func `turning points that lie apart are one ion`() throws {
        for name in ["f128_095.png", "f128_118.png"] {
            let frame = try #require(try TrueFrame.all().first { $0.file == name })
            #expect(try frame.fitted().count == frame.ions.count, "\(name)")
        }
    }

    @Test func `a second fit of the same frame tells the same`() throws {
        let frame = try #require(try TrueFrame.all().first)
        let fitter = IonFitter(camera: frame.model)
        let both = try frame.picture { picture in
            fitter.fit(picture)
            let first = fitter.ions
            fitter.fit(picture)
            return (first, fitter.ions)
        }
        #expect(both.0 == both.1)
    }
}
