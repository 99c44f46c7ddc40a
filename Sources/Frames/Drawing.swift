import Glibc
import PipeCore

/// A frame of 16 bit that a test describes: round spots of light on an even background, without noise.
struct Drawing {
    private struct Spot {
        var x: Double
        var y: Double
        var light: Double
        var sigma: Double
    }

    static let variants = 12
    private static let longest = 2048

    private let width: Int
    private let height: Int
    private let background: Double
    private let spots: [Spot]

    init?(_ value: JSON) {
        guard case .object = value else { return nil }
        width = Self.integer(value["width"]) ?? 64
        height = Self.integer(value["height"]) ?? 64
        background = Self.number(value["background"]) ?? 10
        guard (1...Self.longest).contains(width), (1...Self.longest).contains(height) else { return nil }
        var spots: [Spot] = []
        if case .array(let values)? = value["spots"] {
            for case .array(let spot) in values {
                let numbers = spot.compactMap(Self.number)
                guard numbers.count == 4, numbers[3] > 0 else { return nil }
                spots.append(Spot(x: numbers[0], y: numbers[1], light: numbers[2], sigma: numbers[3]))
            }
        }
        self.spots = spots
    }

    init(number: Int) {
        (width, height, background) = (40, 36, 10)
        spots = [Spot(x: 14 + Double(number), y: 18, light: 4000, sigma: 2.5)]
    }

    func frame() -> Frame? {
        let pool = BufferPool(size: ByteCount(2 * width * height), keeping: ByteCount(1))
        let buffer = pool.take()
        let pixels = buffer.bytes.bindMemory(to: UInt16.self)
        for row in 0..<height {
            for column in 0..<width {
                pixels[row * width + column] = UInt16(clamping: Int(level(column, row).rounded()))
            }
        }
        return Frame(buffer, width: width, height: height, format: .grey16)
    }

    private func level(_ column: Int, _ row: Int) -> Double {
        let light = spots.reduce(background) { total, spot in
            let (across, along) = (Double(column) - spot.x, Double(row) - spot.y)
            let square = spot.sigma * spot.sigma
            return total + spot.light / (2 * .pi * square) * exp(-(across * across + along * along) / (2 * square))
        }
        return min(1e6, max(0, light.isNaN ? 0 : light))
    }

    private static func number(_ value: JSON?) -> Double? {
        switch value {
        case .integer(let number)?: Double(number)
        case .number(let number)?: number
        default: nil
        }
    }

    private static func integer(_ value: JSON?) -> Int? {
        if case .integer(let number)? = value { number } else { nil }
    }
}
