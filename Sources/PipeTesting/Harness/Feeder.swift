import PipeCore
import PipeKit
import Synchronization

/// What the harness puts around a stage: declared for the checker, and replaced by bodies that feed and record.
struct FeedStage: Stage {
    static let name = "test_feed"
    static let info = StageInfo(name, "Feeds a stage under test.", example: "")
    @Output("What the test feeds.") var items: Sender<AnyPayload>
}

struct TakeStage: Stage {
    static let name = "test_take"
    static let info = StageInfo(
        name,
        "Records what a stage under test sends.",
        example: "from: stage",
        traits: .neverStalls
    )
    @Input("What is recorded.") var items: Receiver<AnyPayload>
}

/// What a test feeds to one input, with all that it left open filled in.
struct Feed: Sendable {
    struct Entry: Sendable {
        enum Content: Sendable {
            case payload(any Payload)
            case gap(Int, DropReason)
        }

        var content: Content
        var sequence: Int
        var key: Key
        var captured: Instant
        var at: Instant
    }

    var entries: [Entry] = []
    /// False leaves the input open after the last.
    var ends = true

    init(_ items: [Fed], to port: PortSpec, ends: Bool) throws {
        self.ends = ends
        let type: PayloadType? = if case .payload(let info) = port.payload { .named(info.name) } else { nil }
        var (sequence, time) = (0, Duration.zero)
        for fed in items {
            sequence = fed.sequence ?? sequence
            time = fed.at ?? time
            let at = Instant.zero + time
            entries.append(
                Entry(
                    content: try Feed.content(of: fed, type, port),
                    sequence: sequence,
                    key: Key(fed.key),
                    captured: fed.captured.map { .zero + $0 } ?? at,
                    at: at
                )
            )
            if case .gap(let count, _) = fed.content { sequence += count } else { sequence += 1 }
        }
    }

    private static func content(of fed: Fed, _ type: PayloadType?, _ port: PortSpec) throws -> Entry.Content {
        let payload: (any Payload)?
        switch fed.content {
        case .gap(let count, let reason): return .gap(count, reason)
        case .payload(let given): return .payload(given)
        case .sample(let number): payload = type.map { $0.sample(number) } ?? Document.sample(number)
        case .value(let value):
            payload = if let type { type.read(value) } else { anything(value) }
        }
        guard let payload else {
            throw StageError(
                "'\(port.name)' takes \(port.payloadText), and nothing of the kind can be made of this feed"
            )
        }
        return .payload(payload)
    }

    private static func anything(_ value: JSON) -> (any Payload)? {
        if let document = Document.read(value) { document } else { Text.read(value) }
    }

    /// The source that sends it. `number` is its place in the plan.
    func body(_ number: Int, _ outbox: UnsafeMutablePointer<Outbox>) -> StageBody {
        var next = 0
        return .test(produce: { room, context in
            for _ in 0..<room {
                guard next < entries.count else {
                    if !ends { context.waitForWorld {} }
                    return ends ? .ended : .later
                }
                let entry = entries[next]
                guard entry.at <= context.now else { return .at(entry.at) }
                next += 1
                send(entry, UInt32(number), outbox, context.now)
            }
            return .more
        })
    }

    private func send(_ entry: Entry, _ source: UInt32, _ outbox: UnsafeMutablePointer<Outbox>, _ now: Instant) {
        switch entry.content {
        case .gap(let count, let reason):
            outbox.pointee.miss(
                Gap(source: source, key: entry.key, first: entry.sequence, count: count, reason: reason)
            )
        case .payload(let payload):
            let header = Header(
                sequence: entry.sequence,
                captured: entry.captured,
                sent: now,
                key: entry.key,
                source: source
            )
            outbox.pointee.send(Item(header: header, payload: AnyPayload(payload)), 0)
        }
    }
}

/// What came out of a stage, as it came.
final class RunRecorder: Sendable {
    struct Content {
        var items: [StageResult.Output] = []
        var gaps: [Gap] = []
    }

    let content = Mutex(Content())

    var body: StageBody {
        .test(process: { [self] slots, count, context in
            for slot in (0..<count).map({ slots + $0 }) {
                if slot.pointee.header.isGap {
                    let gap = context.takeGap(slot)
                    content.withLock { $0.gaps.append(gap) }
                    continue
                }
                context.open(slot)
                let item = Item<AnyPayload>(taking: slot)
                let output = StageResult.Output(item, source: context.source(item.header), at: context.now)
                content.withLock { $0.items.append(output) }
                context.settle()
            }
            return count
        })
    }
}

extension StageBody {
    /// A body of which only what matters is said.
    fileprivate static func test(
        process: @escaping (UnsafeMutablePointer<Slot>, Int, StageContext) -> Int = { _, _, _ in 0 },
        produce: @escaping (Int, StageContext) throws -> Production = { _, _ in .ended }
    ) -> StageBody {
        StageBody(
            start: { _ in },
            process: process,
            produce: produce,
            wake: { _ in },
            completed: { _, _ in },
            ended: { _, _ in },
            finish: { _ in },
            disturb: { _, _ in },
            discard: {}
        )
    }
}
