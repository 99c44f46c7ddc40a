import CIonFit

/// One ion of a frame: its parameters, its factors across and along, and the Fisher scoring that moves them.
struct FittedIon {
    static let mostNeighbours = 5
    /// Parameters of an ion, and of each neighbour.
    static let room = 5 + 5 * mostNeighbours

    private(set) var value = Ion.Parameters()
    private(set) var photonsError = 0.0
    /// How far the last call of `fit` moved it, in standard deviations.
    private(set) var drift = 0.0
    private var square = 0.0
    private var columns = 0..<0
    private var rows = 0..<0
    /// The frame's memory: an ion is moved, and its factors stay where they are.
    private let x: UnsafeMutablePointer<cpipe_ion_across>
    private let y: UnsafeMutablePointer<cpipe_ion_along>
    private var sums = cpipe_ion_sums()
    private var flags: Ion.Flags = []

    init(_ x: UnsafeMutablePointer<cpipe_ion_across>, _ y: UnsafeMutablePointer<cpipe_ion_along>) {
        (self.x, self.y) = (x, y)
    }

    // MARK: - Fitting

    mutating func begin(_ candidate: Finder.Candidate, _ template: Template, in frame: FitFrame) {
        value = Ion.Parameters(
            x: candidate.x,
            y: candidate.y,
            sigma: template.sigma,
            amplitude: template.amplitude,
            photons: candidate.photons
        )
        square = max(template.amplitude * template.amplitude, 0.25 * template.sigma * template.sigma)
        (photonsError, flags) = (.infinity, [])
        fillFactors(in: frame)
    }

    /// One ion whose turning points are where two were found.
    mutating func begin(asBoth one: FittedIon, _ other: FittedIon, in frame: FitFrame) {
        let (a, b) = (one.value, other.value)
        let light = a.photons + b.photons
        value = Ion.Parameters(
            x: (a.x * a.photons + b.x * b.photons) / light,
            y: 0.5 * (a.y + b.y),
            sigma: 0.5 * (a.sigma + b.sigma),
            amplitude: min(frame.limits.amplitude, 0.7 * abs(a.y - b.y)),
            photons: light
        )
        square = value.amplitude * value.amplitude
        fillFactors(in: frame)
    }

    /// One of two that were found as one.
    mutating func begin(asHalfOf whole: FittedIon, across: Bool, side: Double, in frame: FitFrame) {
        value = whole.value
        value.photons *= 0.5
        if across {
            value.x += side * 0.8 * value.sigma
        } else {
            value.y += side * 0.8 * max(value.sigma, value.amplitude)
        }
        value.sigma = max(frame.limits.sigma.lowerBound, 0.6 * value.sigma)
        value.amplitude = 0.5 * value.sigma
        square = value.amplitude * value.amplitude
        (photonsError, flags) = (.infinity, [])
        fillFactors(in: frame)
    }

    /// At the limit of the widths, or with light that is not its shape.
    func mayBeTwo(in frame: FitFrame) -> Bool {
        value.sigma >= frame.limits.sigma.upperBound || sums.chi > 1.8 * max(1, sums.pixels - 5)
    }

    /// Other units of light.
    mutating func scale(by factor: Double) {
        value.photons *= factor
        photonsError *= factor
    }

    /// A hot pixel, or the trace of a particle: narrower than an ion may be. Where the noise is known, it must be by far not its shape.
    func isTooNarrow(in frame: FitFrame) -> Bool {
        value.sigma <= frame.limits.sigma.lowerBound && square == 0
            && (frame.isCameraUnknown || sums.chi > 4 * max(1, sums.pixels - 5))
    }

    /// Centred beyond the frame; or cut by its edge, and of a shape that stops at a limit: a border, not an ion.
    func isBeyondEdge(in frame: FitFrame) -> Bool {
        let (right, bottom) = (Double(frame.columns) - 0.5, Double(frame.rows) - 0.5)
        if value.x <= -0.5 || value.y <= -0.5 || value.x >= right || value.y >= bottom { return true }
        let isShapeless = value.sigma >= frame.limits.sigma.upperBound || value.amplitude >= frame.limits.amplitude
        return isShapeless && isCut(in: frame)
    }

    private func isCut(in frame: FitFrame) -> Bool {
        let wide = 2 * value.sigma
        let high = wide + value.amplitude
        return value.x < wide || value.y < high || value.x > Double(frame.columns - 1) - wide
            || value.y > Double(frame.rows - 1) - high
    }

    func mayBeHalf(of other: FittedIon) -> Bool {
        let (a, b) = (value, other.value)
        return abs(a.x - b.x) < 0.5 * min(a.sigma, b.sigma) && abs(a.y - b.y) < 8 * min(a.sigma, b.sigma)
            && a.photons < 2 * b.photons && b.photons < 2 * a.photons
    }

    var chi: Double { sums.chi }

    /// Chi-square of the same window by what `frame` holds already.
    func chiWithout(in frame: FitFrame) -> Double {
        var window = frame.window(columns: columns, rows: rows)
        var sums = cpipe_ion_sums()
        cpipe_ion_gather(&sums, &window, x, y, 0)
        return sums.chi
    }

    /// `frame` is without this ion.
    mutating func fit(in frame: FitFrame, rounds: Int, matrix: inout CholeskyMatrix) {
        flags.insert(.unsettled)
        drift = 0
        for _ in 0..<rounds {
            gather(in: frame)
            guard let moved = step(in: frame, &matrix) else { break }
            drift += moved
            fillFactors(in: frame)
            if moved < 0.02 {
                flags.remove(.unsettled)
                break
            }
        }
    }

    private mutating func gather(in frame: FitFrame) {
        var window = frame.window(columns: columns, rows: rows)
        cpipe_ion_gather(&sums, &window, x, y, Float(value.photons))
    }

    /// One step of Fisher scoring; tells the largest move in standard deviations, nil if the window tells nothing.
    private mutating func step(in frame: FitFrame, _ matrix: inout CholeskyMatrix) -> Double? {
        fill(&matrix)
        var move = [5 of Double](repeating: 0)
        let sums = sums
        withUnsafeBytes(of: sums.gradient) { bytes in
            for n in 0..<5 { move[n] = bytes.load(fromByteOffset: 8 * n, as: Double.self) }
        }
        for n in 0..<5 { matrix[n, n] *= 1 + 1e-6 }
        let information = [5 of Double] { matrix[$0, $0] }
        guard matrix.factor() else { return nil }
        withUnsafeMutableBytes(of: &move) { bytes in
            if let first = bytes.bindMemory(to: Double.self).baseAddress { matrix.solve(first) }
        }
        for n in 0..<5 where !move[n].isFinite { return nil }
        photonsError = (1 / information[4]).squareRoot()
        let before = (value, square)
        apply(move, frame)
        var moved = 0.0
        let moves: [5 of Double] = [
            value.x - before.0.x, value.y - before.0.y, value.sigma - before.0.sigma, square - before.1,
            value.photons - before.0.photons,
        ]
        for n in 0..<5 { moved = max(moved, moves[n] * moves[n] * information[n]) }
        return moved.squareRoot()
    }

    /// A step goes no further than the shape is believed to hold.
    private mutating func apply(_ move: [5 of Double], _ frame: FitFrame) {
        let limits = frame.limits
        let reach = 0.7 * value.sigma
        flags.remove(.atLimit)
        value.x = limited(value.x + min(reach, max(-reach, move[0])), -0.5...Double(frame.columns) - 0.5)
        let high = reach + 0.3 * value.amplitude
        value.y = limited(value.y + min(high, max(-high, move[1])), -0.5...Double(frame.rows) - 0.5)
        let bend = max(0.5 * square, value.sigma * value.sigma)
        value.sigma = limited(value.sigma * min(1.3, max(0.75, 1 + move[2] / value.sigma)), limits.sigma)
        // The amplitude may well stop at 0, which is no limit but rest.
        square = min(limits.amplitude * limits.amplitude, max(0, square + min(bend, max(-bend, move[3]))))
        value.amplitude = square.squareRoot()
        value.photons = max(1e-3, value.photons * min(2, max(0.5, 1 + move[4] / value.photons)))
    }

    private mutating func limited(_ wanted: Double, _ range: ClosedRange<Double>) -> Double {
        if range.contains(wanted) { return wanted }
        flags.insert(.atLimit)
        return wanted.isNaN ? range.lowerBound : min(range.upperBound, max(range.lowerBound, wanted))
    }

    private func fill(_ matrix: inout CholeskyMatrix, size: Int = 5) {
        matrix.clear(size: size)
        fillOwn(&matrix, at: 0)
    }

    // MARK: - The window

    private mutating func fillFactors(in frame: FitFrame) {
        let wide = 3.6 * value.sigma + 1
        let high = wide + value.amplitude
        columns = Self.cut(value.x, wide, frame.columns)
        rows = Self.cut(value.y, high, frame.rows)
        cpipe_ion_fill_across(x, Int32(columns.count), Float(columns.lowerBound), Float(value.x), Float(value.sigma))
        cpipe_ion_fill_along(
            y,
            Int32(rows.count),
            Float(rows.lowerBound),
            Float(value.y),
            Float(value.sigma),
            Float(square)
        )
    }

    private static func cut(_ centre: Double, _ reach: Double, _ size: Int) -> Range<Int> {
        let lower = min(size - 1, max(0, Int((centre - reach).rounded())))
        let upper = min(size, max(lower + 1, Int((centre + reach).rounded()) + 1))
        return lower..<min(upper, lower + cpipe_ion_longest)
    }

    func add(to model: UnsafeMutablePointer<Float>, wide: Int, sign: Double) {
        let start = model + rows.lowerBound * wide + columns.lowerBound
        cpipe_ion_add(start, wide, Int32(columns.count), Int32(rows.count), x, y, Float(sign * value.photons))
    }

    func overlaps(_ other: FittedIon) -> Bool {
        columns.overlaps(other.columns) && rows.overlaps(other.rows)
    }

    // MARK: - Reporting

    /// The information of the ion as it now stands; `frame` is without it.
    mutating func measure(in frame: FitFrame) {
        gather(in: frame)
    }

    /// The ion with the errors that are left when its neighbours, too, are not known exactly. `frame` is complete.
    func ion(
        _ near: ArraySlice<Int>,
        _ fits: UnsafeMutablePointer<FittedIon>,
        in frame: FitFrame,
        matrix: inout CholeskyMatrix
    ) -> Ion {
        fill(&matrix, size: 5 + 5 * near.count)
        for (place, index) in near.enumerated() {
            let block = 5 + 5 * place
            fits[index].fillOwn(&matrix, at: block)
            couple(fits[index], 0, block, in: frame, &matrix)
            for (earlier, other) in near.prefix(place).enumerated() where fits[index].overlaps(fits[other]) {
                fits[other].couple(fits[index], 5 + 5 * earlier, block, in: frame, &matrix)
            }
        }
        var variance = [5 of Double](repeating: .infinity)
        if matrix.factor() {
            withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.room) { scratch in
                guard let first = scratch.baseAddress else { return }
                for n in 0..<5 { variance[n] = matrix.inverseDiagonal(n, first) }
            }
        }
        return told(variance, isCrowded: !near.isEmpty, in: frame)
    }

    private func told(_ variance: [5 of Double], isCrowded: Bool, in frame: FitFrame) -> Ion {
        let amplitude = variance[3].squareRoot()
        var error = Ion.Parameters(
            x: variance[0].squareRoot(),
            y: variance[1].squareRoot(),
            sigma: variance[2].squareRoot(),
            photons: variance[4].squareRoot()
        )
        // Near rest the square has an error, and its root no derivative.
        error.amplitude = min(amplitude / (2 * max(value.amplitude, 1e-6)), amplitude.squareRoot())
        var flags = flags
        if isCrowded { flags.insert(.crowded) }
        if square < amplitude { flags.insert(.atRest) }
        if Double(columns.count * rows.count) - sums.pixels > 0.5 { flags.insert(.clipped) }
        if isCut(in: frame) { flags.insert(.cut) }
        return Ion(
            value: value,
            error: error,
            background: 0,
            chiSquare: sums.chi / max(1, sums.pixels - 5),
            flags: flags
        )
    }

    private func fillOwn(_ matrix: inout CholeskyMatrix, at block: Int) {
        withUnsafeBytes(of: sums.fisher) { bytes in
            var next = 0
            for row in 0..<5 {
                for column in row..<5 {
                    matrix[block + column, block + row] = bytes.load(fromByteOffset: 8 * next, as: Double.self)
                    next += 1
                }
            }
        }
        // At rest the amplitude has no information of its own on a coarse grid; a trace keeps the matrix positive.
        matrix[block + 3, block + 3] += 1e-9
    }

    /// What the two ions have in common, in the rows of `other`, which come later.
    private func couple(
        _ other: FittedIon,
        _ own: Int,
        _ block: Int,
        in frame: FitFrame,
        _ matrix: inout CholeskyMatrix
    ) {
        let columns = columns.clamped(to: other.columns)
        let rows = rows.clamped(to: other.rows)
        var window = frame.window(columns: columns, rows: rows)
        var cross = [25 of Double](repeating: 0)
        withPart(columns, rows) { mine in
            other.withPart(columns, rows) { theirs in
                withUnsafeMutableBytes(of: &cross) { bytes in
                    guard let first = bytes.bindMemory(to: Double.self).baseAddress else { return }
                    cpipe_ion_cross(first, &window, mine, theirs)
                }
            }
        }
        for mine in 0..<5 {
            for theirs in 0..<5 { matrix[block + theirs, own + mine] = cross[5 * mine + theirs] }
        }
    }

    private func withPart(
        _ columns: Range<Int>,
        _ rows: Range<Int>,
        _ body: (UnsafePointer<cpipe_ion_part>) -> Void
    ) {
        var part = cpipe_ion_part(
            x: x,
            y: y,
            column: Int32(columns.lowerBound - self.columns.lowerBound),
            row: Int32(rows.lowerBound - self.rows.lowerBound),
            light: Float(value.photons)
        )
        body(&part)
    }
}

extension Ion.Parameters {
    mutating func scale(by factor: Double) {
        x *= factor
        y *= factor
        sigma *= factor
        amplitude *= factor
        photons *= factor
    }

    func distance(_ other: Ion.Parameters) -> Double {
        let (across, along) = (x - other.x, y - other.y)
        return (across * across + along * along).squareRoot()
    }
}
