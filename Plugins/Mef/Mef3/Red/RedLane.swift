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
    private(set) var state: RedState

    init() {
        model = .allocate(byteCount: RedModel.byteCount, alignment: 64)
        stream = .allocate(byteCount: Self.zeros, alignment: 64)
        differences = .allocate(byteCount: 64, alignment: 64)
        header = RedHeader(flags: 0, differenceBytes: 0, samples: 0, blockBytes: 0, start: 0)
        state = RedState(model: model, source: UnsafeRawPointer(stream.baseAddress ?? model))
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
        state = RedState(model: model, source: UnsafeRawPointer(base + 3))
        state.low = first >> 1
        state.last = filled.last
        state.reciprocal = filled.reciprocal
        state.out = out
        state.remaining = header.differenceBytes - 1
        return true
    }

    /// How many symbols can be decoded before this must be asked again.
    mutating func readySymbols() -> Int {
        guard let base = stream.baseAddress else { return 0 }
        // Behind the stream everything is zero, so any place there is as good as its first byte.
        let end = UnsafeRawPointer(base + streamCount)
        if state.source > end { state.source = end }
        return min(
            state.remaining,
            (streamCount + Self.zeros - 4 - (state.source - UnsafeRawPointer(base))) / Self.symbolBytes
        )
    }

    var isFinished: Bool { state.remaining == 0 }

    mutating func put(_ state: RedState) { self.state = state }

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

/// The state of a range decoder between two runs.
struct RedState {
    var low: UInt32 = 0
    var range: UInt32 = 1 << 31
    var last: UInt32 = 0
    var reciprocal: UInt64 = 0
    let model: UnsafeRawPointer
    var source: UnsafeRawPointer
    var out: UnsafeMutableRawPointer
    var remaining = 0

    init(model: UnsafeMutableRawPointer, source: UnsafeRawPointer) {
        self.model = UnsafeRawPointer(model)
        self.source = source
        out = model
    }

    /// Decodes one symbol to `out + index`.
    @inline(__always)
    mutating func step(_ index: Int) {
        // Whole bytes are shifted in until the range is above 2^23; the window of `low` ends seven bits into a byte.
        let shift = UInt32(truncatingIfNeeded: (range &- 1).leadingZeroBitCount &- 1) & 24
        let next = UInt64(UInt32(bigEndian: source.loadUnaligned(as: UInt32.self)) &<< 7)
        low = low &<< shift | UInt32(truncatingIfNeeded: next &>> UInt64(32 &- shift))
        range = range &<< shift
        source += Int(shift &>> 3)

        let unit = UInt32(truncatingIfNeeded: UInt64(range).multipliedFullWidth(by: reciprocal).high)
        let value = min(low / unit, last)
        let symbol = model.load(fromByteOffset: RedModel.tableOffset &+ Int(value), as: UInt8.self)
        let entry = 4 &* Int(symbol)
        let below = unit &* model.load(fromByteOffset: entry, as: UInt32.self)
        let width = unit &* model.load(fromByteOffset: RedModel.countsOffset &+ entry, as: UInt32.self)
        low = low &- below
        // The last symbol also takes what the division left over.
        range = symbol == 255 ? range &- below : width
        out.storeBytes(of: symbol, toByteOffset: index, as: UInt8.self)
    }

    mutating func advance(_ count: Int) {
        out += count
        remaining -= count
    }
}
