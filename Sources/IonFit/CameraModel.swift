/// What a count of the camera means: counts = offset + gain × photons, with noise.
public struct CameraModel: Sendable, Hashable {
    /// Counts of a pixel without light.
    public var offset: Double
    /// Counts a photon makes on average.
    public var gain: Double
    /// Noise of reading a pixel out, in counts (rms).
    public var read: Double
    /// From this count on a pixel is clipped, and says nothing. Nil: the largest value of the depth.
    public var saturation: Int?
    /// By how much electron multiplication raises the variance of light: 2, or 1 without.
    public var excess: Double

    public init(offset: Double = 0, gain: Double = 1, read: Double = 0, saturation: Int? = nil, excess: Double = 1) {
        (self.offset, self.gain, self.read, self.saturation, self.excess) = (offset, gain, read, saturation, excess)
    }

    /// Units in which the variance of light is its mean: photons, or half of them with electron multiplication.
    var unit: Double { 1 / (gain * excess) }

    /// The variance that does not come from light, in those units; counts are whole, which adds a twelfth.
    var noise: Double { (read * read + 1.0 / 12) * unit * unit }
}
