import PipeCore
import Synchronization

/// A property wrapper that declares something about the type it stands in.
protocol DeclaredProperty {
    var ordinal: Int { get }
}

/// A type whose properties declare its options: a stage, or a block of options inside one.
public protocol Declared: SendableMetatype {
    init()
}

/// A group of options with a name: `retry: { max: 3, wait: 1s }`.
public protocol OptionBlock: OptionValue, Declared {
    /// Checks across options. Findings can point at one: `report.error(…, at: $max, …)`.
    func check(_ report: inout Diagnostics)
}

extension OptionBlock {
    public func check(_ report: inout Diagnostics) {}

    public static var kind: OptionKind { .block(Fields.of(Self.self)) }

    public static func read(_ node: Node, _ reader: Reader) -> Self? {
        guard let entries = reader.entries(node, wanted: "a mapping") else { return nil }
        let fields = Fields.of(Self.self)
        let values = fields.read(entries, of: node.place, reader)
        guard values.canBeChecked else { return nil }
        let block = fields.make(Self.self, values)
        let errors = reader.diagnostics.errorCount
        let fallback = reader.diagnostics.fallback
        reader.diagnostics.fallback = node.place
        block.check(&reader.diagnostics)
        reader.diagnostics.fallback = fallback
        return values.isSound && reader.diagnostics.errorCount == errors ? block : nil
    }

    public var written: String { "{…}" }
}

/// One option as it was declared.
public struct OptionSpec: Sendable {
    public internal(set) var name = ""
    public let summary: String
    public let kind: OptionKind
    public let bounds: BoundsText?
    public let defaultText: String?
    public let isRequired: Bool
    /// It has neither a value nor a default where it is not stated.
    let mayBeAbsent: Bool
    public let deprecated: Deprecation?
    /// Reads and range-checks the value; boxed, since this is done once for each option of a graph.
    let reads: @Sendable (Node, Reader) -> (any Sendable)?
}

/// Everything that a type declares, in order: found once for each type, by making one instance and looking at it.
public final class Fields: Sendable {
    enum Slot: Sendable {
        case option(OptionSpec)
        case input(PortSpec)
        case output(PortSpec)
    }

    private let slots: [Slot]
    private let index: [String: Int]

    /// Cached for the life of the process.
    public static func of(_ type: (some Declared).Type) -> Fields {
        let key = ObjectIdentifier(type)
        if let known = cache.withLock({ $0[key] }) { return known }
        let fields = Fields(declaredBy: type)
        cache.withLock { $0[key] = fields }
        return fields
    }

    private static let cache = Mutex<[ObjectIdentifier: Fields]>([:])

    private init<T: Declared>(declaredBy type: T.Type) {
        let construction = Construction(values: nil)
        let instance = Construction.$current.withValue(construction) { T() }
        var slots = construction.declared
        for child in Mirror(reflecting: instance).children {
            guard let label = child.label, let property = child.value as? any DeclaredProperty else { continue }
            slots[property.ordinal].name = Fields.snakeCase(label.drop { $0 == "_" })
        }
        self.slots = slots
        index = Dictionary(
            slots.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    public var options: [OptionSpec] {
        slots.compactMap { if case .option(let spec) = $0 { spec } else { nil } }
    }

    public var inputs: [PortSpec] {
        slots.compactMap { if case .input(let spec) = $0 { spec } else { nil } }
    }

    public var outputs: [PortSpec] {
        slots.compactMap { if case .output(let spec) = $0 { spec } else { nil } }
    }

    public func option(named name: String) -> OptionSpec? {
        guard let index = index[name], case .option(let spec) = slots[index] else { return nil }
        return spec
    }

    func position(of name: String) -> Int? { index[name] }

    /// `maxDelay` and `_maxDelay` are `max_delay`; `p95` and `p99` stay.
    private static func snakeCase(_ label: Substring) -> String {
        var name = ""
        for character in label {
            if character.isUppercase { name += "_" }
            name += character.lowercased()
        }
        return name
    }
}

extension Fields.Slot {
    fileprivate(set) var name: String {
        get {
            switch self {
            case .option(let spec): spec.name
            case .input(let spec), .output(let spec): spec.name
            }
        }
        set {
            switch self {
            case .option(var spec):
                spec.name = newValue
                self = .option(spec)
            case .input(var spec):
                spec.name = newValue
                self = .input(spec)
            case .output(var spec):
                spec.name = newValue
                self = .output(spec)
            }
        }
    }
}

/// Values read for the fields of one instance, in the order of declaration.
public struct FieldValues: Sendable {
    /// Of a type without options, or for which all have their defaults.
    public static let none = FieldValues(values: [])

    var values: [BoundValue?]
    /// Every value could be read, and none is missing. An option that could not be read has its default; one that is
    /// required has none, and must not be asked for.
    public internal(set) var isSound = true
    /// What could not be read may be left out, so that a check across options can look at the rest.
    public internal(set) var canBeChecked = true
    /// A required option has no value: an instance must not be asked for it.
    public internal(set) var lacksRequired = false
    /// Options that are stated and could not be read.
    public internal(set) var unreadable: Set<String> = []
    /// Whether an option has a value of its own.
    public func isBound(_ name: String, in fields: Fields) -> Bool {
        fields.position(of: name).map { values[$0]?.value != nil } ?? false
    }

    /// Names that were meant by others: what is missing under them was reported already.
    public internal(set) var misspelt: Set<String> = []
}

struct BoundValue: Sendable {
    var name: String
    var value: (any Sendable)?
    var place: Place?
}

extension Fields {
    /// Reads the entries of a mapping, and reports all mistakes.
    ///
    /// `place` is where a missing option is reported. `elsewhere` are names that the caller has read from the same
    /// mapping: they are no mistake here, and count as candidates for a misspelt one. What is `present` elsewhere is
    /// not missing here.
    public func read(
        _ entries: [Node.Entry],
        of place: Place,
        _ reader: Reader,
        elsewhere: Fields? = nil,
        what: String = "option",
        assumes present: Set<String> = []
    ) -> FieldValues {
        var result = FieldValues(values: [BoundValue?](repeating: nil, count: slots.count), misspelt: present)
        for entry in entries {
            guard let index = index[entry.key], case .option(let spec) = slots[index] else {
                if elsewhere?.option(named: entry.key) != nil { continue }
                result.isSound = false
                guard let meant = reportUnknown(entry, entries, reader, elsewhere, what) else { continue }
                result.misspelt.insert(meant)
                if option(named: meant) != nil { result.canBeChecked = false }
                continue
            }
            if let deprecated = spec.deprecated { reader.deprecated(entry, deprecated) }
            let value = spec.reads(entry.value, reader)
            if value == nil {
                result.isSound = false
                result.unreadable.insert(spec.name)
                if spec.isRequired { result.lacksRequired = true }
                if !spec.mayBeAbsent { result.canBeChecked = false }
            }
            result.values[index] = BoundValue(name: spec.name, value: value, place: entry.value.place)
        }
        for (index, slot) in slots.enumerated() {
            guard result.values[index] == nil else { continue }
            result.values[index] = BoundValue(name: slot.name, value: nil, place: nil)
            guard case .option(let spec) = slot, spec.isRequired else { continue }
            // A required option that is there under a wrong name was reported once.
            result.isSound = false
            result.canBeChecked = false
            result.lacksRequired = true
            if result.misspelt.contains(spec.name) { continue }
            reader.diagnostics.error(
                .missingKey,
                at: place,
                "the \(what) '\(spec.name)' is missing (\(spec.kind.name))",
                hint: "add '\(spec.name): …': \(spec.summary.firstLowercased)"
            )
        }
        return result
    }

    /// An instance with these values.
    public func make<T: Declared>(_ type: T.Type, _ values: FieldValues) -> T {
        make(type, values, outputs: nil)
    }

    /// An instance that runs, and sends into these.
    func make<T: Declared>(_ type: T.Type, _ values: FieldValues, outputs: UnsafeMutablePointer<Outbox>?) -> T {
        Construction.$current.withValue(Construction(values: values.values, outboxes: outputs)) { T() }
    }

    /// The option that was meant by a name that is none.
    public func meaning(of name: String, besides entries: [Node.Entry], elsewhere: Fields? = nil) -> String? {
        meaning(of: name, among: names(with: elsewhere), stated: entries)
    }

    private func names(with elsewhere: Fields?) -> [String] {
        ((elsewhere?.options ?? []) + options).filter { $0.deprecated == nil }.map(\.name)
    }

    private func meaning(of name: String, among names: [String], stated: [Node.Entry]) -> String? {
        // A name that is there already is not what was meant, unless nothing else comes near.
        let stated = Set(stated.map(\.key))
        let free = names.filter { !stated.contains($0) }
        return Suggestion.sameButForCase(name, among: free) ?? Synonyms.meaning(of: name, among: free)
            ?? Suggestion.best(for: name, among: free)
            ?? Suggestion.best(for: name, among: names)
    }

    private func reportUnknown(
        _ entry: Node.Entry,
        _ entries: [Node.Entry],
        _ reader: Reader,
        _ elsewhere: Fields?,
        _ what: String
    ) -> String? {
        let names = names(with: elsewhere)
        if let colon = entry.key.firstIndex(of: ":"), names.contains(String(entry.key[..<colon])) {
            let better = "\(entry.key[..<colon]): \(entry.key[entry.key.index(after: colon)...])"
            reader.diagnostics.error(
                .unknownKey,
                at: entry.keyPlace,
                "there is no \(what) '\(shortened(entry.key))' here: a blank is missing after the ':'",
                hint: "did you mean '\(better)'?",
                suggestion: better
            )
            return String(entry.key[..<colon])
        }
        let meant = meaning(of: entry.key, among: names, stated: entries)
        let list = names.count <= 12 ? " (\(names.joined(separator: ", ")))" : ""
        reader.diagnostics.error(
            .unknownKey,
            at: entry.keyPlace,
            "there is no \(what) '\(shortened(entry.key))' here",
            hint: meant.map { "did you mean '\($0)'?\(list)" } ?? (list.isEmpty ? nil : "known here:\(list)"),
            suggestion: meant
        )
        return meant
    }
}

extension Reader {
    fileprivate func deprecated(_ entry: Node.Entry, _ deprecation: Deprecation) {
        diagnostics.warning(
            .deprecated,
            at: entry.keyPlace,
            "'\(entry.key)' is going away",
            hint: deprecation.reason,
            suggestion: deprecation.replacement
        )
    }
}

extension String {
    var firstLowercased: String { prefix(1).lowercased() + dropFirst() }
}
