/// What an ion may be, and how many there may be.
public struct FitLimits: Sendable, Hashable {
    /// Widths of the Gaussian, in pixels.
    public var sigma: ClosedRange<Double>
    /// The largest amplitude of oscillation, in pixels.
    public var amplitude: Double
    /// How far above the noise an ion is, in standard deviations of its light.
    public var significance: Double
    /// No more ions than that are reported; the brightest are.
    public var ions: Int

    public init(
        sigma: ClosedRange<Double> = 1...6,
        amplitude: Double = 14,
        significance: Double = 5,
        ions: Int = 64
    ) {
        self.sigma = max(0.5, sigma.lowerBound)...min(8, max(0.5, sigma.upperBound))
        self.amplitude = min(20, max(0, amplitude))
        self.significance = max(3, significance)
        self.ions = min(256, max(1, ions))
    }
}
