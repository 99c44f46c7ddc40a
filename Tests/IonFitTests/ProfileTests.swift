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
}
