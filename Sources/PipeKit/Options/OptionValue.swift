import PipeCore

/// A type that an option may have. It knows how to read itself from a file and how to describe itself.
public protocol OptionValue: Sendable {
    static var kind: OptionKind { get }

    /// The value of a node, or nil after the reader was told what is wrong with it.
    static func read(_ node: Node, _ reader: Reader) -> Self?

    /// The value of an option that has no default and is not stated; nil makes such an option required.
    static var absent: Self? { get }

    /// The value as the graph language writes it, for pages.
    var written: String { get }
}

extension OptionValue {
    public static var absent: Self? { nil }
}

extension Optional: OptionValue where Wrapped: OptionValue {
    public static var kind: OptionKind { Wrapped.kind }
    public static var absent: Wrapped?? { .some(nil) }

    public static func read(_ node: Node, _ reader: Reader) -> Wrapped?? {
        Wrapped.read(node, reader).map { .some($0) }
    }

    public var written: String { self?.written ?? "" }
}

extension Int: OptionValue {
    public static var kind: OptionKind { .integer }

    public static func read(_ node: Node, _ reader: Reader) -> Int? {
        guard let text = reader.bareText(node, wanted: "an integer") else { return nil }
        // 10_000 as in Swift; no octal and no sexagesimal, which YAML 1.1 would see in 010 and 1:30.
        let hasGroups = text.text.utf8.contains(UInt8(ascii: "_"))
        let digits = hasGroups ? text.text.filter { $0 != "_" } : text.text
        let isTidy = !text.text.hasPrefix("_") && !text.text.hasSuffix("_") && !text.text.hasPrefix("+")
        if let value = Int(digits) {
            if isTidy { return value }
            reader.wrongType(text, wanted: "an integer", suggestion: String(value))
            return nil
        }
        let number = Double(digits)
        if let number, number.isFinite, abs(number) >= 9.2e18 {
            reader.wrongType(text, wanted: "an integer of 64 bits", code: .outOfRange)
        } else if let number, number.isFinite {
            reader.wrongType(text, wanted: "an integer", suggestion: String(Int(number.rounded())))
        } else {
            let groups = text.text.split(separator: ",", omittingEmptySubsequences: false)
            let isGrouped =
                groups.count > 1 && groups.dropFirst().allSatisfy { $0.count == 3 } && Int(groups.joined()) != nil
            let bare = String(text.text.reversed().drop { ",;".contains($0) }.reversed())
            if bare != text.text, Int(bare) != nil {
                reader.wrongType(text, wanted: "an integer", suggestion: bare)
                return nil
            }
            reader.wrongType(
                text,
                wanted: "an integer",
                hint: isGrouped ? nil : "write digits only, such as 10 or 10_000",
                suggestion: isGrouped ? groups.joined(separator: "_") : nil
            )
        }
        return nil
    }

    public var written: String { String(self) }
}

extension Double: OptionValue {
    public static var kind: OptionKind { .number }

    public static func read(_ node: Node, _ reader: Reader) -> Double? {
        guard let text = reader.bareText(node, wanted: "a number") else { return nil }
        if let value = number(text.text) { return value }
        let point = text.text.count { $0 == "," } == 1 ? text.text.replacing(",", with: ".") : nil
        reader.wrongType(text, wanted: "a number", suggestion: point.flatMap { number($0) == nil ? nil : $0 })
        return nil
    }

    /// Decimal notation only: no hexadecimal, no infinity.
    static func number(_ text: String) -> Double? {
        let allowed = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE_".utf8.contains(byte)
        }
        guard allowed, let value = Double(text.filter { $0 != "_" }), value.isFinite else { return nil }
        return value
    }

    public var written: String { shortest(self) }
}

extension String: OptionValue {
    public static var kind: OptionKind { .string }

    public static func read(_ node: Node, _ reader: Reader) -> String? {
        reader.text(node, wanted: "text")?.text
    }

    public var written: String { isEmpty ? "''" : self }
}

extension Bool: OptionValue {
    public static var kind: OptionKind { .bool }

    public static func read(_ node: Node, _ reader: Reader) -> Bool? {
        guard let text = reader.bareText(node, wanted: "true or false") else { return nil }
        switch text.text {
        case "true": return true
        case "false": return false
        default:
            let meant: String? =
                switch text.text.lowercased() {
                case "yes", "on", "1", "y", "true", "t": "true"
                case "no", "off", "0", "n", "false", "f": "false"
                default: Suggestion.best(for: text.text, among: ["true", "false"])
                }
            reader.wrongType(text, wanted: "true or false", suggestion: meant)
            return nil
        }
    }

    public var written: String { self ? "true" : "false" }
}

/// A choice between named values: an enum of strings with a sentence for each case.
///
///     enum Mode: String, Choice {
///         case append, overwrite
///
///         var summary: String {
///             switch self {
///             case .append: "Adds to what the file holds."
///             case .overwrite: "Starts the file anew."
///             }
///         }
///     }
public protocol Choice: OptionValue, CaseIterable, RawRepresentable where RawValue == String {
    var summary: String { get }
}

extension Choice {
    public static var kind: OptionKind {
        .choice(allCases.map { ChoiceCase(name: $0.rawValue, summary: $0.summary) })
    }

    public static func read(_ node: Node, _ reader: Reader) -> Self? {
        let names = allCases.map(\.rawValue)
        guard let text = reader.text(node, wanted: "one of \(names.joined(separator: ", "))") else { return nil }
        if let value = Self(rawValue: text.text) { return value }
        reader.diagnostics.unknown(
            .unknownValue,
            at: node.place,
            "\(text.quoted) is not a value of this option",
            name: text.text,
            among: names,
            isFilled: text.isFilled
        )
        return nil
    }

    public var written: String { rawValue }
}

extension Array: OptionValue where Element: OptionValue {
    public static var kind: OptionKind { .list(Element.kind) }

    public static func read(_ node: Node, _ reader: Reader) -> [Element]? {
        guard case .list(let nodes) = node.content else {
            var suggestion: String?
            if case .scalar(let text, .plain) = node.content, !text.isEmpty { suggestion = "[\(text)]" }
            reader.diagnostics.error(
                .wrongShape,
                at: node.place,
                "a list belongs here, not \(node.described)",
                hint: suggestion.map { "write \($0)" },
                suggestion: suggestion
            )
            return nil
        }
        // All elements are read, so that all mistakes are found.
        let values = nodes.map { Element.read($0, reader) }
        return values.contains { $0 == nil } ? nil : values.compactMap { $0 }
    }

    public var written: String { "[\(map(\.written).joined(separator: ", "))]" }
}

/// Names and values in the order of the file.
public struct OptionMap<Value: OptionValue>: OptionValue {
    public var entries: [(key: String, value: Value)]

    public init(_ entries: [(key: String, value: Value)] = []) { self.entries = entries }

    public static var kind: OptionKind { .map(Value.kind) }

    public static func read(_ node: Node, _ reader: Reader) -> OptionMap? {
        guard let nodes = reader.entries(node, wanted: "a \(kind.name)") else { return nil }
        let errors = reader.diagnostics.errorCount
        let values = nodes.compactMap { node -> (key: String, value: Value?)? in
            // `{ a: max(1, 2) }` is split at its comma: the first half has said so, and the second has nothing to add.
            let isRest = node.value.isEmpty && node.key.contains(")") && reader.diagnostics.errorCount > errors
            return isRest ? nil : (node.key, Value.read(node.value, reader))
        }
        if values.contains(where: { $0.value == nil }) { return nil }
        return OptionMap(values.compactMap { entry in entry.value.map { (entry.key, $0) } })
    }

    public var written: String { "{\(entries.map { "\($0.key): \($0.value.written)" }.joined(separator: ", "))}" }
}

extension Reader {
    /// The entries of a mapping, or nil after saying that none stands here.
    public func entries(_ node: Node, wanted: String) -> [Node.Entry]? {
        if case .map(let entries) = node.content { return entries }
        if node.isEmpty {
            diagnostics.error(.missingValue, at: node.place, "\(wanted) belongs here, and nothing is written")
        } else {
            diagnostics.error(.wrongShape, at: node.place, "\(wanted) belongs here, not \(node.described)")
        }
        return nil
    }
}
