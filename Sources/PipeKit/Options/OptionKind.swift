/// What may stand in an option: the one description that pages, schema and completion are made of.
public indirect enum OptionKind: Sendable {
    case integer
    case number
    case string
    case bool
    case choice([ChoiceCase])
    case duration
    case bytes
    case rate
    case percentage
    case url(schemes: [String])
    case address
    case path(PathUse)
    case pattern
    case expression
    case secret
    case list(OptionKind)
    case map(OptionKind)
    case block(Fields)
    case either(OptionKind, OptionKind)
    /// One line of text with rules of its own.
    case text(name: String, rule: String)
    /// A part of the graph language that the schema spells out under this name.
    case part(String)

    public var name: String {
        switch self {
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .bool: "bool"
        case .choice: "choice"
        case .duration: "duration"
        case .bytes: "size"
        case .rate: "rate"
        case .percentage: "percentage"
        case .url: "URL"
        case .address: "address"
        case .path(let use): use.name
        case .pattern: "regex"
        case .expression: "expression"
        case .secret: "secret"
        case .list(let element): "list of \(element.name)"
        case .map(let element): "map of \(element.name)"
        case .block: "block"
        case .either(let first, let second): "\(first.name) or \(second.name)"
        case .text(let name, _): name
        case .part(let name): name
        }
    }
}

/// One of the values of a choice, and what it means.
public struct ChoiceCase: Sendable, Hashable {
    public let name: String
    public let summary: String
}

/// What a stage does with a path.
public enum PathUse: Sendable, Hashable {
    case readsFile, writesFile, directory, writesDirectory

    public var name: String {
        switch self {
        case .readsFile: "file"
        case .writesFile: "file to write"
        case .directory: "directory"
        case .writesDirectory: "directory to write"
        }
    }
}

/// The values that an option allows.
public struct Bounds<Value: Comparable & Sendable>: Sendable {
    let lower: Value?
    let upper: Value?
    let excludesUpper: Bool

    init(_ range: some RangeExpression<Value>) {
        switch range {
        case let range as ClosedRange<Value>:
            (lower, upper, excludesUpper) = (range.lowerBound, range.upperBound, false)
        case let range as Range<Value>: (lower, upper, excludesUpper) = (range.lowerBound, range.upperBound, true)
        case let range as PartialRangeFrom<Value>: (lower, upper, excludesUpper) = (range.lowerBound, nil, false)
        case let range as PartialRangeThrough<Value>: (lower, upper, excludesUpper) = (nil, range.upperBound, false)
        case let range as PartialRangeUpTo<Value>: (lower, upper, excludesUpper) = (nil, range.upperBound, true)
        default: preconditionFailure("a range of \(type(of: range)) has no bounds to print")
        }
    }

    func contains(_ value: Value) -> Bool {
        if let lower, value < lower { return false }
        if let upper, excludesUpper ? value >= upper : value > upper { return false }
        return true
    }
}

/// The bounds of an option for pages and schema: texts as the graph language writes them.
public struct BoundsText: Sendable, Hashable {
    public let lower: String?
    public let upper: String?
    public let excludesUpper: Bool

    /// `2...10000`, `0...`, `..<1`
    public var text: String {
        "\(lower ?? "")\(excludesUpper ? "..<" : "...")\(upper ?? "")"
    }
}
