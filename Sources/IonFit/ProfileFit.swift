import Glibc

/// A bounded least-squares fit of four parameters to a summed profile: Levenberg and Marquardt's, with steps cut at the
/// bounds and derivatives written out.
public struct ProfileFit: Sendable, Hashable {
    public enum Shape: Sendable {
        /// offset + height · exp(−(u − centre)² / 2 width²)
        case gaussian
        /// offset + height / √(width² − (u − centre)²) between the turning points: the time an oscillator spends at u.
        /// Its edges are singular, so that noise moves it: for comparison with old data.
        case oscillator
    }

    public enum Outcome: String, Sendable {
        case ok
        case atBound = "at_bound"
        case failed
    }

    /// Centre, width, height and offset.
    public typealias Values = SIMD4<Double>

    public private(set) var values: Values
    /// One standard deviation each, scaled by what the fit leaves over; 0 where it failed.
    public private(set) var errors = Values()
    /// Root mean square of what the fit leaves over.
    public private(set) var rest = 0.0
    public private(set) var outcome = Outcome.failed

    private static let most = 60

    init(values: Values, errors: Values, rest: Double, outcome: Outcome) {
        (self.values, self.errors, self.rest, self.outcome) = (values, errors, rest, outcome)
    }

    /// `profile[n]` stands at `first + n`.
    public init(
        _ shape: Shape,
        _ profile: UnsafeBufferPointer<Double>,
        first: Double,
        start: Values,
        lower: Values,
        upper: Values
    ) {
        values = start.clamped(lowerBound: lower, upperBound: upper)
        guard profile.count > 4 else { return }
        var sums = Sums(shape, profile, first, values)
        var damping = 1e-3
        var isSettled = false
        for _ in 0..<Self.most where !isSettled && damping < 1e12 {
            guard let move = sums.step(damping, held: held(lower, upper, sums.gradient)) else {
                damping *= 10
                continue
            }
            let wanted = (values + move).clamped(lowerBound: lower, upperBound: upper)
            let next = Sums(shape, profile, first, wanted)
            guard next.square <= sums.square else {
                damping *= 8
                continue
            }
            isSettled = sums.square - next.square <= 1e-12 * sums.square
            (values, sums, damping) = (wanted, next, max(1e-12, damping * 0.15))
        }
        rest = (sums.square / Double(profile.count)).squareRoot()
        guard let variances = sums.variances, sums.square.isFinite else { return }
        errors = (variances * (sums.square / Double(profile.count - 4))).squareRoot()
        outcome = any(values .<= lower) || any(values .>= upper) ? .atBound : .ok
    }

    /// Parameters at a bound whose slope points beyond it do not move.
    private func held(_ lower: Values, _ upper: Values, _ gradient: Values) -> SIMDMask<SIMD4<Int64>> {
        (values .<= lower .& (gradient .< 0)) .| (values .>= upper .& (gradient .> 0))
    }
}

/// The normal equations at one place.
private struct Sums {
    private(set) var square = 0.0
    private(set) var gradient = SIMD4<Double>()
    private var rows: (SIMD4<Double>, SIMD4<Double>, SIMD4<Double>, SIMD4<Double>) = (.zero, .zero, .zero, .zero)

    init(_ shape: ProfileFit.Shape, _ profile: UnsafeBufferPointer<Double>, _ first: Double, _ at: SIMD4<Double>) {
        for (place, measured) in profile.enumerated() {
            let (value, slope) = Self.model(shape, first + Double(place), at)
            let rest = measured - value
            square += rest * rest
            gradient += slope * rest
            rows.0 += slope * slope[0]
            rows.1 += slope * slope[1]
            rows.2 += slope * slope[2]
            rows.3 += slope * slope[3]
        }
    }

    private static func model(_ shape: ProfileFit.Shape, _ u: Double, _ p: SIMD4<Double>) -> (Double, SIMD4<Double>) {
        let (apart, width, height) = (u - p[0], p[1], p[2])
        switch shape {
        case .gaussian:
            let scaled = apart / width
            let bell = exp(-0.5 * scaled * scaled)
            let pull = height * bell * scaled / width
            return (p[3] + height * bell, SIMD4(pull, pull * scaled, bell, 1))
        case .oscillator:
            let inside = width * width - apart * apart
            guard inside > 0 else { return (p[3], SIMD4(0, 0, 0, 1)) }
            let floored = max(inside, 1e-10)
            let density = 1 / floored.squareRoot()
            let bend = inside > 1e-10 ? height * density / floored : 0
            return (p[3] + height * density, SIMD4(-bend * apart, -bend * width, density, 1))
        }
    }

    func step(_ damping: Double, held: SIMDMask<SIMD4<Int64>>) -> SIMD4<Double>? {
        var matrix = self
        for n in 0..<4 { matrix[n][n] += damping * matrix[n][n] + 1e-300 }
        var right = gradient
        for n in 0..<4 where held[n] {
            for m in 0..<4 { (matrix[n][m], matrix[m][n]) = (0, 0) }
            (matrix[n][n], right[n]) = (1, 0)
        }
        return matrix.solved(right)
    }

    /// The diagonal of the inverse.
    var variances: SIMD4<Double>? {
        var result = SIMD4<Double>()
        for n in 0..<4 {
            var unit = SIMD4<Double>()
            unit[n] = 1
            guard let column = solved(unit) else { return nil }
            result[n] = column[n]
        }
        return all(result .>= 0) ? result : nil
    }

    private subscript(row: Int) -> SIMD4<Double> {
        get {
            switch row {
            case 0: rows.0
            case 1: rows.1
            case 2: rows.2
            default: rows.3
            }
        }
        set {
            switch row {
            case 0: rows.0 = newValue
            case 1: rows.1 = newValue
            case 2: rows.2 = newValue
            default: rows.3 = newValue
            }
        }
    }

    /// Gauss elimination, of a matrix scaled to a diagonal of 1.
    private func solved(_ right: SIMD4<Double>) -> SIMD4<Double>? {
        let diagonal = SIMD4(self[0][0], self[1][1], self[2][2], self[3][3])
        guard all(diagonal .> 0) else { return nil }
        let scale = 1 / diagonal.squareRoot()
        var (matrix, vector) = (self, right * scale)
        for n in 0..<4 { matrix[n] = self[n] * scale * scale[n] }
        for n in 0..<4 {
            guard matrix[n][n] > 1e-14 else { return nil }
            for m in n + 1..<max(4, n + 1) {
                let factor = matrix[m][n] / matrix[n][n]
                matrix[m] -= matrix[n] * factor
                vector[m] -= vector[n] * factor
            }
        }
        for n in stride(from: 3, through: 0, by: -1) {
            for m in n + 1..<max(4, n + 1) { vector[n] -= matrix[n][m] * vector[m] }
            vector[n] /= matrix[n][n]
        }
        let result = vector * scale
        return (0..<4).allSatisfy { result[$0].isFinite } ? result : nil
    }
}
