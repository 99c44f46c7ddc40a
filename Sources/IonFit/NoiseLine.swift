import CIonFit

/// How the noise of a frame grows with its light: the variance of a pixel is a straight line over what is expected there. For
/// who knows nothing of the camera this is all that one frame tells of it: the slope is the gain (times the excess of electron
/// multiplication), and the offset and the noise of reading are in the other number together.
struct NoiseLine {
    /// The level of the light between the ions; the variance there; and by how much it grows with what is expected.
    var level: Double
    var floor: Double
    var slope: Double

    /// Counts are whole: no pixel is less uncertain than that.
    private static let least = 1.0 / 12

    init(level: Double, floor: Double, slope: Double = 0) {
        (self.level, self.floor) = (level, max(Self.least, floor))
        self.slope = max(Self.flattest(self.floor), slope)
    }

    /// A gain of 0 would make no photon of any count.
    private static func flattest(_ floor: Double) -> Double { max(1e-3, floor * 1e-5) }

    func guess(clip: Double) -> cpipe_ion_line {
        cpipe_ion_line(
            level: Float(level),
            floor: Float(floor),
            slope: Float(slope),
            clip: Float(clip),
            bright: Float(floor.squareRoot())
        )
    }

    /// The line that the sums of `cpipe_ion_noise` ask for.
    mutating func fit(_ sums: (weight: Double, apart: Double, square: Double, rest: Double, restApart: Double)) {
        guard sums.weight > 0 else { return }
        let determinant = sums.weight * sums.square - sums.apart * sums.apart
        var (floor, slope) = (sums.rest / sums.weight, 0.0)
        if determinant > 1e-9 * sums.weight * sums.square {
            floor = (sums.rest * sums.square - sums.restApart * sums.apart) / determinant
            slope = (sums.weight * sums.restApart - sums.apart * sums.rest) / determinant
        }
        if floor < Self.least, sums.square > 0 {
            floor = Self.least
            slope = (sums.restApart - floor * sums.apart) / sums.square
        }
        let flattest = Self.flattest(floor)
        if slope < flattest {
            slope = flattest
            floor = max(Self.least, (sums.rest - slope * sums.apart) / sums.weight)
        }
        guard floor.isFinite, slope.isFinite else { return }
        (self.floor, self.slope) = (floor, slope)
    }

    /// A camera that has this noise. All of it is put down to light as long as no count would be negative without light: the
    /// offset is as high as it may be, and what then is left over is noise of reading.
    func camera(saturation: Int?) -> CameraModel {
        let noise = max(0, floor - Self.least)
        let offset = max(0, level - noise / slope)
        let read = max(0, noise - slope * (level - offset)).squareRoot()
        return CameraModel(offset: offset, gain: slope, read: read, saturation: saturation)
    }
}
