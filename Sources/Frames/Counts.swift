public import PipeCore

/// Pictures as plain counts: a text with a line a row, or 16 bit of each pixel, the low byte first.
public enum Counts {
    /// A row a line, integers of 0 to 65535 with blanks, tabs, commas or semicolons between them. Empty lines are none.
    public static func readText(
        _ bytes: UnsafeRawBufferPointer,
        _ limit: PixelLimit,
        _ pools: BufferPools
    ) throws(PictureFailure) -> Frame {
        var values: [UInt16] = []
        var (width, rows, line) = (0, 0, 1)
        /// Where the row begins that is being read, and the number in it.
        var (start, number) = (0, -1)
        for place in 0...bytes.count {
            let byte = place < bytes.count ? bytes[place] : UInt8(ascii: "\n")
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                number = max(0, number) * 10 + Int(byte - UInt8(ascii: "0"))
                guard number <= 65_535 else { throw PictureFailure("line \(line) has a count beyond 65535") }
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\r"),
                UInt8(ascii: "\n"):
                if number >= 0 {
                    guard values.count < limit.pixels else {
                        throw PictureFailure("it has more than the \(limit.pixels) pixels that are read")
                    }
                    values.append(UInt16(number))
                    number = -1
                }
                guard byte == UInt8(ascii: "\n") else { continue }
                if values.count > start {
                    if rows == 0 { width = values.count }
                    guard values.count - start == width else {
                        throw PictureFailure("line \(line) has \(values.count - start) counts, and the first \(width)")
                    }
                    (rows, start) = (rows + 1, values.count)
                }
                line += 1
            default: throw PictureFailure("line \(line) has something that is no count")
            }
        }
        guard rows > 0 else { throw PictureFailure("there is not a single count") }
        return try frame(width: width, height: rows, limit, pools) { target in
            values.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    /// So many rows of 16 bit a pixel; not a byte more or less.
    public static func readRaw(
        _ bytes: UnsafeRawBufferPointer,
        width: Int,
        height: Int,
        _ limit: PixelLimit,
        _ pools: BufferPools
    ) throws(PictureFailure) -> Frame {
        guard bytes.count == 2 * width * height else {
            throw PictureFailure("\(bytes.count) bytes are no \(width)×\(height) pixels of 16 bit")
        }
        return try frame(width: width, height: height, limit, pools) { $0.copyMemory(from: bytes) }
    }

    private static func frame(
        width: Int,
        height: Int,
        _ limit: PixelLimit,
        _ pools: BufferPools,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(PictureFailure) -> Frame {
        try limit.check(width, height)
        let buffer = pools.take(2 * width * height)
        fill(buffer.bytes)
        guard let frame = Frame(buffer, width: width, height: height, format: .grey16) else {
            throw PictureFailure("a picture of \(width)×\(height) pixels does not fit its buffer")
        }
        return frame
    }
}
