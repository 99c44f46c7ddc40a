/// Grey values that somebody else holds: 8 or 16 bit as the camera sent them, row by row. Only looked at during a call.
public struct Picture {
    public enum Depth: Int, Sendable {
        case eight = 8
        case sixteen = 16
    }

    public let values: UnsafeRawPointer
    public let depth: Depth
    public let columns: Int
    public let rows: Int
    /// Values from one row to the next.
    public let stride: Int

    /// Nil if the bytes are too few for so many rows, or 16-bit values are not aligned.
    public init?(_ bytes: UnsafeRawBufferPointer, depth: Depth, columns: Int, rows: Int, stride: Int? = nil) {
        let stride = stride ?? columns
        guard let start = bytes.baseAddress, (1...Self.longest).contains(columns), (1...Self.longest).contains(rows),
            (columns...Self.longest * 4).contains(stride)
        else { return nil }
        let size = depth.rawValue / 8
        guard ((rows - 1) * stride + columns) * size <= bytes.count, Int(bitPattern: start) % size == 0 else {
            return nil
        }
        (values, self.depth, self.columns, self.rows, self.stride) = (start, depth, columns, rows, stride)
    }

    /// The longest side of a picture, so that no product of sizes overflows.
    public static let longest = 1 << 14

    @inlinable public subscript(column: Int, row: Int) -> Int {
        switch depth {
        case .eight: Int(values.load(fromByteOffset: row * stride + column, as: UInt8.self))
        case .sixteen: Int(values.load(fromByteOffset: 2 * (row * stride + column), as: UInt16.self))
        }
    }

    /// A part of the picture, cut to what there is of it; nil if that is nothing.
    public func part(columns wanted: Range<Int>, rows wantedRows: Range<Int>) -> Picture? {
        let columns = wanted.clamped(to: 0..<columns)
        let rows = wantedRows.clamped(to: 0..<rows)
        guard !columns.isEmpty, !rows.isEmpty else { return nil }
        let skipped = (rows.lowerBound * stride + columns.lowerBound) * depth.rawValue / 8
        return Picture(values + skipped, depth, columns.count, rows.count, stride)
    }

    private init(_ values: UnsafeRawPointer, _ depth: Depth, _ columns: Int, _ rows: Int, _ stride: Int) {
        (self.values, self.depth, self.columns, self.rows, self.stride) = (values, depth, columns, rows, stride)
    }
}
