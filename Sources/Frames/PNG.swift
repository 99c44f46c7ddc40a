import CZlib
public import PipeCore

/// Reads PNG pictures in grey of 8 or 16 bit, which keep their depth. Others, and interlaced ones, are told as such.
public struct PNG {
    private struct Head {
        var width: Int
        var height: Int
        var depth: Int
    }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// The picture in a buffer of `pool`.
    public static func read(_ bytes: [UInt8], _ pool: BufferPool) throws(PictureFailure) -> Frame {
        try read(bytes, PixelLimit(1 << 28)) { _ in pool.take() }
    }

    /// The picture in a buffer of its own size.
    public static func read(
        _ bytes: [UInt8],
        _ limit: PixelLimit,
        _ pools: BufferPools
    ) throws(PictureFailure) -> Frame {
        try read(bytes, limit) { pools.take($0) }
    }

    private static func read(
        _ bytes: [UInt8],
        _ limit: PixelLimit,
        _ take: (Int) -> PooledBuffer
    ) throws(PictureFailure) -> Frame {
        guard bytes.starts(with: signature) else { throw PictureFailure("this is no PNG file") }
        var head: Head?
        var packed: [UInt8] = []
        var place = signature.count
        while true {
            guard place + 12 <= bytes.count else { throw PictureFailure("the file ends within a chunk") }
            let length = Int(number(bytes, place))
            guard length <= bytes.count - place - 12 else { throw PictureFailure("the file ends within a chunk") }
            let name = bytes[place + 4..<place + 8]
            let body = bytes[place + 8..<place + 8 + length]
            guard checksum(bytes[place + 4..<place + 8 + length]) == number(bytes, place + 8 + length) else {
                throw PictureFailure("the checksum of a chunk is wrong: the file is damaged")
            }
            if name.elementsEqual("IHDR".utf8) { head = try self.head(Array(body), limit) }
            if name.elementsEqual("IDAT".utf8) { packed += body }
            if name.elementsEqual("IEND".utf8) { break }
            place += 12 + length
        }
        guard let head else { throw PictureFailure("the file has no header") }
        return try frame(head, inflated(packed, head), take)
    }

    private static func head(_ body: [UInt8], _ limit: PixelLimit) throws(PictureFailure) -> Head {
        guard body.count == 13 else { throw PictureFailure("the header has \(body.count) bytes, not 13") }
        let (width, height) = (Int(number(body, 0)), Int(number(body, 4)))
        try limit.check(width, height)
        guard body[8] == 8 || body[8] == 16, body[9] == 0 else {
            throw PictureFailure("only grey pictures of 8 or 16 bit are read; convert it")
        }
        guard body[12] == 0 else { throw PictureFailure("interlaced pictures are not read; save it without") }
        return Head(width: width, height: height, depth: Int(body[8]))
    }

    private static func inflated(_ packed: [UInt8], _ head: Head) throws(PictureFailure) -> [UInt8] {
        var count = uLong(head.height * (1 + head.width * head.depth / 8))
        let expected = count
        var raw = [UInt8](repeating: 0, count: Int(count))
        guard uncompress(&raw, &count, packed, uLong(packed.count)) == Z_OK, count == expected else {
            throw PictureFailure("the pixels do not unpack to \(head.width)×\(head.height): the file is damaged")
        }
        return raw
    }

    private static func frame(_ head: Head, _ raw: [UInt8], _ take: (Int) -> PooledBuffer) throws(PictureFailure)
        -> Frame
    {
        let size = head.depth / 8
        let line = head.width * size
        let buffer = take(line * head.height)
        guard
            let frame = Frame(buffer, width: head.width, height: head.height, format: size == 1 ? .grey8 : .grey16)
        else {
            throw PictureFailure(
                "a picture of \(head.width)×\(head.height) pixels takes more than \(buffer.bytes.count) bytes"
            )
        }
        var raw = raw
        // Above the first row there is nothing.
        let nothing = [UInt8](repeating: 0, count: line)
        try raw.withUnsafeMutableBufferPointer { raw throws(PictureFailure) in
            try nothing.withUnsafeBufferPointer { nothing throws(PictureFailure) in
                var above = nothing
                for place in 0..<head.height {
                    let start = place * (line + 1) + 1
                    let row = UnsafeMutableBufferPointer(rebasing: raw[start..<start + line])
                    try unfilter(raw[start - 1], row, above, size)
                    copy(
                        row,
                        to: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[(place * line)...].prefix(line)),
                        size
                    )
                    above = UnsafeBufferPointer(row)
                }
            }
        }
        return frame
    }

    /// PNG has the high byte first, the machine the low one.
    private static func copy(
        _ row: UnsafeMutableBufferPointer<UInt8>,
        to target: UnsafeMutableRawBufferPointer,
        _ size: Int
    ) {
        guard size == 2 else { return target.copyMemory(from: UnsafeRawBufferPointer(row)) }
        let values = UnsafeRawBufferPointer(row)
        for place in stride(from: 0, to: row.count, by: 2) {
            let value = values.loadUnaligned(fromByteOffset: place, as: UInt16.self)
            target.storeBytes(of: value.byteSwapped, toByteOffset: place, as: UInt16.self)
        }
    }

    /// Puts back, byte by byte, what the filter took away. A loop for each filter, since a row has but one.
    private static func unfilter(
        _ filter: UInt8,
        _ row: UnsafeMutableBufferPointer<UInt8>,
        _ above: UnsafeBufferPointer<UInt8>,
        _ size: Int
    ) throws(PictureFailure) {
        func add(_ predicted: (_ left: Int, _ up: Int, _ corner: Int) -> Int) {
            for place in row.indices {
                let isFirst = place < size
                let (left, corner) = isFirst ? (0, 0) : (Int(row[place - size]), Int(above[place - size]))
                row[place] &+= UInt8(truncatingIfNeeded: predicted(left, Int(above[place]), corner))
            }
        }
        switch filter {
        case 0: break
        case 1: add { left, _, _ in left }
        case 2: add { _, up, _ in up }
        case 3: add { left, up, _ in (left + up) / 2 }
        case 4: add(paeth)
        default: throw PictureFailure("there is no row filter \(filter): the file is damaged")
        }
    }

    private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
        let (toLeft, toUp, toCorner) = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
        if toLeft <= toUp && toLeft <= toCorner { return left }
        return toUp <= toCorner ? up : corner
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, uInt($0.count))) }
    }
}
