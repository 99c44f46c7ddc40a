/// An ion as the joint fit tells it. Lengths are pixels; pixel centres are whole numbers, x is the column, y the row.
public struct Ion: Sendable, Hashable {
    /// The five parameters of an ion, or something about each of them.
    public struct Parameters: Sendable, Hashable {
        public var x = 0.0
        public var y = 0.0
        /// Width of the Gaussian, the same along x and y.
        public var sigma = 0.0
        /// Amplitude of the oscillation along y, 0 at rest.
        public var amplitude = 0.0
        /// Light of the ion over the whole frame.
        public var photons = 0.0
    }

    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// A parameter stopped at its limit.
        public static let atLimit = Flags(rawValue: 1)
        /// The fit still moved when it was stopped.
        public static let unsettled = Flags(rawValue: 2)
        /// Pixels of the ion are clipped, and were left out.
        public static let clipped = Flags(rawValue: 4)
        /// Part of the ion is beyond the frame.
        public static let cut = Flags(rawValue: 8)
        /// Neighbours overlap; the errors contain what that costs.
        public static let crowded = Flags(rawValue: 16)
        /// The amplitude cannot be told from 0.
        public static let atRest = Flags(rawValue: 32)

        /// The names of what is set, for reports.
        public var names: [String] {
            let all: [(Flags, String)] = [
                (.atLimit, "at_limit"), (.unsettled, "unsettled"), (.clipped, "clipped"), (.cut, "cut"),
                (.crowded, "crowded"), (.atRest, "at_rest"),
            ]
            return all.filter { contains($0.0) }.map(\.1)
        }
    }

    public var value: Parameters
    /// One standard deviation of each, from the Fisher matrix of the ion and its neighbours.
    public var error: Parameters
    /// Light under the ion, photons a pixel.
    public var background: Double
    /// Chi-square by degree of freedom: 1 when the camera is as its model says.
    public var chiSquare: Double
    public var flags: Flags
}
