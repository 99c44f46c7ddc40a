import CIonFit

/// The shape of an ion as the finder looks for it, in squares of some pixels: taps across and along, and how it overlaps
/// with itself.
struct Template {
    static let reach = 16

    let sigma: Double
    let amplitude: Double
    let across: [Float]
    let along: [Float]
    let acrossSquared: [Float]
    let alongSquared: [Float]
    /// The sum of the squared taps.
    let square: Float
    /// By the lag in squares: the share of a response that an ion beside it explains.
    private let lagAcross: [Float]
    private let lagAlong: [Float]

    var reachAcross: Int { across.count / 2 }
    var reachAlong: Int { along.count / 2 }

    init(sigma: Double, amplitude: Double, pixels: Double) {
        (self.sigma, self.amplitude) = (sigma, amplitude)
        let wide = min(Self.reach, Int((2.8 * sigma / pixels).rounded(.up)))
        let high = min(Self.reach, Int(((2.8 * sigma + amplitude) / pixels).rounded(.up)))
        across = Self.shares(reach: wide, sigma: sigma / pixels, amplitude: 0)
        along = Self.shares(reach: high, sigma: sigma / pixels, amplitude: amplitude / pixels)
        acrossSquared = across.map { $0 * $0 }
        alongSquared = along.map { $0 * $0 }
        square = acrossSquared.reduce(0, +) * alongSquared.reduce(0, +)
        lagAcross = Self.overlaps(across)
        lagAlong = Self.overlaps(along)
    }

    /// What an ion of this shape adds to the response so far away, as a share of its own.
    func overlap(_ columns: Int, _ rows: Int) -> Float {
        let columns = abs(columns), rows = abs(rows)
        guard columns < lagAcross.count, rows < lagAlong.count else { return 0 }
        return lagAcross[columns] * lagAlong[rows]
    }

    private static func shares(reach: Int, sigma: Double, amplitude: Double) -> [Float] {
        var profile = cpipe_ion_along()
        let square = Float(amplitude * amplitude)
        cpipe_ion_fill_along(&profile, Int32(2 * reach + 1), Float(-reach), 0, Float(sigma), square)
        return withUnsafeBytes(of: profile.share) { Array($0.bindMemory(to: Float.self).prefix(2 * reach + 1)) }
    }

    private static func overlaps(_ taps: [Float]) -> [Float] {
        let all = taps.reduce(0) { $0 + $1 * $1 }
        return (0..<taps.count).map { lag in zip(taps, taps.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 } / all }
    }
}
