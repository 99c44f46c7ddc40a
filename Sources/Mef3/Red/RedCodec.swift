/// Single blocks of the format's range-encoded differences, for tools that have the bytes already.
public enum RedCodec {
    /// The samples of one block.
    ///
    /// Bytes behind the block are ignored. Safe on any input: sizes are checked before memory is reserved for them.
    public static func decode(_ block: [UInt8], limits: Limits = Limits()) throws(MefError) -> [Int32] {
        var result: Result<[Int32], MefError> = .success([])
        block.withUnsafeBytes { bytes in
            RedDecoder(keys: Keys(), limits: limits).decode(
                0..<1,
                input: { _ in .block(bytes, samples: nil) },
                deliver: { _, outcome in
                    switch outcome {
                    case .samples(let samples): result = .success(Array(samples))
                    case .failed(let error): result = .failure(error)
                    }
                    return true
                }
            )
        }
        return try result.get()
    }

    /// A block of samples that `decode` gives back exactly.
    ///
    /// - Parameter start: True time of the first sample, stored as it is, without an offset.
    public static func encode(
        _ samples: [Int32],
        start: Int64 = 0,
        isDiscontinuity: Bool = true
    ) throws(MefError) -> [UInt8] {
        let flags = isDiscontinuity ? RedHeader.discontinuity : 0
        return try RedEncoder.block(samples, storedStart: start, flags: flags).bytes
    }
}
