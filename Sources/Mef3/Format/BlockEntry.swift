/// One block of a segment as the index describes it, with its time and its first sample worked out.
struct BlockEntry: Sendable, Hashable {
    static let size = 56

    /// Offset of the block in `.tdat`.
    var offset: Int
    /// Bytes of the block, header and padding included.
    var bytes: Int
    var samples: Int
    /// Number of the first sample within the channel.
    var first = 0
    /// True time of the first sample; `nil` when no time is recorded.
    var start: Int64?
    var minimum: Int32
    var maximum: Int32
    var flags: UInt8

    init(offset: Int, header: RedHeader, times: TimeRule) {
        self.offset = offset
        bytes = header.blockBytes
        samples = header.samples
        start = times.time(header.start)
        minimum = .min
        maximum = .min
        flags = header.flags
    }

    /// An index entry as it stands; `nil` when a field is beyond any file.
    init?(_ entry: RawSpan, at base: Int, times: TimeRule) {
        guard let offset = Int(exactly: entry.integer(base) as Int64) else { return nil }
        self.offset = offset
        bytes = Int(entry.integer(base + 28) as UInt32)
        samples = Int(entry.integer(base + 24) as UInt32)
        start = times.time(entry.integer(base + 8))
        maximum = entry.integer(base + 32)
        minimum = entry.integer(base + 36)
        flags = entry.integer(base + 44)
    }

    /// Whether the entry continues one that ends at `expected`, with sizes a block can have.
    func fits(at expected: Int, limits: Limits) -> Bool {
        offset == expected && bytes >= RedHeader.size && bytes % 8 == 0 && samples <= limits.blockSamples
            && start != nil
    }

    /// When the sample behind the last is due; `nil` when no time is recorded, or one that cannot be.
    func end(at rate: Double) -> Int64? {
        guard let start, let length = Int64(exactly: (Double(samples) / rate * 1e6).rounded()) else { return nil }
        let (end, overflow) = start.addingReportingOverflow(length)
        return overflow ? nil : end
    }

    var isDiscontinuity: Bool { flags & RedHeader.discontinuity != 0 }
}
