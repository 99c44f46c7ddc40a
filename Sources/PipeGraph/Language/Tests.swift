public import PipeCore
public import PipeKit

/// One test of a graph, run on virtual time.
public struct GraphTest: OptionBlock {
    @Option("What the test shows.") public var name: String
    @Option("More about it.") public var description: String?
    @Option("Values for the graph's params.") var set: Part<ParamValuesPart>?
    @Option("What is sent instead of what the stages would send, by output.") var feed: Part<FeedsPart>?
    @Option("What goes wrong, and when.") var faults: [Part<FaultPart>] = []
    @Option("How long it runs, in virtual time; until all input has ended, where it is not stated.", in: .zero...)
    public var run: Duration?
    @Option("The seed of all that is left to chance.", in: 0...) public var seed: Int?
    @Option("A recording of a run of this graph: it must go again as it went then.") public var replay: InputDirectory?
    @Option("What must hold at the end.") var expect: [Part<ExpectationPart>] = []

    public internal(set) var params: [(name: String, value: String)] = []
    public internal(set) var feeds: [GraphFeed] = []
    public internal(set) var faultList: [Fault] = []
    public internal(set) var expectations: [Expectation] = []

    public init() {}

    public func check(_ report: inout Diagnostics) {
        if expect.isEmpty {
            report.error(
                $expect.isStated ? .missingValue : .missingKey,
                at: $expect,
                "a test that expects nothing shows nothing",
                hint: "add '- books: balanced'"
            )
        }
        if $replay.isStated, let other = [$set, $feed, $faults, $run, $seed].first(where: \.isStated) {
            report.error(
                .optionConflict,
                at: other,
                "'\(other.name)' says how a run goes, and this one goes as it was recorded",
                hint: "keep '\(other.name)' or 'replay'"
            )
        }
    }
}

/// What is sent on an output in a test, and on which.
public struct GraphFeed: Sendable {
    public let output: GraphLink.End
    public let feed: Feed
    /// The items themselves, where the test states them.
    public let values: [JSON]?
}

/// What is sent on an output in a test.
public struct Feed: OptionBlock {
    @Option("How many items.", in: 1...1_000_000_000) public var items: Int?
    @Option("The same as 'items', for those who think in frames.", in: 1...1_000_000_000) public var frames: Int?
    @Option("The items themselves.") var values: [Part<ValuePart>]?
    @Option("How fast they come; all at once, where it is not stated.", in: Rate(perHour: 0.01)...)
    public var rate: Rate?
    @Option("When the first comes.", in: .zero...) public var at = Duration.zero
    @Option("Their keys, in turn.") public var keys: [String]?

    public init() {}

    public func check(_ report: inout Diagnostics) {
        let stated = [$items, $frames, $values].filter(\.isStated)
        if stated.isEmpty {
            report.error(
                .missingKey,
                at: nil as Place?,
                "a feed states how much is sent",
                hint: "add 'items: 100' or 'values: […]'"
            )
        }
        if stated.count > 1 {
            report.error(
                .optionConflict,
                at: stated[1],
                "'\(stated[0].name)' and '\(stated[1].name)' both say how much is sent",
                hint: "keep one of them"
            )
        }
    }
}

/// Something that goes wrong in a test.
public struct Fault: OptionBlock {
    @Option("The stage that it happens to.") public var stage: String?
    @Option("When.", in: .zero...) public var at = Duration.zero
    @Option("The stage takes nothing for so long.", in: .nanoseconds(1)...) public var stall: Duration?
    @Option("The stage dies.") public var kill: Bool?
    @Option("So many of its items fail.", in: Percentage(percent: 0)...Percentage(percent: 100)) public var error:
        Percentage?
    @Option("Each item takes so much longer.", in: .nanoseconds(1)...) public var slow: Duration?
    @Option("Its connection breaks.") public var dropConnection: Bool?
    @Option("Its clock jumps by so much, forward or back: '1h', '-5s'.") public var clockJump: ClockJump?
    @Option("What it writes fails for so long, as on a full disk.", in: .nanoseconds(1)...) public var diskFull:
        Duration?

    public init() {}

    public func check(_ report: inout Diagnostics) {
        if stage == nil, !$stage.isStated {
            report.error(.missingKey, at: nil as Place?, "a fault happens to a stage", hint: "add 'stage: NAME'")
        }
        let kinds = [$stall, $kill, $error, $slow, $dropConnection, $clockJump, $diskFull]
        let stated = kinds.filter(\.isStated)
        if stated.isEmpty {
            report.error(
                .missingKey,
                at: nil as Place?,
                "a fault says what goes wrong",
                hint: "add one of \(kinds.map(\.name).joined(separator: ", "))"
            )
        }
        for (isOn, option) in [(kill, $kill), (dropConnection, $dropConnection)] where isOn == false {
            report.error(
                .optionConflict,
                at: option,
                "'\(option.name): false' is no fault",
                hint: "write true, or remove the fault"
            )
        }
        if stated.count > 1 {
            report.error(
                .optionConflict,
                at: stated[1],
                "a fault is one thing, and '\(stated[0].name)' and '\(stated[1].name)' are two",
                hint: "write them as two faults"
            )
        }
    }
}

/// How far a clock jumps: a duration, back where a '-' stands before it.
public struct ClockJump: OptionValue {
    public let written: String
    public let duration: Duration

    public static var kind: OptionKind { .text(name: "duration with a sign", rule: "'1h' or '-5s'") }

    public static func read(_ node: Node, _ reader: Reader) -> ClockJump? {
        guard case .scalar(let text, let style) = node.content, text.hasPrefix("-") else {
            return Duration.read(node, reader).map { ClockJump(written: $0.text, duration: $0) }
        }
        let bare = Node(.scalar(text: String(text.dropFirst()), style: style), at: node.place)
        return Duration.read(bare, reader).map { ClockJump(written: text, duration: .zero - $0) }
    }
}

/// What must hold at the end of a test: one subject, and what is expected of it.
public struct Expectation: OptionBlock {
    @Option("A link: 'camera.frames -> numbers'.") public var link: String?
    @Option("A stage.") public var stage: String?
    @Option("The books of the whole run.") public var books: BooksExpectation?
    @Option("Items that came in.") public var `in`: Comparison?
    @Option("Items that went out.") public var out: Comparison?
    @Option("Items dropped: all, or by reason.") public var dropped: DropExpectation?
    @Option("Items that a stage failed on.") public var failed: Comparison?
    @Option("Items that still wait.") public var held: Comparison?
    @Option("How often the stage was started anew.") public var restarts: Comparison?
    @Option("Time from capture.") public var latency: LatencyExpectation?
    @Option("The order of the items.") public var order: OrderExpectation?
    @Option("The items themselves, in order.") var values: [Part<ValuePart>]?

    public internal(set) var valueList: [JSON]?

    public init() {}

    public func check(_ report: inout Diagnostics) {
        let subjects = [$link, $stage, $books].filter(\.isStated)
        let measures = [$in, $out, $dropped, $failed, $held, $restarts, $latency, $order, $values].filter(\.isStated)
        if subjects.isEmpty {
            report.error(
                .missingKey,
                at: nil as Place?,
                "an expectation names a 'link', a 'stage' or the 'books'",
                hint: "add '- books: balanced', or 'link: from -> to'"
            )
        } else if subjects.count > 1 {
            report.error(
                .optionConflict,
                at: subjects[1],
                "an expectation is about one thing, and '\(subjects[0].name)' and '\(subjects[1].name)' are two",
                hint: "write them as two expectations"
            )
        } else if $books.isStated, let measure = measures.first {
            report.error(
                .optionConflict,
                at: measure,
                "'\(measure.name)' is a measure of a link or a stage, not of the books",
                hint: "write it as an expectation of its own"
            )
        } else if $link.isStated, let measure = [$failed, $restarts].first(where: \.isStated) {
            report.error(
                .optionConflict,
                at: measure,
                "'\(measure.name)' is a measure of a stage, not of a link",
                hint: "write 'stage: NAME' for the stage that it is about"
            )
        } else if !$books.isStated, measures.isEmpty {
            report.error(
                .missingKey,
                at: subjects[0],
                "nothing is expected of this \(subjects[0].name)",
                hint: "add 'out: \"> 0\"', 'dropped: 0' or another measure"
            )
        }
    }
}

/// What is expected of the time from capture.
public struct LatencyExpectation: OptionBlock {
    @Option("Half of all items.") public var p50: DurationComparison?
    @Option("95 of 100.") public var p95: DurationComparison?
    @Option("99 of 100.") public var p99: DurationComparison?
    @Option("999 of 1000.") public var p999: DurationComparison?
    @Option("The slowest.") public var max: DurationComparison?

    public init() {}
}

public enum BooksExpectation: String, Choice {
    case balanced

    public var summary: String { "In is out, dropped, failed and held, for every link and stage." }
}

public enum OrderExpectation: String, Choice {
    case kept
    case keptPerKey = "kept_per_key"

    public var summary: String {
        switch self {
        case .kept: "The items come out as they went in."
        case .keptPerKey: "The items of each key come out as they went in."
        }
    }
}

/// What a number must be: `5`, `> 0`, `<= 10`, `1...3`.
public struct Comparison: OptionValue {
    public let written: String
    public let allowed: ComparisonRange<Double>

    public static var kind: OptionKind { .text(name: "comparison", rule: "a number, '> 0', '<= 10' or '1...3'") }

    public static func read(_ node: Node, _ reader: Reader) -> Comparison? {
        guard let text = reader.text(node, wanted: "a comparison") else { return nil }
        guard let range = ComparisonRange(text.text, parse: { Double.read($0, Reader()) }) else {
            let better = mended(text.text).flatMap { better in
                ComparisonRange(better) { Double.read($0, Reader()) } == nil ? nil : better
            }
            reader.wrongType(
                text,
                wanted: "a comparison",
                hint: better == nil ? "write a number, '> 0', '<= 10' or '1...3'" : nil,
                suggestion: better
            )
            return nil
        }
        return Comparison(written: text.text, allowed: range)
    }
}

/// What a time must be: `< 200ms`, `1s...2s`.
public struct DurationComparison: OptionValue {
    public let written: String
    public let allowed: ComparisonRange<Duration>

    public static var kind: OptionKind { .text(name: "comparison", rule: "'< 200ms', '<= 1s' or '1s...2s'") }

    public static func read(_ node: Node, _ reader: Reader) -> DurationComparison? {
        guard let text = reader.text(node, wanted: "a comparison with a duration") else { return nil }
        guard let range = ComparisonRange(text.text, parse: { Duration.read($0, Reader()) }) else {
            let better = mended(text.text).flatMap { better in
                ComparisonRange(better) { Duration.read($0, Reader()) } == nil ? nil : better
            }
            reader.wrongType(
                text,
                wanted: "a comparison with a duration",
                hint: better == nil ? "write '< 200ms', '<= 1s' or '1s...2s'" : nil,
                suggestion: better
            )
            return nil
        }
        return DurationComparison(written: text.text, allowed: range)
    }
}

/// A comparison as it was meant: other signs for the same, and other dots for a range.
private func mended(_ text: String) -> String? {
    for (sign, meant) in [("=>", ">="), ("=<", "<="), ("≥", ">="), ("≤", "<="), ("<>", "!="), ("≠", "!="), ("=", "==")]
    where text.hasPrefix(sign) && !text.hasPrefix("==") {
        return "\(meant) \(text.dropFirst(sign.count).drop { $0 == " " })"
    }
    for dots in ["..<", "..", " to ", "-", "–"] {
        let ends = text.split(separator: dots, omittingEmptySubsequences: false).map {
            $0.split(separator: " ").joined()
        }
        if ends.count == 2, !ends[0].isEmpty, !ends[1].isEmpty { return "\(ends[0])...\(ends[1])" }
    }
    return nil
}

/// The values that a comparison allows.
public enum ComparisonRange<Value: Comparable & Sendable>: Sendable {
    case equal(Value), unequal(Value), above(Value), below(Value), atLeast(Value), atMost(Value), within(Value, Value)

    init?(_ text: String, parse: (Node) -> Value?) {
        func value(_ text: some StringProtocol) -> Value? {
            let bare = text.drop { $0 == " " }
            return parse(
                Node(.scalar(text: String(bare), style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
            )
        }
        let operators: [(String, (Value) -> ComparisonRange)] = [
            (">=", { .atLeast($0) }), ("<=", { .atMost($0) }), ("==", { .equal($0) }), ("!=", { .unequal($0) }),
            (">", { .above($0) }), ("<", { .below($0) }),
        ]
        if let (symbol, make) = operators.first(where: { text.hasPrefix($0.0) }) {
            guard let value = value(text.dropFirst(symbol.count)) else { return nil }
            self = make(value)
        } else if let dots = text.firstRange(of: "...") {
            guard let low = value(text[..<dots.lowerBound]), let high = value(text[dots.upperBound...]), low <= high
            else {
                return nil
            }
            self = .within(low, high)
        } else {
            guard let value = value(text) else { return nil }
            self = .equal(value)
        }
    }

    public func allows(_ value: Value) -> Bool {
        switch self {
        case .equal(let other): value == other
        case .unequal(let other): value != other
        case .above(let other): value > other
        case .below(let other): value < other
        case .atLeast(let other): value >= other
        case .atMost(let other): value <= other
        case .within(let low, let high): value >= low && value <= high
        }
    }
}

/// What is expected of drops: one comparison for all, or one for each reason.
public struct DropExpectation: OptionValue {
    public let all: Comparison?
    public let byReason: [(reason: DropReason, comparison: Comparison)]

    public static var kind: OptionKind { .either(Comparison.kind, .map(Comparison.kind)) }

    public static func read(_ node: Node, _ reader: Reader) -> DropExpectation? {
        guard case .map(let entries) = node.content else {
            return Comparison.read(node, reader).map { DropExpectation(all: $0, byReason: []) }
        }
        var found: [(DropReason, Comparison)] = []
        var isSound = true
        for entry in entries {
            guard let reason = DropReason(rawValue: entry.key) else {
                reader.diagnostics.unknown(
                    .unknownValue,
                    at: entry.keyPlace,
                    "'\(shortened(entry.key))' is not a reason for a drop",
                    name: entry.key,
                    among: DropReason.allCases.map(\.rawValue)
                )
                isSound = false
                continue
            }
            guard let comparison = Comparison.read(entry.value, reader) else {
                isSound = false
                continue
            }
            found.append((reason, comparison))
        }
        guard isSound else { return nil }
        return DropExpectation(all: nil, byReason: found.map { (reason: $0.0, comparison: $0.1) })
    }

    public var written: String { all?.written ?? "{…}" }
}
