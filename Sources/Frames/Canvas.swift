public import PipeCore

/// A frame in colour that is drawn on, before anybody else sees it. What is beyond its edges is not drawn.
public struct Canvas {
    public typealias Colour = (red: UInt8, green: UInt8, blue: UInt8)

    public let width: Int
    public let height: Int
    private let buffer: PooledBuffer
    private let pixels: UnsafeMutableRawBufferPointer

    /// The grey frame in three channels; 16 bit from its darkest to its brightest value. Nil where the buffer is too small.
    public init?(_ frame: Frame, _ buffer: PooledBuffer) {
        (width, height) = (frame.width, frame.height)
        guard 3 * width * height <= buffer.bytes.count else { return nil }
        (self.buffer, pixels) = (buffer, buffer.bytes)
        switch frame.format {
        case .grey8: fill { frame.bytes[$0] }
        case .grey16: stretch(frame.bytes.bindMemory(to: UInt16.self))
        case .rgb8: pixels.copyMemory(from: frame.bytes)
        }
    }

    private func stretch(_ values: UnsafeBufferPointer<UInt16>) {
        var (least, most) = (UInt16.max, UInt16.min)
        for place in 0..<width * height {
            let value = values[place]
            least = value < least ? value : least
            most = value > most ? value : most
        }
        let scale = 255 / Float(max(1, Int(most) - Int(least)))
        fill { UInt8(Float(values[$0] - least) * scale) }
    }

    /// Four bytes at once, of which the next pixel takes the last back.
    @inline(__always) private func fill(_ grey: (Int) -> UInt8) {
        let last = width * height - 1
        for place in 0..<last {
            pixels.storeBytes(of: UInt32(grey(place)) &* 0x01_0101, toByteOffset: 3 * place, as: UInt32.self)
        }
        let value = grey(last)
        (pixels[3 * last], pixels[3 * last + 1], pixels[3 * last + 2]) = (value, value, value)
    }

    public func dot(_ x: Int, _ y: Int, _ colour: Colour) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        let place = 3 * (y * width + x)
        (pixels[place], pixels[place + 1], pixels[place + 2]) = colour
    }

    private func box(columns: ClosedRange<Int>, rows: ClosedRange<Int>, _ colour: Colour) {
        for x in stride(from: max(0, columns.lowerBound), through: min(width - 1, columns.upperBound), by: 1) {
            dot(x, rows.lowerBound, colour)
            dot(x, rows.upperBound, colour)
        }
        for y in stride(from: max(0, rows.lowerBound), through: min(height - 1, rows.upperBound), by: 1) {
            dot(columns.lowerBound, y, colour)
            dot(columns.upperBound, y, colour)
        }
    }

    /// A box around an ion, two and a half widths and the amplitude away, and where its first line of text begins. Nil where what is told
    /// is no number, or far beyond every frame.
    public func mark(x: Double, y: Double, sigma: Double, amplitude: Double, _ colour: Colour) -> (x: Int, y: Int)? {
        let isDrawn = abs(x) < 1e6 && abs(y) < 1e6 && abs(sigma) < 1e6 && abs(amplitude) < 1e6
        guard isDrawn, sigma >= 0 else { return nil }
        let (column, row) = (Int(x.rounded()), Int(y.rounded()))
        let wide = max(2, Int((2.5 * sigma).rounded()))
        let high = wide + Int(abs(amplitude).rounded())
        box(columns: column - wide...column + wide, rows: row - high...row + high, colour)
        return (column + wide + 3, row - high)
    }

    /// What stands beside an ion: its number, and with `values` its place, width and amplitude in three lines more.
    public func label(
        _ number: Int,
        _ values: (x: Double, y: Double, sigma: Double, amplitude: Double)?,
        at place: (x: Int, y: Int),
        _ colour: Colour
    ) {
        var line = LabelLine()
        line.add("#")
        line.add(number)
        write(line, x: place.x, y: place.y, colour)
        guard let values else { return }
        let step = Glyphs.height + 2
        line.clear()
        line.add(values.x)
        line.add(",")
        line.add(values.y)
        write(line, x: place.x, y: place.y + step, colour)
        line.clear()
        line.add("s")
        line.add(values.sigma)
        write(line, x: place.x, y: place.y + 2 * step, colour)
        line.clear()
        line.add("R")
        line.add(values.amplitude)
        write(line, x: place.x, y: place.y + 3 * step, colour)
    }

    /// Letters with their upper left corner there, on a shadow.
    public func write(_ line: LabelLine, x: Int, y: Int, _ colour: Colour) {
        // Nothing of a line that is beyond the frame is looked at.
        guard y > -Glyphs.height - 2, y < height, x < width else { return }
        Glyphs.rows.withUnsafeBufferPointer { rows in
            for place in 0..<line.count {
                let letter = Int(line.letters[place] & 127) * Glyphs.height
                let left = x + place * (Glyphs.width + 1)
                draw(rows, letter, left + 1, y + 1, (0, 0, 0))
                draw(rows, letter, left, y, colour)
            }
        }
    }

    private func draw(_ rows: UnsafeBufferPointer<UInt8>, _ letter: Int, _ x: Int, _ y: Int, _ colour: Colour) {
        for row in 0..<Glyphs.height {
            var bits = rows[letter + row]
            while bits != 0 {
                let place = bits.trailingZeroBitCount
                dot(x + Glyphs.width - 1 - place, y + row, colour)
                bits &= bits - 1
            }
        }
    }

    public func frame() -> Frame? { Frame(buffer, width: width, height: height, format: .rgb8) }
}
