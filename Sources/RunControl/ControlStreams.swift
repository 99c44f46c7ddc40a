import PipeCore
import PipeGraph
import PipeKit
import Sockets

/// What goes on answering for a while.
protocol ControlStream: AnyObject {
    var id: JSON { get }
    var isOver: Bool { get }
    /// When it wants to be asked at the latest.
    var nextDue: ContinuousClock.Instant? { get }
    func advance(_ peer: ControlPeer)
    func end()
}

/// The numbers of the run, again and again.
final class Subscription: ControlStream {
    let id: JSON
    private let interval: Duration
    private var due = ContinuousClock.now
    private var shed = 0
    private var left: Int?
    private(set) var isOver = false

    init(_ id: JSON, every interval: Duration, count: Int?) {
        self.id = id
        self.interval = interval
        left = count
    }

    var nextDue: ContinuousClock.Instant? { isOver ? nil : due }

    func advance(_ peer: ControlPeer) {
        let now = ContinuousClock.now
        guard now >= due else { return }
        due += interval
        if due < now { due = now + interval }
        guard peer.hasRoom else {
            shed += 1
            return
        }
        peer.say(Answer.event(id, peer.loop.status.with([.init("shed", .integer(shed))])))
        left = left.map { $0 - 1 }
        guard left == 0 else { return }
        peer.say(Answer.ok(id, ["shed": .integer(shed)]))
        isOver = true
    }

    func end() { isOver = true }
}

/// What limits the run, as measured from now on for a while.
final class Examination: ControlStream {
    let id: JSON
    private let due: ContinuousClock.Instant
    private let before: RunNumbers
    private(set) var isOver = false

    init(_ id: JSON, over time: Duration, from before: RunNumbers) {
        self.id = id
        self.before = before
        due = .now + time
    }

    var nextDue: ContinuousClock.Instant? { isOver ? nil : due }

    func advance(_ peer: ControlPeer) {
        guard .now >= due else { return }
        let run = peer.loop.run.watched
        peer.say(Answer.ok(id, Diagnosis(run.graph, from: before, to: run.numbers(), workers: run.workers).json))
        isOver = true
    }

    func end() { isOver = true }
}

/// Items of a link, as they leave it.
final class Tap: ControlStream {
    struct Wish {
        var link: String
        var count: Int?
        var interval = Duration.zero
        var condition: Expression?
        var wantsPictures = false
    }

    let id: JSON
    private let wish: Wish
    private let watch: LinkWatch
    private let run: ControlledRun
    private var left: Int?
    /// Events that the client did not read in time.
    private var unread = 0
    private(set) var isOver = false

    /// nil where there is no such link.
    init?(_ id: JSON, _ wish: Wish, _ loop: ControlLoop) {
        self.id = id
        self.wish = wish
        run = loop.run
        left = wish.count
        // With a condition each item must be looked at to know whether it is one of those wanted.
        watch = LinkWatch(every: wish.condition == nil ? wish.interval : .zero) { [bell = loop.bell] in bell.ring() }
        guard run.inside.add(watch, to: wish.link) else { return nil }
    }

    var nextDue: ContinuousClock.Instant? { nil }
    private var quietUntil = Int.min

    func advance(_ peer: ControlPeer) {
        guard !isOver else { return }
        let (sightings, counts) = watch.take()
        for sighting in sightings where left != 0 {
            let value = sighting.payload.described
            if let condition = wish.condition {
                guard sighting.at.nanoseconds >= quietUntil, condition.holds(for: subject(sighting, value)) else {
                    continue
                }
                quietUntil = sighting.at.nanoseconds + wish.interval.nanoseconds
            }
            guard peer.hasRoom else {
                unread += 1
                continue
            }
            left = left.map { $0 - 1 }
            peer.say(Answer.event(id, event(sighting, value, counts)))
        }
        guard left == 0 else { return }
        end()
        peer.say(
            Answer.ok(id, ["passed": .integer(counts.passed), "shed": .integer(counts.shed + unread)])
        )
    }

    private func subject(_ sighting: LinkWatch.Sighting, _ value: JSON) -> Expression.Subject {
        Expression.Subject(
            value: value,
            sequence: sighting.header.sequence,
            key: sighting.header.key.text,
            source: run.inside.sourceName(sighting.header.source)
        )
    }

    private func event(_ sighting: LinkWatch.Sighting, _ value: JSON, _ counts: LinkWatch.Counts) -> JSON {
        let header = sighting.header
        let key = header.key.text
        let picture = wish.wantsPictures ? (sighting.payload as? any Pictured)?.pictureFile : nil
        return .compact([
            "source": .string(run.inside.sourceName(header.source)),
            "sequence": .integer(header.sequence),
            "key": key.isEmpty ? nil : .string(key),
            "date": .number(run.watched.began + (header.captured - .zero).seconds),
            "age": .number((sighting.at - header.captured).seconds),
            "waited": .number((sighting.at - header.sent).seconds),
            "bytes": .integer(header.bytes),
            "type": .string(type(of: sighting.payload).payload.name),
            "value": value,
            "picture": picture.map { ["type": .string($0.ending), "base64": .string(Base64.encoded($0.bytes))] },
            "passed": .integer(counts.passed),
            "shed": .integer(counts.shed + unread),
        ])
    }

    func end() {
        if !isOver { run.inside.remove(watch) }
        isOver = true
    }
}
