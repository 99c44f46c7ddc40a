import Glibc
package import PipeCore

/// The light of an ion as a camera sees it: a Gaussian across, and along an oscillation that exposure averages, each summed
/// over the area of a pixel.
package struct IonLight: Sendable {
    package var x: Double
    package var y: Double
    package var sigma: Double
    /// Of the oscillation along the rows; 0 is at rest.
    package var amplitude: Double
    package var photons: Double

    package init(x: Double, y: Double, sigma: Double, amplitude: Double = 0, photons: Double) {
        (self.x, self.y, self.sigma, self.amplitude, self.photons) = (x, y, sigma, amplitude, photons)
    }

    /// The share of the light that falls into a column.
    package func across(_ column: Int) -> Double { Self.share(Double(column) - x, sigma) }

    /// The share of the light that falls into a row.
    package func along(_ row: Int) -> Double {
        guard amplitude > 0 else { return Self.share(Double(row) - y, sigma) }
        // The midpoint rule over a phase converges exponentially.
        let nodes = Int(2.2 * amplitude / sigma) + 4
        let total = (0..<nodes).reduce(0.0) { total, node in
            let place = y + amplitude * cos((Double(node) + 0.5) * .pi / Double(nodes))
            return total + Self.share(Double(row) - place, sigma)
        }
        return total / Double(nodes)
    }

    private static func share(_ apart: Double, _ sigma: Double) -> Double {
        let scale = 1 / (sigma * 2.0.squareRoot())
        return 0.5 * (erf((apart + 0.5) * scale) - erf((apart - 0.5) * scale))
    }
}

extension RandomSource {
    /// Of mean 0 and width 1.
    package mutating func normal() -> Double {
        (-2 * log(1 - share())).squareRoot() * cos(2 * .pi * share())
    }

    /// How many come where so many are expected.
    package mutating func poisson(_ mean: Double) -> Int {
        if mean > 60 { return max(0, Int((mean + mean.squareRoot() * normal()).rounded())) }
        let limit = exp(-mean)
        var (count, product) = (0, share())
        while product > limit {
            count += 1
            product *= share()
        }
        return count
    }
}
