import Mef3
import PipeCore
import PipeKit

/// Keeps samples in a session of their own, compressed without loss.
struct MefWriter: Consumer {
    static let info = StageInfo(
        "mef_writer",
        "Writes samples into a MEF 3 session.",
        example: """
            from: recording
            path: out/copy.mefd
            block: 1s
            """,
        traits: .remembers,
        details: """
            Each channel gets a segment; a gap, and NaN, becomes a discontinuity. Blocks go to disk as they fill, index
            and metadata at the end: what a crash leaves is read with 'pipe mef export', or by a reader that salvages. A
            stage that is started anew goes on with a new segment. A session that exists is never written over.
            """
    )

    @Input("Samples of any channels; each keeps its rate.") var blocks: Receiver<Samples>

    @Option("The session; '.mefd' is added where it is missing.") var path: OutputFile
    @Option(
        "Units a step of the stored numbers; without it as in the recording they come from, or 0.001.",
        in: 1e-12...1e12
    )
    var step: Double?
    @Option(
        "How long a block on disk is; without it a second of a fast channel and ten of a slow one.",
        in: .milliseconds(1)...
    )
    var block: Duration?
    @Option("Password for technical data; the session is then protected.") var password1: Secret?
    @Option("Password for what identifies the subject.") var password2: Secret?
    @Option("Encrypt the blocks too, with this password: 1 or 2. Other writers leave them clear.", in: 0...2)
    var encryptBlocks = 0
    @Option("Number of the subject.") var subject = ""

    func check(_ report: inout Diagnostics) {
        if $password2.isStated, !$password1.isStated {
            report.error(.missingKey, at: $password2, "'password2' needs 'password1'", hint: "add 'password1'")
        }
        if encryptBlocks > ($password2.isStated ? 2 : $password1.isStated ? 1 : 0) {
            report.error(
                .optionConflict,
                at: $encryptBlocks,
                "there is no password of level \(encryptBlocks)",
                hint: "add 'password\(encryptBlocks)', or remove 'encrypt_blocks'"
            )
        }
    }

    private var tracks: [String: Int] = [:]
    private var gatherings: [ChannelGathering] = []
    private var full: [Chunk] = []
    private var underway: [Chunk] = []
    private var ledger = ItemLedger()
    private var isWriting = false
    private var isEnding = false
    private var hasEnded = false
    private var waitingSamples = 0
    private var clipped = 0
    private var session: SessionFiles?
    /// So many samples wait at most, and so many items.
    private static let (mostSamples, mostItems, mostChannels) = (4 << 20, 2048, 4096)

    mutating func start(_ context: StageContext) {
        session = SessionFiles(
            path: path.path.absolute,
            passwords: password1.map { ($0.reveal(), password2?.reveal()) },
            blockLevel: encryptBlocks,
            subject: subject,
            segment: context.restarts,
            files: context.files,
            // Identifiers repeat with the seed, and are others in every run.
            seed: context.random { $0.next() } ^ context.date.bitPattern
        )
    }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let block = item.payload
        let places = try (0..<block.rows).map { try place(of: block.signal, row: $0) }
        let claim = ledger.open()
        for (row, place) in places.enumerated() {
            block.withRow(row) { values in
                gatherings[place].take(values, of: block, claim, &ledger, into: &full)
            }
        }
        waitingSamples += block.rows * block.count
        // Without a value there is nothing to wait for.
        if ledger.isKept(claim) { context.keep() }
        if waitingSamples >= Self.mostSamples || ledger.count >= Self.mostItems {
            cutAll()
            context.pause(input: 0)
        }
        write(context)
    }

    mutating func finish(_ context: StageContext) {
        isEnding = true
        cutAll()
        write(context)
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isWriting = false
        let closed = ledger.settle(underway.flatMap(\.claims), failed: completion.result.isFailure)
        waitingSamples = max(0, waitingSamples - underway.reduce(0) { $0 + $1.samples.count })
        underway = []
        context.release(closed.written + closed.failed)
        context.resume(input: 0)
        if case .success(let count as Int) = completion.result, count > 0 {
            clipped += count
            context.log(
                .warning,
                "\(count) values were beyond what is stored, and are stored as the largest: raise 'step'"
            )
        }
        defer { write(context) }
        if case .failure(let error) = completion.result {
            guard closed.failed > 0 else { throw error }
            context.fail(closed.failed, error)
        }
    }

    private mutating func cutAll() {
        for place in gatherings.indices { gatherings[place].cut(into: &full) }
    }

    /// Hands what is full to an operation; when all is written, ends the session.
    private mutating func write(_ context: StageContext) {
        guard !isWriting, let session else { return }
        if !full.isEmpty {
            (underway, full) = (full, [])
            let chunks = underway
            isWriting = true
            context.submit(0, Effort(deadline: .seconds(300))) { try session.write(chunks) }
        } else if isEnding, !hasEnded {
            (isWriting, hasEnded) = (true, true)
            context.submit(1, Effort(deadline: .seconds(300))) { try session.finish() }
        }
    }

    private mutating func place(of signal: Signal, row: Int) throws -> Int {
        let name = signal.channels[row]
        if let place = tracks[name] {
            let known = gatherings[place].metadata
            guard known.samplingFrequency == signal.rate else {
                throw StageError(
                    "channel '\(name)' is written with \(shortest(known.samplingFrequency)) Hz, and this block has "
                        + "\(shortest(signal.rate)) Hz",
                    hint: "resample it, or write it into another session"
                )
            }
            return place
        }
        guard gatherings.count < Self.mostChannels else {
            throw StageError("these are more than \(Self.mostChannels) channels", hint: "write several sessions")
        }
        var metadata = ChannelMetadata(samplingFrequency: signal.rate)
        metadata.units = signal.unit
        metadata.conversionFactor = step ?? signal.step(row) ?? 0.001
        let usual = signal.rate >= 5000 ? signal.rate : 10 * signal.rate
        let length = block.map { Double($0.nanoseconds) * 1e-9 * signal.rate } ?? usual
        gatherings.append(
            ChannelGathering(
                channel: gatherings.count,
                name: name,
                metadata: metadata,
                blockSamples: Int(max(1, min(length.rounded(), 1e6)))
            )
        )
        tracks[name] = gatherings.count - 1
        return gatherings.count - 1
    }
}

extension Result {
    fileprivate var isFailure: Bool { if case .failure = self { true } else { false } }
}

/// Which items wait for which parts of them to be written. A rule without a clock: an item is done when all that was made
/// of it is.
struct ItemLedger {
    private var left: [Int: (parts: Int, hasFailed: Bool)] = [:]
    private var next = 0

    /// Items that are kept.
    var count: Int { left.count }

    mutating func open() -> Int {
        defer { next += 1 }
        return next
    }

    mutating func add(to claim: Int) { left[claim, default: (0, false)].parts += 1 }

    func isKept(_ claim: Int) -> Bool { left[claim] != nil }

    /// Parts were written, or could not be. Says how many items have come to their end by it.
    mutating func settle(_ claims: [Int], failed: Bool) -> (written: Int, failed: Int) {
        var ended = (written: 0, failed: 0)
        for claim in claims {
            guard var item = left[claim] else { continue }
            item.parts -= 1
            item.hasFailed = item.hasFailed || failed
            left[claim] = item.parts > 0 ? item : nil
            guard item.parts == 0 else { continue }
            if item.hasFailed { ended.failed += 1 } else { ended.written += 1 }
        }
        return ended
    }
}

/// A run of samples of a channel, for one block on disk.
struct Chunk: Sendable {
    var channel: Int
    var name: String
    var metadata: ChannelMetadata
    /// Samples of a whole block of the channel.
    var blockSamples: Int
    var start: Int64
    var samples: [Int32] = []
    /// Values beyond what can be stored.
    var clipped = 0
    /// The items that it holds samples of.
    var claims: [Int] = []
}

/// The samples of a channel that do not fill a block yet.
struct ChannelGathering {
    let channel: Int
    let name: String
    let metadata: ChannelMetadata
    let blockSamples: Int
    private var chunk: Chunk?
    /// When the next sample is due.
    private var next: Double?

    init(channel: Int, name: String, metadata: ChannelMetadata, blockSamples: Int) {
        self.channel = channel
        self.name = name
        self.metadata = metadata
        self.blockSamples = blockSamples
    }

    mutating func take(
        _ values: UnsafeBufferPointer<Double>,
        of block: borrowing Samples,
        _ claim: Int,
        _ ledger: inout ItemLedger,
        into full: inout [Chunk]
    ) {
        let period = 1e6 / metadata.samplingFrequency
        var first = 0
        while first < values.count {
            if values[first].isNaN {
                first += 1
                continue
            }
            var end = first + 1
            while end < values.count, !values[end].isNaN { end += 1 }
            let time = Double(block.start) + Double(first) * period
            if let next, abs(time - next) >= period / 2 { cut(into: &full) }
            while first < end {
                var current =
                    chunk
                    ?? Chunk(
                        channel: channel,
                        name: name,
                        metadata: metadata,
                        blockSamples: blockSamples,
                        start: block.time(of: first)
                    )
                if chunk == nil { current.samples.reserveCapacity(blockSamples) }
                chunk = nil
                let count = min(end - first, blockSamples - current.samples.count)
                current.append(UnsafeBufferPointer(rebasing: values[first..<first + count]))
                if current.claims.last != claim {
                    current.claims.append(claim)
                    ledger.add(to: claim)
                }
                first += count
                if current.samples.count == blockSamples { full.append(current) } else { chunk = current }
            }
            next = Double(block.start) + Double(end) * period
        }
    }

    mutating func cut(into full: inout [Chunk]) {
        if let chunk { full.append(chunk) }
        chunk = nil
    }
}

extension Chunk {
    /// The largest numbers are kept for infinities and NaN.
    private static var most: Double { 2_147_483_646 }

    fileprivate mutating func append(_ values: UnsafeBufferPointer<Double>) {
        let factor = metadata.conversionFactor
        for value in values {
            let number = (value / factor).rounded()
            if abs(number) > Self.most { clipped += 1 }
            samples.append(Int32(Swift.max(-Self.most, Swift.min(number, Self.most))))
        }
    }
}
