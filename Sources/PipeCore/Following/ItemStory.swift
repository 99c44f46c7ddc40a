/// What is known of one item's way through a run.
public struct ItemStory: Sendable, Hashable {
    public enum Fate: Sendable, Hashable {
        /// A stage sent it on.
        case passedOn
        /// It came to a sink.
        case arrived
        /// Nothing of it was sent on: the stage made something of its own of it.
        case usedUp
        /// The stage keeps it, has used it up, or failed on it: it does keep some, or has failed on some.
        case kept
        case dropped(DropReason)
        case failed
        /// It was lost in the link before the stage.
        case lost(DropReason)
        /// It waits in the link before the stage.
        case waits
        /// The stage has taken it and works on it.
        case isWorkedOn
        /// It was so long ago that the stage's notes are of later items.
        case forgotten
    }

    /// A stage that it came to, or was on its way to.
    public struct Step: Sendable, Hashable {
        public var stage: String
        /// The link that it came by; nil where it began.
        public var link: String?
        /// When it was sent there; where it began, when it was captured.
        public var sent: Instant
        /// When the stage took it, and when it was done with it or sent it on; nil where it was not.
        public var begin: Instant?
        public var end: Instant?
        public var fate: Fate
    }

    public var source: String
    public var sequence: Int
    public var key: Key
    public var captured: Instant
    /// The time of the run when this was looked up.
    public var at: Instant
    /// In the order of its way.
    public var steps: [Step]
}

/// Which item somebody wants to know of.
public enum ItemChoice: Sendable, Hashable {
    case number(source: String, sequence: Int)
    /// Of those that are remembered: the last that came to a sink, the one that was longest on its way, the last that was
    /// lost.
    case last, slowest, lost
}

/// A note with its place.
public struct PlacedNote: Sendable {
    public let note: ItemNote
    /// The stage copy that made it, or that the item was on its way to.
    public let stage: String
    /// The link that it came by.
    public let link: String?
    let node: Int

    /// The stage is the one where the item began.
    public var isOrigin: Bool { UInt32(node) == note.source }
}

/// How far somebody has read the notes of a run.
public struct NoteCursor: Sendable {
    var nodes: [Int: Int] = [:]
    /// Ways in for threads are links too, without a place in the plan.
    var links: [ObjectIdentifier: Int] = [:]
    /// Notes that were forgotten before they were read.
    public internal(set) var missed = 0

    public init() {}
}

extension Engine {
    /// What was noted since the last look.
    func notes(_ cursor: inout NoteCursor) -> [PlacedNote] {
        var placed: [PlacedNote] = []
        func add(_ notes: [ItemNote], _ total: Int, after earlier: Int, at node: Node, _ link: (ItemNote) -> String?) {
            cursor.missed += total - earlier - notes.count
            placed += notes.map { PlacedNote(note: $0, stage: node.fullName, link: link($0), node: node.index) }
        }
        func read(_ link: Link, to node: Node) {
            let earlier = cursor.links[ObjectIdentifier(link)] ?? 0
            let (notes, total) = link.notes(after: earlier)
            cursor.links[ObjectIdentifier(link)] = total
            add(notes, total, after: earlier, at: node) { _ in link.name }
        }
        for node in nodes {
            let earlier = cursor.nodes[node.index] ?? 0
            let (notes, total, intakes) = node.numbersLock.locked {
                (node.numbers.notes.after(earlier), node.numbers.notes.total, node.numbers.intakes)
            }
            cursor.nodes[node.index] = total
            // Asked for after the notes: a link of a station that came meanwhile is among them.
            let links = notes.isEmpty ? [] : all.links
            add(notes, total, after: earlier, at: node) { $0.link < 0 ? nil : links[$0.link].name }
            // A way in for threads leads to the stage itself.
            for intake in intakes { read(intake, to: node) }
        }
        let parts = all
        for link in parts.links { read(link, to: parts.copies[link.plan.to.stage][0]) }
        return placed
    }

    /// What became of an item; nil where nothing is known of such a one.
    func story(of choice: ItemChoice) -> ItemStory? {
        var first = NoteCursor()
        guard let (item, captured) = choose(choice, among: notes(&first)) else { return nil }
        // Read anew: what the item came from was published before it left there, though perhaps after that was read.
        var second = NoteCursor()
        return StoryTeller(item, captured, notes(&second).filter { $0.note.isAbout(item) }, self).story
    }

    private func choose(_ choice: ItemChoice, among notes: [PlacedNote]) -> (FollowedItem, captured: Instant)? {
        let parts = all
        var sequence: Int?
        let note: PlacedNote?
        switch choice {
        case .number(let source, let number):
            sequence = number
            let numbers = Set(parts.nodes.filter { $0.fullName == source }.map { UInt32($0.index) })
            note = notes.filter { numbers.contains($0.note.source) && $0.note.numbers.contains(number) }
                .max { $0.note.end < $1.note.end }
        case .last: note = arrivals(notes, parts).max { $0.note.end < $1.note.end }
        case .slowest:
            note = arrivals(notes, parts).max { $0.note.end - $0.note.captured < $1.note.end - $1.note.captured }
        case .lost: note = notes.filter(\.note.isLoss).max { $0.note.end < $1.note.end }
        }
        guard let note = note?.note else { return nil }
        let item = FollowedItem(source: note.source, sequence: sequence ?? note.numbers.last ?? 0, key: note.key)
        return (item, note.captured)
    }

    private func arrivals(_ notes: [PlacedNote], _ parts: Parts) -> [PlacedNote] {
        notes.filter { $0.note.event == .worked && parts.nodes[$0.node].endsItems }
    }

    /// Items of a source that are followed, near to one that is not: of each row the one that is nearest.
    func followed(of source: String, near sequence: Int) -> [Int] {
        var cursor = NoteCursor()
        let numbers = Set(nodes.filter { $0.fullName == source }.map { UInt32($0.index) })
        let rows = notes(&cursor).map(\.note).filter { numbers.contains($0.source) }.map(\.numbers)
        let known = Set(rows.map { min(max(sequence, $0.lowerBound), $0.upperBound - 1) })
        return known.sorted { abs($0 - sequence) < abs($1 - sequence) }.prefix(5).sorted()
    }
}

extension ItemNote {
    fileprivate var isSending: Bool {
        if case .sent = event { true } else { false }
    }

    fileprivate var isLoss: Bool {
        switch event {
        case .dropped, .failed, .lost: true
        case .worked, .sent: false
        }
    }
}

extension Node {
    /// Nothing leaves it but dead letters.
    fileprivate var endsItems: Bool { isSink || setup.onError == .deadLetter && setup.outputs == 1 }

    /// Whether its notes reach back to this time, so that what is not among them has not happened.
    fileprivate func remembers(back time: Instant) -> Bool {
        numbersLock.locked { !numbers.notes.hasForgotten || numbers.notes.oldest.map { $0.end < time } ?? true }
    }
}

/// Puts together what was noted of an item in different places.
private struct StoryTeller {
    let item: FollowedItem
    let captured: Instant
    let notes: [PlacedNote]
    let parts: Engine.Parts
    let now: Instant
    /// The stage copy of the plan that each node is one of.
    private var copies: [Int: Int] = [:]

    init(_ item: FollowedItem, _ captured: Instant, _ notes: [PlacedNote], _ engine: Engine) {
        self.item = item
        self.captured = captured
        self.notes = notes
        parts = engine.all
        now = Instant(nanoseconds: engine.runner.time)
        for (copy, nodes) in parts.copies.enumerated() { for node in nodes { copies[node.index] = copy } }
    }

    var story: ItemStory {
        var steps: [ItemStory.Step] = []
        let origin = Int(item.source)
        if parts.nodes.indices.contains(origin) { steps.append(beginning(at: parts.nodes[origin])) }
        // From stage to stage: clocks of two workers are no measure of what came first.
        var queue = [copies[origin]].compactMap { $0 }
        var next = 0
        while next < queue.count {
            let copy = queue[next]
            next += 1
            for sending in notes where copies[sending.node] == copy {
                guard case .sent(let port) = sending.note.event else { continue }
                for link in parts.links where link.plan.from.stage == copy && link.plan.from.port == port {
                    steps.append(step(over: link, sentAt: sending.note.sent))
                    if !queue.contains(link.plan.to.stage) { queue.append(link.plan.to.stage) }
                }
            }
        }
        return ItemStory(
            source: parts.nodes.indices.contains(origin) ? parts.nodes[origin].fullName : "?",
            sequence: item.sequence,
            key: item.key,
            captured: captured,
            at: now,
            steps: steps
        )
    }

    private func beginning(at node: Node) -> ItemStory.Step {
        let sending = notes.first { $0.node == node.index && $0.note.isSending }
        var step = ItemStory.Step(stage: node.fullName, link: nil, sent: captured, fate: .passedOn)
        if let sending {
            (step.begin, step.end) = (sending.note.sent, sending.note.sent)
        } else if case .lost(let reason)? = notes.first(where: { $0.node == node.index && $0.note.isLoss })?.note.event
        {
            step.fate = .lost(reason)
        } else if node.numbersLock.locked({ node.numbers.intakes }).contains(where: { $0.holds(item) }) {
            step.fate = .waits
        } else {
            step.fate = .forgotten
        }
        return step
    }

    private func step(over link: Link, sentAt sent: Instant) -> ItemStory.Step {
        let takers = parts.copies[link.plan.to.stage]
        var step = ItemStory.Step(stage: takers[0].fullName, link: link.name, sent: sent, fate: .forgotten)
        let here = notes.filter { $0.note.sent == sent && $0.link == link.name }
        if let visit = here.first(where: { $0.note.event == .worked }) {
            // It may have been sent a moment after the step began that took it.
            let begin = max(sent, visit.note.begin)
            (step.begin, step.end) = (begin, max(begin, visit.note.end))
            let leaving = notes.last { $0.node == visit.node && $0.note.isSending && $0.note.sent >= visit.note.begin }
            if let sent = leaving?.note.sent { step.end = max(begin, visit.note.end, sent) }
            step.fate = fate(after: visit, at: parts.nodes[visit.node])
        } else if let loss = here.first(where: \.note.isLoss) {
            step.end = loss.note.end
            switch loss.note.event {
            case .lost(let reason): step.fate = .lost(reason)
            case .dropped(let reason): step.fate = .dropped(reason)
            case .failed, .worked, .sent: step.fate = .failed
            }
        } else if link.holds(item) {
            step.fate = .waits
        } else if takers.contains(where: { $0.remembers(back: sent) }) {
            step.fate = .isWorkedOn
        }
        return step
    }

    private func fate(after visit: PlacedNote, at node: Node) -> ItemStory.Fate {
        // A note with a link is of an item that was never worked on.
        let own = notes.filter {
            $0.node == node.index && $0.note.end >= visit.note.begin && $0.note.link < 0
        }
        for note in own {
            switch note.note.event {
            case .dropped(let reason): return .dropped(reason)
            case .failed: return .failed
            case .sent: return .passedOn
            case .worked, .lost: continue
            }
        }
        if node.endsItems { return .arrived }
        let books = node.numbersLock.locked { node.numbers.books }
        return books.held + books.failed > 0 ? .kept : .usedUp
    }
}
