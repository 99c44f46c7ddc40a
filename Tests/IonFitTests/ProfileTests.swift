import Glibc
import IonFit
import Testing

struct ProfileTests {
    private static let lower: ProfileFit.Values = [0, 0.2, 0, 0]
    private static let upper: ProfileFit.Values = [59, 15, 20_000, 2000]

    private static func gaussian(_ values: ProfileFit.Values, wave: Double) -> [Double] {
        (0..<60).map { place in
            let scaled = (Double(place) - values[0]) / values[1]
            return values[3] + values[2] * exp(-0.5 * scaled * scaled) + wave * sin(Double(place) * 2.1)
        }
    }

    private static func fit(
        _ shape: ProfileFit.Shape,
        _ profile: [Double],
        start: ProfileFit.Values,
        upper: ProfileFit.Values = upper
    ) -> ProfileFit {
        profile.withUnsafeBufferPointer {
            ProfileFit(shape, $0, first: 0, start: start, lower: Self.lower, upper: upper)
        }
    }

    @Test func `a Gaussian is found from afar`() {
        let truth: ProfileFit.Values = [31.4, 3.2, 540, 1200]
        let fit = Self.fit(.gaussian, Self.gaussian(truth, wave: 0), start: [27, 6, 300, 1100])
        #expect(fit.outcome == .ok)
        for n in 0..<4 { #expect(abs(fit.values[n] - truth[n]) < 1e-5 * abs(truth[n])) }
        #expect(fit.rest < 1e-4)
    }

    @Test func `errors grow with what is left over`() {
        let truth: ProfileFit.Values = [31.4, 3.2, 540, 1200]
        let fits = [10.0, 20].map { Self.fit(.gaussian, Self.gaussian(truth, wave: $0), start: [30, 4, 400, 1100]) }
        #expect(fits.allSatisfy { $0.outcome == .ok })
        // rest by height, by the points that the width covers: the textbook's error of a centre.
        let expected = fits[0].rest / 540 * (2 * 3.2 / Double.pi.squareRoot()).squareRoot()
        #expect(abs(fits[0].errors[0] / expected - 1) < 0.1)
        #expect(abs(fits[1].errors[0] / fits[0].errors[0] - 2) < 0.1)
    }

    @Test func `an oscillator's turning points are found`() {
        let truth: ProfileFit.Values = [30, 9.5, 2000, 800]
        let profile = (0..<60).map { place -> Double in
            let inside = truth[1] * truth[1] - (Double(place) - truth[0]) * (Double(place) - truth[0])
            return inside > 0 ? truth[3] + truth[2] / inside.squareRoot() : truth[3]
        }
        let fit = Self.fit(.oscillator, profile, start: [30.05, 9.45, 1800, 790])
        #expect(fit.outcome == .ok)
        // A pixel that changes sides makes a new minimum: the start lies between the same two pixels.
        for n in 0..<4 { #expect(abs(fit.values[n] - truth[n]) < 1e-3 * abs(truth[n])) }
    }

    @Test func `a value at its bound is told`() {
        let profile = Self.gaussian([31.4, 3.2, 540, 1200], wave: 5)
        let fit = Self.fit(.gaussian, profile, start: [30, 2, 400, 1000], upper: [59, 2.5, 20_000, 2000])
        #expect(fit.outcome == .atBound)
        #expect(fit.values[1] == 2.5)
    }

    @Test(arguments: [[], [1, 2, 3], [Double](repeating: 5, count: 60), [Double](repeating: .nan, count: 60)])
    func `what tells nothing has failed or stands at a bound`(profile: [Double]) {
        #expect(Self.fit(.gaussian, profile, start: [30, 2, 0, 5]).outcome != .ok)
    }

    /// Forty profiles of several lengths, each in a lane of its own, tell what forty fits one by one tell.
    @Test func `many Gaussians at a time are the same as one by one`() {
        var many = GaussianFits()
        var single: [ProfileFit] = []
        for round in 0..<40 {
            let step = Double(round)
            let truth: ProfileFit.Values = [25 + step / 4, 2 + step / 16, 300 + 40 * step, 900 + 100 * step]
            let profile = Array(Self.gaussian(truth, wave: 3 + step / 4).prefix(48 + round % 13))
            let start: ProfileFit.Values = [27, 5, 400, 900 + 100 * step]
            let upper: ProfileFit.Values = [Double(profile.count - 1), 15, 20_000, 10_000]
            single.append(Self.fit(.gaussian, profile, start: start, upper: upper))
            profile.withUnsafeBufferPointer { many.add($0, first: 0, start: start, lower: Self.lower, upper: upper) }
        }
        many.finish()
        #expect(many.fits.count == 40)
        for (fit, expected) in zip(many.fits, single) {
            #expect(fit.outcome == .ok && expected.outcome == .ok)
            for n in 0..<4 {
                // A hundredth of what the noise leaves open.
                #expect(abs(fit.values[n] - expected.values[n]) < 0.01 * expected.errors[n])
                #expect(abs(fit.errors[n] / expected.errors[n] - 1) < 0.01)
            }
            #expect(abs(fit.rest / expected.rest - 1) < 1e-3)
        }
    }

    @Test func `a lane with nothing to fit does not disturb its neighbours`() {
        let truth: ProfileFit.Values = [31.4, 3.2, 540, 1200]
        let good = Self.gaussian(truth, wave: 5)
        let profiles: [[Double]] = [
            good, [], [1, 2, 3], [Double](repeating: 5, count: 60), [Double](repeating: .nan, count: 60), good,
            [Double](repeating: 1, count: GaussianFits.longest + 1),
        ]
        var many = GaussianFits()
        for profile in profiles {
            profile.withUnsafeBufferPointer {
                many.add($0, first: 0, start: [30, 4, 400, 1100], lower: Self.lower, upper: Self.upper)
            }
        }
        many.finish()
        #expect(many.fits.map { $0.outcome == .ok } == [true, false, false, false, false, true, false])
        #expect(many.fits[0] == many.fits[5])
        #expect(abs(many.fits[0].values[0] - 31.4) < 0.02)
        many.clear()
        many.finish()
        #expect(many.fits.isEmpty)
    }

    @Test func `a bound holds in its lane`() {
        var many = GaussianFits()
        Self.gaussian([31.4, 3.2, 540, 1200], wave: 5).withUnsafeBufferPointer {
            many.add($0, first: 0, start: [30, 2, 400, 1000], lower: Self.lower, upper: [59, 2.5, 20_000, 2000])
        }
        many.finish()
        #expect(many.fits[0].outcome == .atBound)
        #expect(many.fits[0].values[1] == 2.5)
    }
}
