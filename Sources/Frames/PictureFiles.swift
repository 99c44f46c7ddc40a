public import PipeCore

extension EncodedFrame: Pictured {
    public var pictureFile: (bytes: [UInt8], ending: String)? { (Array(bytes), format.fileExtension) }
}

extension Frame: Pictured {
    /// Netpbm: every value as it is, 16-bit ones high byte first.
    public var pictureFile: (bytes: [UInt8], ending: String)? {
        let isColour = format == .rgb8
        let most = format == .grey16 ? 65_535 : 255
        var file = Array("\(isColour ? "P6" : "P5")\n\(width) \(height)\n\(most)\n".utf8)
        file.reserveCapacity(file.count + byteCount)
        if format == .grey16 {
            for place in stride(from: 0, to: bytes.count - 1, by: 2) {
                let value = bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)
                file.append(UInt8(value >> 8))
                file.append(UInt8(truncatingIfNeeded: value))
            }
        } else {
            file.append(contentsOf: bytes)
        }
        return (file, isColour ? "ppm" : "pgm")
    }
}
