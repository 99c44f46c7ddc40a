/// The light between the ions: a level and two slopes, from the middle of the frame.
struct Plane {
    var level = 0.0
    var across = 0.0
    var along = 0.0
    /// One standard deviation of the level.
    var error = 0.0

    /// The step that the normal equations of `cpipe_ion_plane_sums` ask for.
    init?(step sums: [9 of Double]) {
        let a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5]
        let determinant = a * (d * f - e * e) - b * (b * f - e * c) + c * (b * e - d * c)
        guard determinant > 1e-9 * a * d * f, determinant.isFinite else {
            // A frame of one row or column has no slope there.
            guard a > 0 else { return nil }
            level = sums[6] / a
            error = (1 / a).squareRoot()
            return
        }
        let (g, h, i) = (sums[6], sums[7], sums[8])
        level = (g * (d * f - e * e) - b * (h * f - e * i) + c * (h * e - d * i)) / determinant
        across = (a * (h * f - e * i) - g * (b * f - e * c) + c * (b * i - h * c)) / determinant
        along = (a * (d * i - h * e) - b * (b * i - h * c) + g * (b * e - d * c)) / determinant
        error = ((d * f - e * e) / determinant).squareRoot()
    }

    init(level: Double) { self.level = level }

    mutating func add(_ step: Plane) {
        level += step.level
        across += step.across
        along += step.along
        error = step.error
    }

    func at(_ x: Double, _ y: Double, columns: Int, rows: Int) -> Double {
        level + across * (x - 0.5 * Double(columns - 1)) + along * (y - 0.5 * Double(rows - 1))
    }
}
