import PipeCore
import PipeKit

/// Reads a recording: as fast as it is taken, or as it went when it was made.
struct MefReader: Source {
    static let info = StageInfo(
        "mef_reader",
        "Reads the samples of a MEF 3 session.",
        example: """
            path: night.mefd
            block: 1s
            """,
        details: """
            Blocks come in the order of their times. With 'layout: channel' each holds one channel, whose name is the
            item's key; a gap in the recording is a gap between blocks. With 'layout: aligned' each holds all channels
            side by side, on one grid, with NaN where nothing is stored; the channels must have one rate. Damaged parts
            are left out, counted as failed and told in the log, unless 'strict' is set.
            """
    )

    @Output("Consecutive samples.") var blocks: Sender<Samples>

    @Option("The session, a directory that ends in .mefd.") var path: InputDirectory
    @Option("Channels, in this order; all where none are named.") var channels: [String] = []
    @Option("Opens a protected session; of level 1 or 2.") var password: Secret?
    @Option("How much of the beginning is left out.") var skip = Duration.zero
    @Option("How much is read; without it, to the end.", in: .milliseconds(1)...) var length: Duration?
    @Option("How long a block is, at most.", in: .milliseconds(1)...Duration.seconds(3600)) var block =
        Duration.seconds(1)
    @Option("What a block holds.") var layout = Layout.channel
    @Option("How fast it goes: max, realtime, or a number of times such as 4x.") var speed = Speed.max
    @Option("Any damage is an error.") var strict = false

    enum Layout: String, Choice {
        case channel, aligned

        var summary: String {
            switch self {
            case .channel: "One channel, without gaps."
            case .aligned: "All channels side by side, NaN where nothing is stored."
            }
        }
    }

    private var recording: Recording?
    private var begun = Instant.zero
    /// Parts that were read, by number, and the next to be sent from.
    private var ready: [Int: Recording.Part] = [:]
    private var current: [Recording.Timed] = []
    private var sent = 0
    private var asked = 0
    private var taken = 0
    private static let opens = -1
    /// Parts that are read at the same time, so that a second processor decodes too.
    private static let ahead = 2

    mutating func start(_ context: StageContext) {
        let request = Recording.Request(
            path: path.path.absolute,
            shown: path.path.written,
            channels: channels,
            password: password?.reveal(),
            skip: skip,
            length: length,
            block: block,
            isAligned: layout == .aligned,
            isStrict: strict
        )
        context.submit(Self.opens, Effort(deadline: .seconds(600))) { try Recording(request) }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        guard let recording else { return .later }
        for _ in 0..<room {
            while sent == current.count {
                if speed.factor == nil { context.progress(taken, of: recording.parts) }
                guard taken < recording.parts else { return .ended }
                guard let part = ready.removeValue(forKey: taken) else {
                    readOn(recording, context)
                    return .later
                }
                (current, sent) = (part.blocks, 0)
                taken += 1
                readOn(recording, context)
            }
            let next = current[sent]
            var due: Instant?
            if let factor = speed.factor {
                let time = begun + .nanoseconds(Int64(clamping: Double(next.end - recording.start) * 1000 / factor))
                if time > context.now { return .at(time) }
                due = time
            }
            blocks.send(next.samples, key: next.key, captured: due)
            sent += 1
            if speed.factor != nil { context.progress(recording.seconds(to: next.end), of: recording.seconds) }
        }
        return .more
    }

    private mutating func readOn(_ recording: Recording, _ context: StageContext) {
        while asked < recording.parts, asked < taken + Self.ahead {
            let number = asked
            context.submit(number, Effort(deadline: .seconds(600))) { try recording.read(number) }
            asked += 1
        }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        switch try completion.result.get() {
        case let opened as Recording:
            recording = opened
            begun = context.now
            context.log(.info, "reads \(opened.summary)")
            tell(opened.damage, context)
            readOn(opened, context)
        case let part as Recording.Part:
            ready[completion.token] = part
            tell(part.damage, context)
        default: break
        }
    }

    private func tell(_ damage: [String], _ context: StageContext) {
        context.reject(damage.count)
        for line in damage.prefix(8) { context.log(.warning, line) }
        if damage.count > 8 { context.log(.warning, "and \(damage.count - 8) more that were damaged") }
    }
}
