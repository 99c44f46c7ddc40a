import PipeCore

/// What became known of items, as spans of OpenTelemetry: each item that is followed is a trace.
///
/// A trace begins with a span of the source, from the capture to when it was sent. Below it stand, for each link that the
/// item went by, a span of the wait there, and in that one a span of the work behind it. What a span is below of follows
/// from the graph, so that each can be told as soon as it is known.
struct Spans {
    private let began: Int
    /// Tells the items of this run from those of any other.
    private let run: UInt64
    private var parents: [String: Parent] = [:]
    private var rates: [UInt32: Rate] = [:]

    private enum Parent {
        case origin
        /// The work that is behind this link.
        case visit(String)
    }

    /// How fast a source counts: of a fast one, one item stands for its neighbours.
    private struct Rate {
        var sequence = 0
        var at = Instant.zero
        var isFast = false
    }

    private static let fast = 2000.0
    private static let row = 64

    /// `began`: nanoseconds since 1970.
    init(began: Int, run: UInt64) {
        (self.began, self.run) = (began, run)
    }

    /// What leads where has changed.
    mutating func learn(_ links: [LinkNumbers]) {
        for link in links where parents[link.fullName] == nil {
            let before = links.filter { $0.to.stage == link.from.stage && !$0.isIntake }
            parents[link.fullName] = before.count == 1 ? .visit(before[0].fullName) : .origin
        }
    }

    func knows(_ note: PlacedNote) -> Bool { note.link.map { parents[$0] != nil } ?? true }

    /// The spans that a note tells of. `source` is the name of the stage copy where its items began.
    mutating func spans(_ placed: PlacedNote, source: String) -> [JSON] {
        let note = placed.note
        let isFast = isFast(note)
        return note.numbers.lazy.filter { !isFast || $0 % Self.row == 0 }.flatMap { sequence in
            spans(placed, Subject(note, sequence, source, run))
        }
    }

    private mutating func isFast(_ note: ItemNote) -> Bool {
        var rate = rates[note.source] ?? Rate()
        let time = note.captured - rate.at
        if note.sequence > rate.sequence, time >= .milliseconds(200) {
            rate.isFast = Double(note.sequence - rate.sequence) / time.seconds > Self.fast
            (rate.sequence, rate.at) = (note.sequence, note.captured)
            rates[note.source] = rate
        }
        return rate.isFast
    }

    /// The item that a span is of.
    private struct Subject {
        let trace: UInt64
        let attributes: [(String, JSON)]

        init(_ note: ItemNote, _ sequence: Int, _ source: String, _ run: UInt64) {
            trace = mixed(run, UInt64(note.source), UInt64(bitPattern: Int64(sequence)), hash(note.key.text))
            attributes = [
                ("pipe.item", ["stringValue": .string("\(source)#\(sequence)")]),
                ("pipe.key", ["stringValue": .string(note.key.text)]),
            ]
        }
    }

    private func spans(_ placed: PlacedNote, _ item: Subject) -> [JSON] {
        let note = placed.note
        switch (note.event, placed.link) {
        case (.sent, _):
            // Where it was sent on from its source: the beginning. Any other is told by who gets it.
            guard placed.isOrigin else { return [] }
            return [span(item, origin(item), below: nil, placed.stage, note.captured, note.sent, kind: 4)]
        case (.worked, let link?):
            return [
                wait(item, link, note.sent, note.begin),
                span(item, visit(item, link), below: wait(item, link), placed.stage, note.begin, note.end, kind: 1),
            ]
        case (.lost(let reason), let link?):
            let why = "lost: \(reason.rawValue)"
            return [wait(item, link, note.sent, note.end, failure: why)]
        case (.dropped(let reason), let link?):
            return [wait(item, link, note.sent, note.end, failure: "dropped: \(reason.rawValue)")]
        case (.failed, let link?): return [wait(item, link, note.sent, note.end, failure: "failed")]
        case (.dropped(let reason), nil): return [fate(item, placed, "dropped: \(reason.rawValue)")]
        case (.failed, nil): return [fate(item, placed, "failed")]
        case (.worked, nil), (.lost, nil): return []
        }
    }

    /// What a stage did to an item that it had: a span without length, below the beginning, since it is not known by which
    /// link the item came.
    private func fate(_ item: Subject, _ placed: PlacedNote, _ what: String) -> JSON {
        let id = mixed(item.trace, hash(placed.stage), hash(what), 3)
        let note = placed.note
        return span(
            item,
            id,
            below: origin(item),
            "\(placed.stage): \(what)",
            note.end,
            note.end,
            kind: 1,
            failure: what
        )
    }

    private func wait(_ item: Subject, _ link: String, _ from: Instant, _ to: Instant, failure: String? = nil) -> JSON {
        let above: UInt64 =
            switch parents[link] {
            case .visit(let before)?: visit(item, before)
            case .origin?, nil: origin(item)
            }
        return span(item, wait(item, link), below: above, link, from, to, kind: 1, failure: failure)
    }

    private func origin(_ item: Subject) -> UInt64 { mixed(item.trace, 0, 0, 0) }
    private func wait(_ item: Subject, _ link: String) -> UInt64 { mixed(item.trace, hash(link), 0, 1) }
    private func visit(_ item: Subject, _ link: String) -> UInt64 { mixed(item.trace, hash(link), 0, 2) }

    private func span(
        _ item: Subject,
        _ id: UInt64,
        below parent: UInt64?,
        _ name: String,
        _ from: Instant,
        _ to: Instant,
        kind: Int,
        failure: String? = nil
    ) -> JSON {
        func time(_ instant: Instant) -> JSON { .string("\(began + instant.nanoseconds)") }
        return .compact([
            "traceId": .string(hex(mixed(item.trace, 0, 0, 9)) + hex(item.trace)),
            "spanId": .string(hex(id)),
            "parentSpanId": parent.map { .string(hex($0)) },
            "name": .string(name),
            "kind": .integer(kind),
            "startTimeUnixNano": time(min(from, to)),
            "endTimeUnixNano": time(to),
            "attributes": .array(item.attributes.map { ["key": .string($0.0), "value": $0.1] }),
            "status": failure.map { ["code": 2, "message": .string($0)] },
        ])
    }
}

private func hex(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
}

/// Mixes numbers into one that is not 0, which would be no identity (SplitMix64's last steps, for each).
private func mixed(_ numbers: UInt64...) -> UInt64 {
    var result: UInt64 = 0x9E37_79B9_7F4A_7C15
    for number in numbers {
        var source = RandomSource(seed: result ^ number)
        result = source.next()
    }
    return max(1, result)
}

/// FNV-1a: the same in every process, as ids must be that are made in two places.
private func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
