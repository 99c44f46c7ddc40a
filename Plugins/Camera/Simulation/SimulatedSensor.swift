import Frames
import PipeCore

/// Makes counts of light.
///
/// Drawing photons for each pixel of each frame would cost milliseconds. The background is drawn once, as a long strip, and
/// each row of a frame is a piece of it that chance names. Where ions are, their photons are drawn and added: the sum of two
/// Poisson numbers is one.
struct SimulatedSensor {
    private let width: Int
    private let height: Int
    private let format: Frame.Format
    private let gain: Double
    private let strip: [UInt16]
    private var chance: RandomSource
    private let pool: BufferPool
    private static let longestStrip = 1 << 16
    /// Light beyond so many widths is less than a photon.
    private static let reach = 4.5

    init(
        width: Int,
        height: Int,
        _ format: Frame.Format,
        background: Double,
        offset: Double,
        gain: Double,
        read: Double,
        _ chance: RandomSource
    ) {
        self.width = width
        self.height = height
        self.format = format
        self.gain = gain
        var chance = chance
        let most = format == .grey8 ? 255.0 : 65_535
        let length = max(4 * width, min(Self.longestStrip, width * height))
        strip = (0..<length).map { _ in
            let counts = offset + gain * Double(chance.poisson(background)) + read * chance.normal()
            return UInt16(min(most, max(0, counts.rounded())))
        }
        self.chance = chance
        let size = ByteCount(width * height * format.size)
        pool = BufferPool(size: size, keeping: size.times(8))
    }

    mutating func expose(_ lights: [IonLight]) -> Frame? {
        let buffer = pool.take()
        guard let frame = Frame(buffer, width: width, height: height, format: format) else { return nil }
        switch format {
        case .grey16:
            let pixels = buffer.bytes.bindMemory(to: UInt16.self)
            layBackground(pixels) { $0 }
            for light in lights { add(light, to: pixels) }
        case .grey8, .rgb8:
            let pixels = buffer.bytes.bindMemory(to: UInt8.self)
            layBackground(pixels) { UInt8(truncatingIfNeeded: $0) }
            for light in lights { add(light, to: pixels) }
        }
        return frame
    }

    private mutating func layBackground<Pixel>(
        _ pixels: UnsafeMutableBufferPointer<Pixel>,
        _ pixel: (UInt16) -> Pixel
    ) {
        strip.withUnsafeBufferPointer { strip in
            for row in 0..<height {
                let start = Int(chance.next() % UInt64(strip.count - width))
                for column in 0..<width { pixels[row * width + column] = pixel(strip[start + column]) }
            }
        }
    }

    private mutating func add<Pixel: FixedWidthInteger>(
        _ light: IonLight,
        to pixels: UnsafeMutableBufferPointer<Pixel>
    ) {
        let wide = Self.reach * light.sigma
        let columns = Self.pixels(light.x - wide, light.x + wide, of: width)
        let rows = Self.pixels(light.y - wide - light.amplitude, light.y + wide + light.amplitude, of: height)
        let across = columns.map { light.across($0) }
        for row in rows {
            let along = light.photons * light.along(row)
            for (column, share) in zip(columns, across) {
                let place = row * width + column
                let counts = Int(pixels[place]) + Int((gain * Double(chance.poisson(along * share))).rounded())
                pixels[place] = Pixel(clamping: counts)
            }
        }
    }

    private static func pixels(_ from: Double, _ to: Double, of count: Int) -> Range<Int> {
        let low = max(0, min(Double(count), from.rounded(.down)))
        let high = max(low, min(Double(count), to.rounded(.up) + 1))
        return Int(low)..<Int(high)
    }
}
