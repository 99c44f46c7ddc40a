import PipeCore

// Frames as a recording of a run holds them.

extension EncodedFrame {
    public var recorded: [UInt8]? { Array(bytes) }
    public static func restored(_ bytes: [UInt8]) -> EncodedFrame? { EncodedFrame(bytes, in: replayPool) }
}

extension Frame {
    /// Columns, rows and format, then the pixels.
    public var recorded: [UInt8]? {
        let head = [width & 255, width >> 8, height & 255, height >> 8, Int(format.rawValue)]
        return head.map { UInt8($0) } + bytes
    }

    public static func restored(_ bytes: [UInt8]) -> Frame? {
        guard bytes.count > 5, let format = Format(rawValue: bytes[4]) else { return nil }
        let (width, height) = (Int(bytes[0]) | Int(bytes[1]) << 8, Int(bytes[2]) | Int(bytes[3]) << 8)
        guard width * height * format.size == bytes.count - 5 else { return nil }
        let buffer = replayPool.take(bytes.count - 5)
        buffer.bytes.copyBytes(from: bytes[5...])
        return Frame(buffer, width: width, height: height, format: format)
    }
}

private let replayPool = BufferPools(keeping: .mebibytes(64))
