import Mef3
import PipeCore
import PipeKit
import Synchronization

/// A session that is open, cut into parts that can be read in any order and at the same time.
///
/// A part is some seconds of all channels: long enough that blocks on disk, which are decoded whole, are rarely decoded
/// twice, and short enough that a few parts fit into memory.
final class Recording: Sendable {
    struct Request: Sendable {
        var path: String
        var shown: String
        var channels: [String] = []
        var password: String?
        var skip = Duration.zero
        var length: Duration?
        var block = Duration.seconds(1)
        var isAligned = false
        var isStrict = false
    }

    /// A block and when it ends.
    struct Timed: Sendable {
        var samples: Samples
        var key: Key
        var end: Int64
    }

    struct Part: Sendable {
        var blocks: [Timed] = []
        /// What could not be read, a sentence each.
        var damage: [String] = []
    }

    /// A channel, and the stretches of it without a gap.
    fileprivate struct Track: Sendable {
        let channel: MefChannel
        let signal: Signal
        let key: Key
        var stretches: [Stretch] = []
    }

    fileprivate struct Stretch: Sendable {
        var start: Int64
        var samples: Range<Int>
    }

    /// Blocks, parts of blocks and items that there will be at most; known before anything is read.
    let parts: Int
    let start: Int64
    let damage: [String]
    let summary: String

    private let request: Request
    private let tracks: [Track]
    /// Of all channels together, where they are aligned.
    private let signal: Signal
    private let end: Int64
    private let windowsAPart: Int
    private let pool = Mutex(SamplePool())
    /// Memory that a part may take.
    private static let partBytes = 8 << 20

    init(_ request: Request) throws {
        self.request = request
        let session = try MefSession(
            path: request.path,
            password: request.password,
            reading: request.isStrict ? .strict : .salvage
        )
        damage = session.damage.map { "damaged: \($0.error)" }
        let chosen = try Self.channels(of: session, request)
        guard let first = chosen.compactMap(\.start).min(), let last = chosen.compactMap(\.end).max(), first < last
        else {
            throw StageError("'\(request.shown)' has no samples", hint: "choose other channels, or another session")
        }
        // Differences of times must be times.
        guard first > -(1 << 61), last < 1 << 61 else {
            throw StageError("'\(request.shown)' has times that cannot be", hint: "look at it: pipe mef info")
        }
        let window = request.block.microseconds
        let start = first &+ request.skip.microseconds
        self.start = start
        end = min(last, request.length.map { start &+ $0.microseconds } ?? .max)
        guard start < end else {
            throw StageError(
                "'\(request.shown)' is \(Duration.microseconds(last - first).text) long, and 'skip' leaves out all of it",
                hint: "lower 'skip'"
            )
        }
        tracks = chosen.map { Track($0, in: session.name) }
        signal = Signal(
            session: session.name,
            channels: chosen.map(\.name),
            rate: chosen[0].metadata.samplingFrequency,
            unit: chosen[0].metadata.units,
            steps: chosen.map(\.metadata.conversionFactor)
        )
        if request.isAligned { try Self.expectOneRate(chosen) }
        let perSecond = chosen.reduce(0) { $0 + $1.metadata.samplingFrequency }
        let windowBytes = perSecond * Double(window) / 1e6 * 8
        guard windowBytes <= Double(SamplePool.most - (1 << 16)) else {
            throw StageError(
                "a block of \(request.block.text) takes \(ByteCount(Int(windowBytes))), more than a block may",
                hint: "make 'block' shorter, or choose fewer channels"
            )
        }
        windowsAPart = max(1, Int(Double(Self.partBytes) / max(1, windowBytes)))
        let (span, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow, span / window < 1 << 40 else {
            throw StageError("'\(request.shown)' claims to last for ages", hint: "state its 'length'")
        }
        let windows = Int((span + window - 1) / window)
        parts = (windows + windowsAPart - 1) / windowsAPart
        summary =
            "\(chosen.count) channels for \(Duration.microseconds(span).text), "
            + "\(request.isAligned ? windows : windows * chosen.count) blocks at most"
    }

    private static func channels(of session: MefSession, _ request: Request) throws -> [MefChannel] {
        let chosen =
            try request.channels.isEmpty
            ? session.channels : request.channels.map { try session.channel($0) }
        let sound = chosen.filter { $0.sampleCount > 0 && $0.start != nil && $0.end != nil }
        guard !sound.isEmpty else {
            throw StageError("'\(request.shown)' has no channel with samples", hint: "look at it: pipe mef info")
        }
        return sound
    }

    private static func expectOneRate(_ channels: [MefChannel]) throws {
        let rates = Set(channels.map(\.metadata.samplingFrequency)).sorted()
        guard rates.count == 1 else {
            throw StageError(
                "the channels have rates of \(rates.prefix(5).map { "\(shortest($0)) Hz" }.joined(separator: ", "))",
                hint: "choose 'channels' of one rate, or 'layout: channel'"
            )
        }
    }

    /// How long it is, for who watches it being played.
    var seconds: Int { seconds(to: end) }
    func seconds(to time: Int64) -> Int { Int((time - start) / 1_000_000) }

    // MARK: Reading

    func read(_ number: Int) throws -> Part {
        let window = request.block.microseconds
        let first = number * windowsAPart
        let from = start + Int64(first) * window
        let to = min(end, from + Int64(windowsAPart) * window)
        return request.isAligned ? try readAligned(from, to) : try readChannels(from, to)
    }

    /// The blocks of each channel, cut at the windows and at gaps, in the order of their ends.
    private func readChannels(_ from: Int64, _ to: Int64) throws -> Part {
        var part = Part()
        for track in tracks {
            for stretch in track.stretches {
                let wanted = stretch.numbers(from: from, to: to, rate: track.signal.rate)
                guard !wanted.isEmpty else { continue }
                let values = try decode(wanted.count, &part) { values in
                    try track.channel.read(wanted, into: &values)
                }
                var next = wanted.lowerBound
                while next < wanted.upperBound {
                    let time = stretch.time(of: next, rate: track.signal.rate)
                    let window = (time - start) / request.block.microseconds + 1
                    let cut = start + window * request.block.microseconds
                    let last = min(
                        stretch.numbers(from: time, to: cut, rate: track.signal.rate).upperBound,
                        wanted.upperBound
                    )
                    let range = next..<max(last, next + 1)
                    let block = block(track.signal, time, range.count) { _, target in
                        _ = target.update(
                            fromContentsOf: values[
                                range.lowerBound - wanted.lowerBound..<range.upperBound - wanted.lowerBound
                            ]
                        )
                    }
                    part.blocks.append(Timed(samples: block, key: track.key, end: block.end))
                    next = range.upperBound
                }
            }
        }
        // A sort that keeps channels of one time in their order.
        let order = part.blocks.indices.sorted { a, b in
            let (one, two) = (part.blocks[a].end, part.blocks[b].end)
            return one == two ? a < b : one < two
        }
        part.blocks = order.map { part.blocks[$0] }
        return part
    }

    /// All channels on the grid that begins at the start, window by window; those without any sample are left out.
    private func readAligned(_ from: Int64, _ to: Int64) throws -> Part {
        func position(_ time: Int64) -> Int { Int((Double(time - start) / 1e6 * signal.rate).rounded()) }
        var part = Part()
        let positions = position(from)..<position(to)
        let rows = try tracks.map { track in
            try decode(positions.count, &part) { values in
                try track.channel.read(from: start, positions: positions, into: &values)
            }
        }
        var time = from
        while time < to {
            let next = min(to, time + request.block.microseconds)
            let range = position(time) - positions.lowerBound..<position(next) - positions.lowerBound
            time = next
            guard !range.isEmpty, rows.contains(where: { $0[range].contains { !$0.isNaN } }) else { continue }
            let begin = start + Int64(clamping: Double(range.lowerBound + positions.lowerBound) / signal.rate * 1e6)
            let block = block(signal, begin, range.count) { row, target in
                _ = target.update(fromContentsOf: rows[row][range])
            }
            part.blocks.append(Timed(samples: block, key: .none, end: block.end))
        }
        return part
    }

    private func decode(
        _ count: Int,
        _ part: inout Part,
        _ read: (inout MutableSpan<Double>) throws -> [Damage]
    ) throws -> [Double] {
        var damage: [Damage] = []
        let values = try [Double](unsafeUninitializedCapacity: count) { memory, initialized in
            let target = UnsafeMutableBufferPointer(rebasing: memory[..<count])
            var span = target.mutableSpan
            damage = try read(&span)
            initialized = count
        }
        part.damage += damage.map { "left out: \($0.error)" }
        return values
    }

    private func block(
        _ signal: Signal,
        _ start: Int64,
        _ count: Int,
        _ fill: (Int, UnsafeMutableBufferPointer<Double>) -> Void
    ) -> Samples {
        pool.withLock { $0.block(signal, start: start, count: count, fill) }
    }
}

extension Recording.Track {
    /// Joins the blocks of a channel as long as their times go on.
    fileprivate init(_ channel: MefChannel, in session: String) {
        let rate = channel.metadata.samplingFrequency
        self.channel = channel
        signal = Signal(
            session: session,
            channels: [channel.name],
            rate: rate,
            unit: channel.metadata.units,
            steps: [channel.metadata.conversionFactor]
        )
        key = Key(channel.name)
        for block in channel.blocks {
            guard let start = block.start else { continue }
            if let last = stretches.last, last.samples.upperBound == block.samples.lowerBound,
                abs(Double(last.time(of: block.samples.lowerBound, rate: rate)) - Double(start)) < 0.5e6 / rate
            {
                stretches[stretches.count - 1].samples = last.samples.lowerBound..<block.samples.upperBound
            } else {
                stretches.append(Recording.Stretch(start: start, samples: block.samples))
            }
        }
    }
}

extension Recording.Stretch {
    fileprivate func time(of sample: Int, rate: Double) -> Int64 {
        start &+ Int64(clamping: Double(sample - samples.lowerBound) / rate * 1e6)
    }

    /// The samples whose times lie in a span, its end excluded.
    fileprivate func numbers(from: Int64, to: Int64, rate: Double) -> Range<Int> {
        func first(_ time: Int64) -> Int {
            let number = (Double(time) - Double(start)) / 1e6 * rate
            // Times are rounded to whole microseconds, and so is what is compared with them.
            let whole = Int(max(0, min((number - 0.5e-6 * rate).rounded(.up), Double(samples.count))))
            return samples.lowerBound + whole
        }
        let (lower, upper) = (first(from), first(to))
        return lower..<max(lower, upper)
    }
}

extension Duration {
    /// In whole microseconds.
    var microseconds: Int64 { Int64(nanoseconds / 1000) }
}
