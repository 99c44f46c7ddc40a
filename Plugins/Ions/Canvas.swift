import Frames
import PipeCore

/// A frame in colour that is drawn on, before anybody else sees it. What is beyond its edges is not drawn.
struct Canvas {
    typealias Colour = (red: UInt8, green: UInt8, blue: UInt8)

    let width: Int
    let height: Int
    private let buffer: PooledBuffer
    private let pixels: UnsafeMutableRawBufferPointer

    /// The grey frame in three channels; 16 bit from its darkest to its brightest value. Nil where the buffer is too small.
    init?(_ frame: Frame, _ buffer: PooledBuffer) {
        (width, height) = (frame.width, frame.height)
        guard 3 * width * height <= buffer.bytes.count else { return nil }
        (self.buffer, pixels) = (buffer, buffer.bytes)
        switch frame.format {
        case .grey8: for place in 0..<width * height { put(place, frame.bytes[place]) }
        case .grey16: stretch(frame.bytes.bindMemory(to: UInt16.self).prefix(width * height))
        case .rgb8: pixels.copyMemory(from: frame.bytes)
        }
    }

    private func stretch(_ values: Slice<UnsafeBufferPointer<UInt16>>) {
        var (least, most) = (UInt16.max, UInt16.min)
        for value in values { (least, most) = (min(least, value), max(most, value)) }
        let scale = 255 / Float(max(1, Int(most) - Int(least)))
        for place in 0..<width * height { put(place, UInt8(Float(values[place] - least) * scale)) }
    }

    private func put(_ place: Int, _ grey: UInt8) {
        (pixels[3 * place], pixels[3 * place + 1], pixels[3 * place + 2]) = (grey, grey, grey)
    }

    func dot(_ x: Int, _ y: Int, _ colour: Colour) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        let place = 3 * (y * width + x)
        (pixels[place], pixels[place + 1], pixels[place + 2]) = colour
    }

    func box(columns: ClosedRange<Int>, rows: ClosedRange<Int>, _ colour: Colour) {
        for x in stride(from: max(0, columns.lowerBound), through: min(width - 1, columns.upperBound), by: 1) {
            dot(x, rows.lowerBound, colour)
            dot(x, rows.upperBound, colour)
        }
        for y in stride(from: max(0, rows.lowerBound), through: min(height - 1, rows.upperBound), by: 1) {
            dot(columns.lowerBound, y, colour)
            dot(columns.upperBound, y, colour)
        }
    }

    /// Text with its upper left corner there, on a shadow.
    func write(_ text: String, x: Int, y: Int, _ colour: Colour) {
        for (place, character) in text.utf8.enumerated() {
            guard let rows = Glyphs[character] else { continue }
            let left = x + place * (Glyphs.width + 1)
            for pass in [(shift: 1, colour: (0, 0, 0)), (shift: 0, colour: colour)] as [(shift: Int, colour: Colour)] {
                for (row, bits) in rows.enumerated() {
                    for column in 0..<Glyphs.width where bits >> (Glyphs.width - 1 - column) & 1 == 1 {
                        dot(left + column + pass.shift, y + row + pass.shift, pass.colour)
                    }
                }
            }
        }
    }

    func frame() -> Frame? { Frame(buffer, width: width, height: height, format: .rgb8) }
}
