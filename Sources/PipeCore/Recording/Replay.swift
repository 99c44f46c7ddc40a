/// Runs a graph as it ran once, from what was written down then: step by step in the same order and at the same times, on one
/// thread. Each entry that comes of it is compared with the one that was written, so that the first difference is found.
public final class Replay {
    /// Where a replay has parted from its recording.
    public struct Difference: Error, Sendable, CustomStringConvertible {
        /// Counted from 1.
        public let entry: Int
        public let description: String
    }

    private let engine: Engine
    private let runner = ReplayRunner()
    private let recorder: RunRecorder
    private let position: Position
    private let bytes: [UInt8]
    private var hasBegun = false
    /// What a stage has begun and not ended.
    private var underway: [Int: Node.Undertaking] = [:]
    /// The last thing that was written down was that the run was ended.
    public private(set) var hasEnded = false
    public var entries: Int { position.number }
    public private(set) var drops: [(link: String, source: String, sequence: Int, reason: DropReason)] = []

    /// How far the recording has been used.
    private final class Position {
        var place = 0
        var number = 0
        var difference: Difference?
        var dropped: [RecordedEntry] = []
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var next: RecordedEntry? { RecordedEntry.decoded(bytes, at: place)?.0 }

        func take(_ entry: RecordedEntry) {
            guard difference == nil else { return }
            // The recording may have been cut off here.
            guard let (written, end) = RecordedEntry.decoded(bytes, at: place) else { return }
            (place, number) = (end, number + 1)
            if written != entry {
                difference = Difference(
                    entry: number,
                    description: "entry \(number) of the recording is \(written), and the replay does \(entry)"
                )
            }
            if case .drop = entry { dropped.append(entry) }
        }
    }

    public init(_ plan: Plan, _ options: EngineOptions, sources: Set<Int>, recording bytes: [UInt8]) {
        let position = Position(bytes)
        self.position = position
        self.bytes = bytes
        recorder = RunRecorder(sources: sources, comparing: { position.take($0) })
        var options = options
        options.recorder = recorder
        engine = Engine(plan, options, runner: runner)
    }

    public var numbers: RunNumbers { engine.numbers }
    public var time: Duration { .nanoseconds(runner.time) }

    /// Looks at the items of a link, as in a run.
    public func add(_ watch: LinkWatch, to link: String) -> Bool { engine.add(watch, to: link) }

    /// Does the next thing that was written down; false at the end of the recording.
    public func step() throws(Difference) -> Bool {
        if !hasBegun { engine.begin() }
        hasBegun = true
        guard let entry = position.next else { return false }
        let before = position.place
        switch entry {
        case .head(let number, let now, let mail):
            let node = try node(number)
            runner.time = now
            let undertaking = node.recordedHead(recorder, now: now, mail: mail.compactMap { answer($0, node) })
            if case .over = undertaking { node.publish() } else { underway[number] = undertaking }
        case .tail(let number, let after, _, let source):
            let node = try node(number)
            guard let undertaking = underway.removeValue(forKey: number) else { throw unexpected(entry) }
            runner.after = after
            let more =
                source.map { node.replaySource($0, after: after) } ?? node.perform(undertaking, node.cell.pointee.now)
            _ = node.recordedTail(recorder, now: node.cell.pointee.now, more: more)
            node.publish()
        case .stop: engine.stop()
        case .unblock: _ = engine.unblock()
        case .end(let reason):
            hasEnded = true
            engine.cancel(reason)
        case .drop: throw unexpected(entry)
        }
        if let difference = position.difference { throw difference }
        guard position.place > before else { throw unexpected(entry) }
        collectDrops()
        return true
    }

    private func collectDrops() {
        guard !position.dropped.isEmpty else { return }
        let (links, nodes) = (engine.all.links, engine.nodes)
        for case .drop(let link, let source, let sequence, let reason) in position.dropped {
            let name = links.indices.contains(link) ? links[link].name : "?"
            let from = nodes.indices.contains(Int(source)) ? nodes[Int(source)].fullName : "?"
            drops.append((name, from, sequence, reason))
        }
        position.dropped = []
    }

    private func node(_ number: Int) throws(Difference) -> Node {
        let nodes = engine.nodes
        guard nodes.indices.contains(number) else {
            throw Difference(entry: position.number + 1, description: "the recording is of another graph")
        }
        return nodes[number]
    }

    private func unexpected(_ entry: RecordedEntry) -> Difference {
        Difference(entry: position.number + 1, description: "the replay has no use for \(entry)")
    }

    /// The answer of an operation: it is carried out now, unless it failed then.
    private func answer(_ mail: RecordedEntry.Mail, _ node: Node) -> Mailbox.Letter? {
        guard !node.isRecordedSource else {
            return Mailbox.Letter(number: mail.number, completion: Completion(token: 0, result: .success(0)))
        }
        guard let operation = runner.take(mail.number, of: node) else { return nil }
        let result = mail.failure.map { .failure(StageError($0)) } ?? operation.perform()
        node.mailbox.answered()
        return Mailbox.Letter(number: mail.number, completion: Completion(token: operation.token, result: result))
    }

    /// What has come of it. A recording that was cut off ends in the midst of a run: what was under way is still held.
    public func finish() -> RunOutcome {
        let isComplete = engine.nodes.allSatisfy(\.isOver)
        let numbers = engine.numbers
        if !hasEnded { engine.cancel(.cancelled) }
        return RunOutcome(numbers: numbers, troubles: engine.allTroubles, isComplete: isComplete)
    }
}

/// Keeps the time that was written down.
private final class ReplayRunner: Runner {
    var time = 0
    /// When the work ended that is repeated now.
    var after = 0
    private var operations: [Int: [Int: Operation]] = [:]

    var realStart: Int? { nil }
    var mayFuse: Bool { false }
    func ready(_ node: Node) {}
    func arm(_ node: Node, at time: Int, isWatch: Bool) {}
    func batch(_ most: Int) -> Int { most }
    func spent(on items: Int) -> Int { after }
    func finished() {}
    func submit(_ operation: Operation) { operations[operation.node.index, default: [:]][operation.number] = operation }
    func take(_ number: Int, of node: Node) -> Operation? { operations[node.index]?.removeValue(forKey: number) }
}

extension Node {
    /// A source brings what it brought then.
    func replaySource(_ work: RecordedEntry.SourceWork, after: Int) -> Bool {
        for item in work.items where item.port >= 0 && item.port < outputs {
            guard let type = PayloadType.named(item.payload), let payload = type.restored(item.bytes) else { continue }
            let header = Header(
                sequence: item.sequence,
                captured: Instant(nanoseconds: item.captured),
                sent: Instant(nanoseconds: cell.pointee.now),
                key: Key(item.key),
                source: UInt32(index)
            )
            outboxes[item.port].push { slot in
                slot.initialize(to: Slot(header: header))
                payload.put(into: slot)
            }
            outboxes[item.port].sent += 1
            cell.pointee.made += 1
        }
        workedUntil = after
        mayFinish = work.mayFinish
        if mayFinish { isStopping = true }
        if let failure = work.failure {
            self.failure = failure
            mustRestart = true
        }
        return !work.items.isEmpty
    }
}
