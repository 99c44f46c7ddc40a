internal import CMef3

/// One block being decoded: its tables, its stream, the difference bytes so far, and the state of the range decoder.
///
/// Memory is reused from block to block and grows with the largest one, which the limits bound. A lane belongs to one
/// decoder and so to one thread.
struct RedLane: ~Copyable {
    // After the stream come zeros, as the format demands. A symbol takes at most three bytes, so this many symbols can
    // be decoded without looking whether the stream has ended.
    private static let zeros = 1024
    private static let symbolBytes = 3

    private let model: UnsafeMutableRawPointer
    private var stream: UnsafeMutableRawBufferPointer
    private var differences: UnsafeMutableRawBufferPointer
    private var streamCount = 0
    private(set) var header: RedHeader
    /// The state of the range decoder, which the kernel moves on.
    private let state: UnsafeMutablePointer<cpipe_mef_lane>
    private var remaining = 0

    /// A lane whose state lies beside those of other lanes, at `state`.
    init(at state: UnsafeMutablePointer<cpipe_mef_lane>) {
        self.state = state
        model = .allocate(byteCount: RedModel.byteCount, alignment: 64)
        stream = .allocate(byteCount: Self.zeros, alignment: 64)
        differences = .allocate(byteCount: 64, alignment: 64)
        header = RedHeader(flags: 0, differenceBytes: 0, samples: 0, blockBytes: 0, start: 0)
        state.initialize(to: cpipe_mef_lane())
    }

    deinit {
        model.deallocate()
        stream.deallocate()
        differences.deallocate()
    }

    /// Makes ready for a block whose header has been checked.
    ///
    /// - Returns: `false` when the statistics are empty, so that nothing can be decoded.
    mutating func load(_ header: RedHeader, _ block: UnsafeRawBufferPointer, statistics: [UInt8]) -> Bool {
        self.header = header
        streamCount = header.blockBytes - RedHeader.size
        Self.grow(&stream, to: streamCount + Self.zeros)
        // Five bytes a sample is the longest spelling; expanding relies on the memory being there, not on its content.
        Self.grow(&differences, to: 5 * header.samples + 16)
        guard let base = stream.baseAddress, let out = differences.baseAddress, let source = block.baseAddress else {
            return false
        }
        base.copyMemory(from: source + RedHeader.size, byteCount: streamCount)
        (base + streamCount).initializeMemory(as: UInt8.self, repeating: 0, count: Self.zeros)
        let filled = statistics.withUnsafeBufferPointer { statistics in
            statistics.baseAddress.flatMap { RedModel(statistics: $0, base: model) }
        }
        guard let filled else { return false }
        let first = UInt32(bigEndian: base.loadUnaligned(as: UInt32.self))
        state.pointee = cpipe_mef_lane(
            low: first >> 1,
            range: 1 << 31,
            last: filled.last,
            reciprocal: filled.reciprocal,
            model: UnsafeRawPointer(model),
            source: UnsafeRawPointer(base + 3),
            out: out
        )
        remaining = header.differenceBytes - 1
        return true
    }

    /// How many symbols can be decoded before this must be asked again.
    func readySymbols() -> Int {
        guard let base = UnsafeRawPointer(stream.baseAddress), let source = state.pointee.source else { return 0 }
        // Behind the stream everything is zero, so any place there is as good as its first byte.
        let position = min(source - base, streamCount)
        state.pointee.source = base + position
        return min(remaining, (streamCount + Self.zeros - 4 - position) / Self.symbolBytes)
    }

    /// Notes that the kernel has decoded that many symbols.
    mutating func advance(_ count: Int) { remaining -= count }

    /// Decodes what is left of the block.
    mutating func runAlone() {
        while remaining > 0 {
            let ready = readySymbols()
            cpipe_mef_run_one(state, ready)
            remaining -= ready
        }
    }

    var isFinished: Bool { remaining == 0 }

    /// Spells the samples out of the decoded bytes; `false` when the bytes do not come out even.
    func expand(into samples: UnsafeMutablePointer<Int32>) -> Bool {
        guard let base = differences.baseAddress else { return false }
        let used = RedDifferences.expand(UnsafeRawPointer(base), count: header.samples, into: samples)
        guard used == header.differenceBytes - 1 else { return false }
        if header.isLossy { RedDifferences.restore(samples, header) }
        return true
    }

    private static func grow(_ memory: inout UnsafeMutableRawBufferPointer, to count: Int) {
        guard memory.count < count else { return }
        memory.deallocate()
        memory = .allocate(byteCount: count, alignment: 64)
    }
}
