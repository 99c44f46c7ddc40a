/// Encodes samples without loss, byte for byte like the reference encoder, except where that one is not lossless.
enum RedEncoder {
    /// A whole block: header, stream, padding and checksum.
    ///
    /// - Parameter key: Encrypts the first sixteen statistics; the flags must say at which level.
    static func block(
        _ samples: some Collection<Int32>,
        storedStart: Int64,
        flags: UInt8,
        key: Unit? = nil
    ) throws(MefError) -> (bytes: [UInt8], header: RedHeader) {
        let differences = RedEncoder.differences(samples)
        let statistics = RedEncoder.statistics(differences)
        var bytes = [UInt8](repeating: 0, count: RedHeader.size)
        bytes.reserveCapacity(RedHeader.size + differences.count / 2 + 16)
        if !differences.isEmpty {
            var coder = RangeCoder(statistics: statistics, output: bytes)
            for byte in differences { coder.encode(byte) }
            bytes = coder.finished()
        }
        while bytes.count % 8 != 0 { bytes.append(0x7E) }
        let header = RedHeader(
            flags: flags,
            differenceBytes: differences.isEmpty ? 0 : differences.count + 1,
            samples: samples.count,
            blockBytes: bytes.count,
            start: storedStart
        )
        bytes.put(flags, at: 4)
        bytes.put(header.scale, at: 24)
        bytes.put(UInt32(truncatingIfNeeded: header.differenceBytes), at: 28)
        bytes.put(UInt32(truncatingIfNeeded: header.samples), at: 32)
        bytes.put(UInt32(truncatingIfNeeded: header.blockBytes), at: 36)
        bytes.put(storedStart, at: 40)
        let first = Array(statistics[..<16])
        bytes.put(statistics, at: RedHeader.statisticsOffset)
        if let key { bytes.put(try Cipher.encrypt(first, key), at: RedHeader.statisticsOffset) }
        bytes.put(Checksum.of(bytes[4...]), at: 0)
        return (bytes, header)
    }

    /// The difference bytes without the implied mark in front.
    private static func differences(_ samples: some Collection<Int32>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(samples.count + 16)
        func append(full sample: Int32) {
            let pattern = UInt32(bitPattern: sample)
            for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: pattern >> shift)) }
        }
        guard var last = samples.first else { return [] }
        append(full: last)
        for sample in samples.dropFirst() {
            let step = sample &- last
            if step >= -127, step <= 127 {
                bytes.append(UInt8(truncatingIfNeeded: step))
            } else {
                bytes.append(RedDifferences.escape)
                append(full: sample)
            }
            last = sample
        }
        return bytes
    }

    /// How often each byte occurs, scaled to a byte; one that occurs never becomes zero.
    private static func statistics(_ bytes: [UInt8]) -> [UInt8] {
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let largest = counts.max() ?? 0
        guard largest > 255 else { return counts.map { UInt8($0) } }
        // Just below 255, as the reference has it: the largest count becomes 255 and never 256.
        let factor = 254.999999999 / Double(largest)
        return counts.map { UInt8((Double($0) * factor).rounded(.up)) }
    }
}

/// The range coder: carries run back through a pending byte and a count of 0xFF bytes behind it.
private struct RangeCoder {
    private static let top: UInt32 = 1 << 31
    private static let bottom: UInt32 = 1 << 23

    private let sums: [UInt32]
    private let counts: [UInt32]
    private let total: UInt32
    private var low: UInt32 = 0
    private var range = top
    private var pending: UInt32 = 0
    private var run = 0
    private var isFirst = true
    private var output: [UInt8]

    init(statistics: [UInt8], output: [UInt8]) {
        counts = statistics.map { UInt32($0) }
        var sum: UInt32 = 0
        sums = counts.map { count in
            defer { sum += count }
            return sum
        }
        total = sum
        self.output = output
    }

    mutating func encode(_ byte: UInt8) {
        renormalise()
        let unit = range / total
        let below = unit * sums[Int(byte)]
        low += below
        range = byte == 255 ? range - below : unit * counts[Int(byte)]
    }

    private mutating func renormalise() {
        while range <= Self.bottom {
            if low < 0x7F80_0000 {
                flush(carry: false)
                pending = low >> 23
            } else if low >= Self.top {
                flush(carry: true)
                pending = (low >> 23) & 0xFF
            } else {
                run += 1
            }
            range <<= 8
            low = (low << 8) & 0x7FFF_FFFF
        }
    }

    private mutating func flush(carry: Bool) {
        append(pending + (carry ? 1 : 0))
        for _ in 0..<run { append(carry ? 0x00 : 0xFF) }
        run = 0
    }

    private mutating func append(_ byte: UInt32) {
        // The first byte is always the initial pending zero, which the format leaves out.
        if isFirst { isFirst = false } else { output.append(UInt8(truncatingIfNeeded: byte)) }
    }

    mutating func finished() -> [UInt8] {
        renormalise()
        // The reference ends with one byte and a zero. What follows it in the decoder's window, padding included, can
        // add up to 16191, and then the value may lie beyond the range: the last sample would be lost.
        let isSafe = Self.bottom - low % Self.bottom + 16191 < range
        if isSafe {
            let end = (low >> 23) + 1
            flush(carry: end > 255)
            append(end & 0xFF)
            append(0)
        } else {
            let middle = low + range / 2
            flush(carry: middle >= Self.top)
            let end = middle & 0x7FFF_FFFF
            for byte in [end >> 23, end >> 15, end >> 7, end << 1] { append(byte & 0xFF) }
        }
        return output
    }
}
