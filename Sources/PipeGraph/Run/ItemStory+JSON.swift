public import PipeCore

// What became of an item, for those who ask: as members and in sentences.
extension ItemStory {
    public var json: JSON {
        .compact([
            "source": .string(source),
            "sequence": .integer(sequence),
            "key": key.isEmpty ? nil : .string(key.text),
            "captured": .number(rounded((captured - .zero).seconds)),
            "says": .array(sentences.map { .string($0) }),
            "steps": .array(steps.map { $0.json(captured: captured) }),
        ])
    }

    /// What became of it, and what took longest.
    public var sentences: [String] {
        let endings = steps.filter { $0.fate != .passedOn }.map(sentence)
        return ["\(source)#\(sequence)\(key.isEmpty ? "" : " (\(key.text))")" + " " + endings.joined(separator: "; ")]
            + [longest].compactMap { $0 }
    }

    private func sentence(_ step: Step) -> String {
        let since = step.end.map { " \(($0 - captured).short) after its capture" } ?? ""
        let stage = "'\(step.stage)'"
        let link = step.link.map { "'\($0)'" } ?? stage
        return switch step.fate {
        case .passedOn: "went on from \(stage)"
        case .arrived: "came to \(stage)\(since)"
        case .usedUp: "was used up by \(stage)\(since)"
        case .kept: "came to \(stage)\(since), which keeps it, has used it up, or failed on it"
        case .dropped(let reason): "was dropped by \(stage) (\(reason.rawValue))\(since)"
        case .failed: "was what \(stage) failed on\(since)"
        case .lost(let reason): "was lost in \(link) (\(reason.rawValue))\(since)"
        case .waits: "waits in \(link) for \((at - step.sent).short) already"
        case .isWorkedOn: "was taken by \(stage), which works on it; it was sent there \((at - step.sent).short) ago"
        case .forgotten: "came to \(stage) before what is remembered there"
        }
    }

    /// The wait or the work that took most of its time, if that was much of it.
    private var longest: String? {
        let whole = steps.compactMap(\.end).max().map { $0 - captured } ?? .zero
        var most: (time: Duration, text: String)?
        for step in steps {
            guard let begin = step.begin, let end = step.end, step.link != nil else { continue }
            for (time, what) in [(begin - step.sent, "it waited before"), (end - begin, "it was worked on by")]
            where time > most?.time ?? .zero {
                most = (time, "\(time.short) of \(whole.short) \(what) '\(step.stage)'.")
            }
        }
        guard let most, most.time.seconds > 0.2 * whole.seconds else { return nil }
        return most.text
    }
}

extension ItemStory.Step {
    fileprivate func json(captured: Instant) -> JSON {
        .compact([
            "stage": .string(stage),
            "link": link.map { .string($0) },
            "at": .number(rounded((sent - captured).seconds)),
            "waited": link == nil ? nil : begin.map { .number(rounded(($0 - sent).seconds)) },
            "worked": link == nil ? nil : begin.flatMap { begin in end.map { .number(rounded(($0 - begin).seconds)) } },
            "fate": .string(fate.name),
            "reason": fate.reason.map { .string($0.rawValue) },
        ])
    }
}

extension ItemStory.Fate {
    /// As the control protocol has it.
    public var name: String {
        switch self {
        case .passedOn: "passed_on"
        case .arrived: "arrived"
        case .usedUp: "used_up"
        case .kept: "kept"
        case .dropped: "dropped"
        case .failed: "failed"
        case .lost: "lost"
        case .waits: "waits"
        case .isWorkedOn: "worked_on"
        case .forgotten: "forgotten"
        }
    }

    var reason: DropReason? {
        switch self {
        case .dropped(let reason), .lost(let reason): reason
        default: nil
        }
    }
}

extension ItemChoice {
    /// `camera#371`, `last`, `slowest` or `lost`; nil for anything else.
    public init?(_ word: String) {
        switch word {
        case "last": self = .last
        case "slowest": self = .slowest
        case "lost": self = .lost
        default:
            guard let mark = word.lastIndex(of: "#"), let number = Int(word[word.index(after: mark)...]), number >= 0,
                mark > word.startIndex
            else { return nil }
            self = .number(source: String(word[..<mark]), sequence: number)
        }
    }
}
