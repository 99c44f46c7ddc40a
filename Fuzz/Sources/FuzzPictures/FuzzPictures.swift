import Frames
import PipeCore

private let pools = BufferPools(keeping: .mebibytes(1))
private let limit = PixelLimit(1 << 16)

/// Any bytes as a file of each kind: an error, or a picture as large as its head tells.
///
/// What begins like a PNG is read as it is, and with its checksums put right, or hardly anything behind them would be reached. Other
/// bytes are also the rows of a PNG that is right, which are compared with a reader that does nothing else.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let raw = UnsafeRawBufferPointer(start: data, count: size)
    let format = EncodedFormat(raw)
    let told = EncodedFrame(raw, in: pools)?.sides
    switch format {
    case .jpeg: readJPEG(raw, told)
    case .tiff: look(try? TIFF.read(raw, limit, pools))
    case .png:
        look(try? PNG.read(Array(raw), limit, pools), told)
        look(try? PNG.read(withChecksums(Array(raw)), limit, pools), told)
    case .unknown:
        look(try? Counts.readText(raw, limit, pools))
        let width = max(1, Int(raw.first ?? 0))
        look(try? Counts.readRaw(raw, width: width, height: size / 2 / width, limit, pools))
        unfilter(Array(raw))
    }
    return 0
}

/// Each pixel can be read, and the sides are those that the head told.
private func look(_ frame: Frame?, _ told: (width: Int, height: Int)? = nil) {
    guard let frame else { return }
    precondition(frame.width * frame.height <= limit.pixels, "\(frame.described)")
    precondition(told.map { $0 == (frame.width, frame.height) } ?? true, "\(frame.described)")
    var sum: UInt8 = 0
    for byte in frame.bytes { sum &+= byte }
    withExtendedLifetime(sum) {}
}

/// What is read without a complaint is the same for who accepts damage.
private func readJPEG(_ raw: UnsafeRawBufferPointer, _ told: (width: Int, height: Int)?) {
    let whole = try? JPEG.read(raw, .asStored, limit, acceptsDamage: false, pools)
    let damaged = try? JPEG.read(raw, .asStored, limit, acceptsDamage: true, pools)
    look(whole, told)
    look(damaged, told)
    if let whole { precondition(damaged?.bytes.elementsEqual(whole.bytes) ?? false) }
}

// MARK: - PNG

private func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var place = 8
    while place + 12 <= bytes.count {
        let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        let end = place + 8 + length
        guard end + 4 <= bytes.count else { break }
        bytes.replaceSubrange(end..<end + 4, with: bigEndian(checksum(bytes[place + 4..<end])))
        place = end + 4
    }
    return bytes
}

/// The first two bytes say how wide the rows are, and how deep; each row begins with its filter.
private func unfilter(_ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let (width, size) = (1 + Int(bytes[0]) % 32, 1 + Int(bytes[1]) % 2)
    let line = 1 + width * size
    let height = (bytes.count - 2) / line
    guard height > 0 else { return }
    let rows = Array(bytes[2..<2 + height * line])
    let head = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [UInt8(8 * size), 0, 0, 0, 0]
    let file =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", head) + chunk("IDAT", stored(rows))
        + chunk("IEND", [])
    let frame = try? PNG.read(file, limit, pools)
    let expected = unfiltered(rows, line: line, size: size)
    precondition((frame == nil) == (expected == nil))
    if let frame, let expected { precondition(frame.bytes.elementsEqual(expected), "\(frame.described)") }
}

/// As the standard has it, a byte at a time; nil where there is no such filter.
private func unfiltered(_ rows: [UInt8], line: Int, size: Int) -> [UInt8]? {
    var out: [UInt8] = []
    let wide = line - 1
    for start in stride(from: 0, to: rows.count, by: line) {
        for column in 0..<wide {
            func known(_ column: Int, _ up: Int) -> Int {
                let place = out.count - out.count % wide - up * wide + column
                return column >= 0 && place >= 0 ? Int(out[place]) : 0
            }
            let (left, above, corner) = (known(column - size, 0), known(column, 1), known(column - size, 1))
            let near = left + above - corner
            let guess: Int
            switch rows[start] {
            case 0: guess = 0
            case 1: guess = left
            case 2: guess = above
            case 3: guess = (left + above) / 2
            case 4: guess = [left, above, corner].min { abs(near - $0) < abs(near - $1) } ?? 0
            default: return nil
            }
            out.append(rows[start + 1 + column] &+ UInt8(guess))
        }
    }
    // The high byte comes first there, and the low one here.
    return size == 1 ? out : out.indices.map { out[$0 ^ 1] }
}

private func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
    let bytes = Array(name.utf8) + body
    return bigEndian(UInt32(body.count)) + bytes + bigEndian(checksum(bytes[...]))
}

/// A zlib stream that packs nothing: one block, of 65 535 bytes at most.
private func stored(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt16(bytes.count)
    var sums: (UInt32, UInt32) = (1, 0)
    for byte in bytes {
        sums.0 = (sums.0 + UInt32(byte)) % 65_521
        sums.1 = (sums.1 + sums.0) % 65_521
    }
    return [0x78, 0x01, 1] + [count, ~count].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } + bytes
        + bigEndian(sums.1 << 16 | sums.0)
}

private func bigEndian(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 255) } }

private let table: [UInt32] = (0..<256).map { number in
    (0..<8).reduce(UInt32(number)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
}
