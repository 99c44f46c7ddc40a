import PipeCore
import PipeKit

/// Stands in a test for a stage whose outputs are fed: it sends what the test says, and takes no notice of its inputs.
final class Feeder {
    private var streams: [Stream]
    private let outboxes: UnsafeMutablePointer<Outbox>

    private struct Stream {
        var port: Int
        var items: Int
        var values: [any Payload]?
        var type: PayloadType
        var keys: [Key]
        var pace: Pace?
        var start: Instant
        var sent = 0

        var isOver: Bool { sent == items }
        var due: Instant { max(start, pace?.due ?? start) }
    }

    init(_ feeds: [Feeding], _ outboxes: UnsafeMutablePointer<Outbox>) {
        self.outboxes = outboxes
        streams = feeds.map { feeding in
            let feed = feeding.feed
            let start = Instant.zero + feed.at
            return Stream(
                port: feeding.port,
                items: feeding.values?.count ?? feed.items ?? feed.frames ?? 0,
                values: feeding.values,
                type: feeding.type,
                keys: (feed.keys ?? []).map { Key($0) },
                pace: feed.rate.map { Pace($0, from: start) },
                start: start
            )
        }
    }

    static func body(_ feeds: [Feeding], _ outboxes: UnsafeMutablePointer<Outbox>) -> StageBody {
        let feeder = Feeder(feeds, outboxes)
        return StageBody(
            start: { _ in },
            process: { slots, count, context in
                for index in 0..<count {
                    guard !slots[index].header.isGap else {
                        context.passOnGap(slots + index)
                        continue
                    }
                    context.open(slots + index)
                    context.drop(Item<AnyPayload>(taking: slots + index))
                    context.settle()
                }
                return count
            },
            produce: { room, context in feeder.produce(room, context) },
            wake: { _ in },
            completed: { _, _ in },
            ended: { _, _ in },
            finish: { _ in },
            disturb: { _, _ in },
            discard: {}
        )
    }

    private func produce(_ room: Int, _ context: StageContext) -> Production {
        for _ in 0..<room {
            guard
                let index = streams.indices.filter({ !streams[$0].isOver }).min(by: {
                    streams[$0].due < streams[$1].due
                })
            else { return .ended }
            let due = streams[index].due
            if due > context.now { return .at(due) }
            let number = streams[index].sent
            let keys = streams[index].keys
            if let payload = streams[index].values?[number] ?? streams[index].type.sample(number) {
                outboxes[streams[index].port].make(
                    AnyPayload(payload),
                    0,
                    key: keys.isEmpty ? .none : keys[number % keys.count],
                    captured: due
                )
            }
            streams[index].sent += 1
            streams[index].pace?.advance()
        }
        return .more
    }
}

/// What a test sends on a port, as payloads.
struct Feeding: Sendable {
    var port: Int
    var feed: Feed
    var type: PayloadType
    var values: [any Payload]?
}
