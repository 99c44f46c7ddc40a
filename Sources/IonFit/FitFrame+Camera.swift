import CIonFit

/// The camera that a frame shows, where nobody has stated it.
extension FitFrame {
    /// Before anything is known of the ions: from second differences, in which their light hardly shows. Counts are photons here.
    func roughCamera() -> CameraModel {
        // Without second differences nothing tells the noise: such a frame counts photons.
        guard columns > 2, rows > 2 else { return CameraModel() }
        var line = NoiseLine(level: max(0, plane.level), floor: typicalSquare() / Self.medianOfSquares)
        var window = whole
        var sums = [8 of Double](repeating: 0)
        for _ in 0..<6 {
            var guess = line.guess(clip: Self.clip)
            withUnsafeMutableBytes(of: &sums) { bytes in
                guard let first = bytes.bindMemory(to: Double.self).baseAddress else { return }
                cpipe_ion_rough_noise(first, &window, &guess, rows > 64 ? 3 : 1)
            }
            line.fit((sums[0], sums[1], sums[2], sums[3], sums[4]))
        }
        return line.camera(saturation: camera.saturation)
    }

    /// The median of the squared second differences of a thousand places, which ions do not move far.
    private func typicalSquare() -> Double {
        var squares: [Float] = []
        let step = max(1, (columns - 2) * (rows - 2) / 1024) | 1
        for place in stride(from: 0, to: (columns - 2) * (rows - 2), by: step) {
            let (row, column) = (place / (columns - 2) + 1, place % (columns - 2) + 1)
            let middle: UnsafeMutablePointer<Float> = photons + (row * wide + column)
            let (above, below) = (middle - wide, middle + wide)
            let corners: Float = above[-1] + above[1] + below[-1] + below[1]
            let sides: Float = above[0] + below[0] + middle[-1] + middle[1]
            let rest: Float = (4 * middle[0] - 2 * sides + corners) / 6
            squares.append(rest * rest)
        }
        squares.sort()
        return Double(squares[squares.count / 2])
    }

    /// Of a normal distribution whose variance is 1.
    private static let medianOfSquares = 0.455

    /// From what the ions found so far leave over.
    func refinedCamera() -> CameraModel {
        let (unit, offset) = (camera.unit, camera.offset)
        let noise = max(0, plane.level) + camera.noise
        var line = NoiseLine(
            level: plane.level / unit + offset,
            floor: noise / (unit * unit),
            slope: camera.gain * camera.excess
        )
        var window = whole
        var sums = [8 of Double](repeating: 0)
        for _ in 0..<2 {
            // The sums are of photons, the line is of counts.
            var guess = line.guess(clip: Self.clip)
            guess.level = Float(plane.level)
            guess.floor *= Float(unit * unit)
            guess.slope *= Float(unit)
            guess.bright *= Float(unit)
            withUnsafeMutableBytes(of: &sums) { bytes in
                guard let first = bytes.bindMemory(to: Double.self).baseAddress else { return }
                cpipe_ion_noise(first, &window, &guess, rows > 192 ? 2 : 1)
            }
            // What is left over in the light of an ion is less than its noise, by the five parameters that it was fitted with.
            let pixels = sums[7] * (rows > 192 ? 2 : 1)
            let fitted = min(0.5 * pixels, 5 * Double(count))
            let share = pixels > 0 ? fitted / (pixels - fitted) : 0
            let (inverse, square) = (1 / unit, 1 / (unit * unit))
            line.fit(
                (
                    sums[0], sums[1] * inverse, sums[2] * square,
                    (sums[3] + share * sums[5]) * square, (sums[4] + share * sums[6]) * inverse * square
                )
            )
        }
        return line.camera(saturation: camera.saturation)
    }

    /// No noise of a camera goes further, in standard deviations; what does is light that the model does not know.
    private static let clip = 6.0
}
