public import PipeCore

/// A picture of a camera: grey values of 8 or 16 bit as they came, or red, green and blue of 8 bit. Its memory is pooled
/// and shared: nobody writes once it has been sent.
public struct Frame: Payload {
    public enum Format: UInt8, Sendable {
        case grey8, grey16, rgb8

        public var name: String {
            switch self {
            case .grey8: "grey8"
            case .grey16: "grey16"
            case .rgb8: "rgb8"
            }
        }

        /// Bytes of a pixel.
        public var size: Int {
            switch self {
            case .grey8: 1
            case .grey16: 2
            case .rgb8: 3
            }
        }
    }

    public static let payload = PayloadInfo("frame", "A picture of a camera.", worstCase: .mebibytes(8))

    public let buffer: PooledBuffer
    public let format: Format
    private let sides: (width: UInt16, height: UInt16)

    public var width: Int { Int(sides.width) }
    public var height: Int { Int(sides.height) }

    /// Nil if the buffer is too small for such a picture, or there is no pixel in it.
    public init?(_ buffer: PooledBuffer, width: Int, height: Int, format: Format) {
        guard let wide = UInt16(exactly: width), let high = UInt16(exactly: height), wide > 0, high > 0,
            width * height * format.size <= buffer.bytes.count
        else { return nil }
        (self.buffer, sides, self.format) = (buffer, (wide, high), format)
    }

    public var byteCount: Int { width * height * format.size }

    /// The pixels, row by row and without gaps.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer.bytes.prefix(byteCount)) }

    public var described: JSON {
        ["width": .integer(width), "height": .integer(height), "format": .string(format.name)]
    }

    /// `{ width, height, background, spots: [[x, y, light, sigma], …] }`: what a graph's test feeds.
    public static func read(_ value: JSON) -> Frame? { Drawing(value)?.frame() }

    /// Drawn once: nobody writes to a frame, so that all who ask may share them.
    public static func sample(_ number: Int) -> Frame? { samples[number % samples.count] }

    private static let samples = (0..<Drawing.variants).map { Drawing(number: $0).frame() }
}
