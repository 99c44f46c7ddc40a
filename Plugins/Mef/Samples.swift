import PipeCore

/// Whose samples a block holds. One object for all blocks of a stream, so that a block costs no description of its own.
final class Signal: Sendable, Hashable {
    /// The session that the samples come from, as far as it is known.
    let session: String
    let channels: [String]
    /// Samples a second.
    let rate: Double
    let unit: String
    /// Units a step of the stored numbers: what a writer needs to store them as they were.
    let steps: [Double]
    private let hash: Int

    init(session: String = "", channels: [String], rate: Double, unit: String = "", steps: [Double] = []) {
        self.session = session
        self.channels = channels
        self.rate = rate
        self.unit = unit
        self.steps = steps
        var hasher = Hasher()
        hasher.combine(session)
        hasher.combine(channels)
        hasher.combine(rate)
        hash = hasher.finalize()
    }

    /// The same channels at another rate.
    func at(rate: Double) -> Signal {
        Signal(session: session, channels: channels, rate: rate, unit: unit, steps: steps)
    }

    /// The stored numbers' step of a row, if there is one.
    func step(_ row: Int) -> Double? { row < steps.count ? steps[row] : nil }

    static func == (a: Signal, b: Signal) -> Bool {
        a === b
            || a.hash == b.hash && a.session == b.session && a.channels == b.channels && a.rate == b.rate
                && a.unit == b.unit && a.steps == b.steps
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

/// Consecutive samples of one channel, or of several side by side: 24 bytes that lead to memory of a pool.
///
/// A row is a channel; NaN stands where nothing is stored.
struct Samples: Payload {
    static let payload = PayloadInfo("samples", "Consecutive samples of EEG channels.", worstCase: .mebibytes(16))

    let signal: Signal
    private let memory: PooledBuffer
    /// When the first sample was taken, in microseconds since 1970.
    let start: Int64

    /// The number of samples of a row stands before them.
    fileprivate static let head = 64

    fileprivate init(_ signal: Signal, _ memory: PooledBuffer, start: Int64) {
        self.signal = signal
        self.memory = memory
        self.start = start
    }

    var rows: Int { signal.channels.count }
    /// Samples of each row.
    var count: Int { memory.bytes.load(as: Int.self) }
    var byteCount: Int { Self.head + rows * count * MemoryLayout<Double>.stride }
    /// When the sample behind the last is due.
    var end: Int64 { time(of: count) }

    /// When a sample is due.
    func time(of sample: Int) -> Int64 { start &+ Int64(clamping: Double(sample) / signal.rate * 1e6) }

    /// Looks at a row.
    func withRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Double>) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(memory) {} }
        return try body(UnsafeBufferPointer(memory.row(row, of: count)))
    }
}

extension Int64 {
    /// The nearest whole number, or the last there is.
    init(clamping value: Double) {
        let rounded = value.rounded()
        self = rounded < 9.2e18 ? (rounded > -9.2e18 ? Int64(rounded) : .min) : .max
    }
}

extension PooledBuffer {
    fileprivate func row(_ row: Int, of count: Int) -> UnsafeMutableBufferPointer<Double> {
        let start = bytes.baseAddress.map { $0 + Samples.head + row * count * MemoryLayout<Double>.stride }
        return UnsafeMutableBufferPointer(start: start?.assumingMemoryBound(to: Double.self), count: count)
    }
}

/// Where a stage takes the memory of its blocks from.
struct SamplePool {
    private var pool = BufferPool(size: ByteCount(0), keeping: ByteCount(0))
    private var size = 0
    /// So much is kept while nobody uses it.
    private static let kept = ByteCount.mebibytes(32)

    /// The largest block there may be.
    static let most = Samples.payload.worstCase.bytes

    static func fits(rows: Int, count: Int) -> Bool {
        let (values, overflow) = rows.multipliedReportingOverflow(by: count)
        return !overflow && rows >= 0 && count >= 0 && values <= (most - Samples.head) / MemoryLayout<Double>.stride
    }

    /// A block, whose rows `fill` writes one after the other, each whole.
    mutating func block(
        _ signal: Signal,
        start: Int64,
        count: Int,
        _ fill: (_ row: Int, _ values: UnsafeMutableBufferPointer<Double>) throws -> Void
    ) rethrows -> Samples {
        let rows = signal.channels.count
        precondition(Self.fits(rows: rows, count: count), "a block of \(rows) rows of \(count) samples")
        let bytes = Samples.head + rows * count * MemoryLayout<Double>.stride
        if bytes > size {
            size = max(4096, bytes)
            pool = BufferPool(size: ByteCount(size), keeping: Self.kept)
        }
        let memory = pool.take()
        memory.bytes.storeBytes(of: count, as: Int.self)
        for row in 0..<rows { try fill(row, memory.row(row, of: count)) }
        return Samples(signal, memory, start: start)
    }
}

// What expressions, tests and files see: `{ channels: [C3], rate: 256, unit: uV, start: 1600000000000000, count: 2,
// values: [[1.5, -2]] }`.
extension Samples {
    var described: JSON {
        [
            "channels": .strings(signal.channels), "rate": .number(signal.rate), "unit": .string(signal.unit),
            "start": .integer(Int(start)), "count": .integer(count),
            "values": .array((0..<rows).map { withRow($0, Self.described) }),
        ]
    }

    private static func described(_ values: UnsafeBufferPointer<Double>) -> JSON {
        .array(values.map { value -> JSON in value.isFinite ? .number(value) : .null })
    }

    static func read(_ value: JSON) -> Samples? {
        guard case .array(let lines)? = value["values"], !lines.isEmpty else { return nil }
        // One channel may leave out the outer brackets.
        let isFlat = lines.allSatisfy { if case .array = $0 { false } else { true } }
        let rows = (isFlat ? [JSON.array(lines)] : lines).map(\.row)
        guard rows.allSatisfy({ $0 != nil && $0?.count == rows[0]?.count }) else { return nil }
        return read(value, rows.compactMap { $0 })
    }

    private static func read(_ value: JSON, _ rows: [[Double]]) -> Samples? {
        let names: [JSON] = if case .array(let names)? = value["channels"] { names } else { [] }
        let channels = rows.indices.map { row in
            if row < names.count, case .string(let name) = names[row] { name } else { "\(row + 1)" }
        }
        let rate = value["rate"]?.sample ?? 1
        let start = value["start"]?.sample ?? 0
        let unit = if case .string(let unit)? = value["unit"] { unit } else { "" }
        guard rate > 0, rate < 1e9, abs(start) < 9e15, SamplePool.fits(rows: rows.count, count: rows[0].count) else {
            return nil
        }
        return make(Signal(channels: channels, rate: rate, unit: unit), start: Int64(start), rows)
    }

    /// 25 samples of a 5 Hz wave, going on from one to the next.
    static func sample(_ number: Int) -> Samples? {
        let first = number &* 25
        let values = (first..<first &+ 25).map { sample in sampleWave[((sample % 20) + 20) % 20] }
        return make(sampleSignal, start: sampleStart &+ Int64(first) &* 10_000, [values])
    }

    /// A block with memory of its own.
    static func make(_ signal: Signal, start: Int64, _ rows: [[Double]]) -> Samples {
        var pool = SamplePool()
        return pool.block(signal, start: start, count: rows.first?.count ?? 0) { row, values in
            _ = values.update(fromContentsOf: rows[row])
        }
    }
}

private let sampleStart: Int64 = 1_600_000_000_000_000
private let sampleSignal = Signal(channels: ["sample"], rate: 100, unit: "uV", steps: [0.25])
/// Whole multiples of the step, so that nothing is lost when they are stored.
private let sampleWave: [Double] = [
    0, 31, 59, 81, 95, 100, 95, 81, 59, 31, 0, -31, -59, -81, -95, -100, -95, -81, -59, -31,
]

extension JSON {
    /// A list of numbers; nil where it is something else.
    fileprivate var row: [Double]? {
        guard case .array(let values) = self else { return nil }
        let numbers = values.compactMap(\.sample)
        return numbers.count == values.count ? numbers : nil
    }

    /// A number; NaN where nothing is known.
    fileprivate var sample: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null: .nan
        default: nil
        }
    }
}
