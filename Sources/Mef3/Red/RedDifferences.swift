/// Samples from difference bytes and back to the numbers they stand for.
enum RedDifferences {
    /// Marks a full sample in the four bytes that follow.
    static let escape: UInt8 = 0x80

    /// Writes `count` samples and returns how many bytes spelled them; the first one is a full sample without a mark.
    ///
    /// There must be 5 bytes of memory for each sample. Additions wrap, as the encoder's subtractions do.
    static func expand(_ bytes: UnsafeRawPointer, count: Int, into samples: UnsafeMutablePointer<Int32>) -> Int {
        guard count > 0 else { return 0 }
        var sample = Int32(littleEndian: bytes.loadUnaligned(as: Int32.self))
        samples[0] = sample
        var at = 4
        for index in 1..<max(count, 1) {
            let byte = bytes.load(fromByteOffset: at, as: Int8.self)
            if byte == .min {
                sample = Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: at &+ 1, as: Int32.self))
                at &+= 5
            } else {
                sample = sample &+ Int32(truncatingIfNeeded: byte)
                at &+= 1
            }
            samples[index] = sample
        }
        return at
    }

    /// Undoes scaling and trend of a lossy block, each operation rounded on its own.
    static func restore(_ samples: UnsafeMutablePointer<Int32>, _ header: RedHeader) {
        if header.scale > 1 {
            let scale = Double(header.scale)
            for index in 0..<header.samples { samples[index] = rounded(Double(samples[index]) * scale) }
        }
        if header.slope != 0 || header.intercept != 0 {
            let slope = Double(header.slope)
            let intercept = Double(header.intercept)
            for index in 0..<header.samples {
                let tilted = Double(samples[index]) + slope * Double(index + 1)
                samples[index] = rounded(tilted + intercept)
            }
        }
    }

    /// Half away from zero, stopping one short of the most negative number, which means "not a number".
    static func rounded(_ value: Double) -> Int32 {
        let shifted = value >= 0 ? value + 0.5 : value - 0.5
        if shifted >= 2_147_483_647 { return .max }
        if shifted <= -2_147_483_647 { return -.max }
        return Int32(shifted)
    }
}
