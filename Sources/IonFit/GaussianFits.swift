import CIonFit

/// Bounded fits of Gaussians to many profiles, sixteen at a time and each in a lane of its own. What `ProfileFit` says of one
/// fit holds for each, in single precision.
public struct GaussianFits {
    /// The most values that a profile may have.
    public static let longest = 512

    /// A fit for each profile that was added, in order.
    public private(set) var fits: [ProfileFit] = []

    private static let lanes = Int(cpipe_ion_lanes)
    private var values = [Float](repeating: 0, count: 64 * lanes)
    private var count = 0
    private var rows = [Float](repeating: 0, count: Int(cpipe_ion_rows.rawValue) * lanes)
    private var scales: [Scale] = []

    /// Lanes hold values less `least`, divided by `height`, and places less `origin`.
    private struct Scale {
        var least: Double
        var height: Double
        var origin: Double
    }

    public init() {}

    /// Forgets the profiles and their fits.
    public mutating func clear() {
        fits.removeAll(keepingCapacity: true)
        scales.removeAll(keepingCapacity: true)
    }

    /// A profile whose value n stands at `first + n`, where its fit begins, and its bounds; no height is negative. It is
    /// fitted by the time `finish` returns. One that is too long fails.
    public mutating func add(
        _ profile: UnsafeBufferPointer<Double>,
        first: Double,
        start: ProfileFit.Values,
        lower: ProfileFit.Values,
        upper: ProfileFit.Values
    ) {
        let lane = scales.count
        let length = profile.count <= Self.longest ? profile.count : 0
        let scale = Scale(
            least: start[3].isFinite ? start[3] : 0,
            height: start[2] > 0 && start[2].isFinite ? start[2] : 1,
            origin: first + Double(length / 2)
        )
        copy(profile.prefix(length), lane, scale)
        self[cpipe_ion_length, lane] = Float(length)
        self[cpipe_ion_middle, lane] = Float(length / 2)
        set(cpipe_ion_at, lane, start, scale)
        set(cpipe_ion_lower, lane, lower, scale)
        set(cpipe_ion_upper, lane, upper, scale)
        self[cpipe_ion_lower, 2, lane] = max(0, self[cpipe_ion_lower, 2, lane])
        scales.append(scale)
        if scales.count == Self.lanes { finish() }
    }

    /// Fits what has been added and is not fitted yet.
    public mutating func finish() {
        guard !scales.isEmpty else { return }
        for lane in scales.count..<Self.lanes { self[cpipe_ion_length, lane] = 0 }
        rows.withUnsafeMutableBufferPointer { rows in
            values.withUnsafeBufferPointer { values in
                guard let rows = rows.baseAddress, let values = values.baseAddress else { return }
                cpipe_ion_fit_gaussians(rows, values, Int32(count))
            }
        }
        for lane in scales.indices { fits.append(fit(lane, scales[lane])) }
        scales.removeAll(keepingCapacity: true)
        count = 0
    }

    private mutating func copy(_ profile: Slice<UnsafeBufferPointer<Double>>, _ lane: Int, _ scale: Scale) {
        count = max(count, profile.count)
        if values.count < count * Self.lanes {
            values.append(contentsOf: repeatElement(0, count: count * Self.lanes - values.count))
        }
        let factor = 1 / scale.height
        values.withUnsafeMutableBufferPointer { values in
            var place = lane
            for value in profile {
                values[place] = Float((value - scale.least) * factor)
                place += Self.lanes
            }
        }
    }

    private mutating func set(_ row: cpipe_ion_row, _ lane: Int, _ wanted: ProfileFit.Values, _ scale: Scale) {
        let scaled = (wanted - [scale.origin, 0, 0, scale.least]) / [1, 1, scale.height, scale.height]
        for n in 0..<4 { self[row, n, lane] = Float(scaled[n]) }
    }

    private func fit(_ lane: Int, _ scale: Scale) -> ProfileFit {
        let unit: ProfileFit.Values = [1, 1, scale.height, scale.height]
        var (values, inverse) = (ProfileFit.Values(), ProfileFit.Values())
        var isAtBound = false
        for n in 0..<4 {
            let value = self[cpipe_ion_at, n, lane]
            values[n] = Double(value)
            inverse[n] = Double(self[cpipe_ion_inverse, n, lane])
            isAtBound = isAtBound || value <= self[cpipe_ion_lower, n, lane] || value >= self[cpipe_ion_upper, n, lane]
        }
        values = values * unit + [scale.origin, 0, 0, scale.least]
        let (length, square) = (Double(self[cpipe_ion_length, lane]), Double(self[cpipe_ion_square, lane]))
        let errors = (inverse * (square / max(1, length - 4))).squareRoot() * unit
        let total = (values + errors).sum()
        let isKnown = length > 4 && self[cpipe_ion_settled, lane] == 1 && total.isFinite
        return ProfileFit(
            values: values,
            errors: isKnown ? errors : .zero,
            rest: (square / max(1, length)).squareRoot() * scale.height,
            outcome: isKnown ? (isAtBound ? .atBound : .ok) : .failed
        )
    }

    private subscript(row: cpipe_ion_row, lane: Int) -> Float {
        get { self[row, 0, lane] }
        set { self[row, 0, lane] = newValue }
    }

    /// Of rows that stand for four parameters, that of the n-th.
    private subscript(row: cpipe_ion_row, n: Int, lane: Int) -> Float {
        get { rows[(Int(row.rawValue) + n) * Self.lanes + lane] }
        set { rows[(Int(row.rawValue) + n) * Self.lanes + lane] = newValue }
    }
}
