/// The 304 bytes in front of a block's compressed stream.
struct RedHeader: Sendable, Hashable {
    static let size = 304
    static let statisticsOffset = 48
    static let discontinuity: UInt8 = 1
    static let level1: UInt8 = 2
    static let level2: UInt8 = 4

    var crc: UInt32 = 0
    var flags: UInt8 = 0
    var slope: Float = 0
    var intercept: Float = 0
    var scale: Float = 1
    var differenceBytes: Int
    var samples: Int
    var blockBytes: Int
    var start: Int64

    init(flags: UInt8, differenceBytes: Int, samples: Int, blockBytes: Int, start: Int64) {
        self.flags = flags
        self.differenceBytes = differenceBytes
        self.samples = samples
        self.blockBytes = blockBytes
        self.start = start
    }

    /// Reads a header and refuses impossible sizes, before anything is allocated or decoded because of them.
    ///
    /// `bytes` may hold more than the block, or only its header if `room` says how many bytes there are.
    init(_ bytes: RawSpan, room: Int? = nil, limits: Limits) throws(MefError) {
        guard bytes.byteCount >= Self.size else {
            throw MefError(.damaged, "\(bytes.byteCount) bytes are too few for a block header of 304")
        }
        crc = bytes.integer(0)
        flags = bytes.integer(4)
        slope = bytes.float(16)
        intercept = bytes.float(20)
        scale = bytes.float(24)
        differenceBytes = Int(bytes.integer(28) as UInt32)
        samples = Int(bytes.integer(32) as UInt32)
        blockBytes = Int(bytes.integer(36) as UInt32)
        start = bytes.integer(40)
        let room = room ?? bytes.byteCount
        guard blockBytes >= Self.size, blockBytes <= room else {
            throw MefError(.damaged, "a block of \(blockBytes) bytes does not fit the \(room) at hand")
        }
        guard samples <= limits.blockSamples else {
            throw MefError(
                .tooLarge,
                "a block of \(samples) samples is above the limit of \(limits.blockSamples), raise it if that is right"
            )
        }
        guard slope.isFinite, intercept.isFinite, scale.isFinite else {
            throw MefError(.damaged, "the block's scale or trend is not a number")
        }
        if samples > 0 {
            guard differenceBytes >= samples + 4, differenceBytes <= 5 * samples else {
                throw MefError(.damaged, "\(differenceBytes) difference bytes cannot spell \(samples) samples")
            }
        }
    }

    var isDiscontinuity: Bool { flags & Self.discontinuity != 0 }

    /// The level at which the statistics are encrypted; 0 when they are in clear.
    var level: Int { flags & Self.level2 != 0 ? 2 : flags & Self.level1 != 0 ? 1 : 0 }

    /// Whether decoded numbers must be scaled or tilted before they are samples.
    var isLossy: Bool { scale > 1 || slope != 0 || intercept != 0 }
}
