/// An option of a stage or of a block: its type, default, bounds and sentence stand on the property, and from them come
/// the reading of a graph, its checking, the pages, the schema and the completion.
///
///     @Option("Frames in a group.", in: 2...10_000) var group = 30     // optional, with a default
///     @Option("The model to run.") var model: InputFile                // required
///     @Option("Stop after so many.", in: 1...) var limit: Int?         // optional, without a default
///
/// The name in a graph is derived: `maxDelay` is `max_delay`. The value is stored in place, so that reading it costs
/// what reading any property costs.
@propertyWrapper
public struct Option<Value: OptionValue>: DeclaredProperty, Sendable {
    private var stored: Value?
    let ordinal: Int
    public let projectedValue: OptionReference

    public var wrappedValue: Value {
        get {
            guard let stored else {
                preconditionFailure("option '\(projectedValue.name)' was read before it was bound")
            }
            return stored
        }
        set { stored = newValue }
    }

    public init(wrappedValue: @autoclosure () -> Value, _ summary: String, deprecated: Deprecation? = nil) {
        self.init(
            summary,
            default: Construction.outside(wrappedValue),
            bounds: nil as (() -> Bounds<Int>)?,
            deprecated: deprecated
        )
    }

    public init(_ summary: String, deprecated: Deprecation? = nil) {
        self.init(summary, default: nil, bounds: nil as (() -> Bounds<Int>)?, deprecated: deprecated)
    }

    public init(
        wrappedValue: @autoclosure () -> Value,
        _ summary: String,
        in range: some RangeExpression<Value>,
        deprecated: Deprecation? = nil
    ) where Value: Comparable {
        self.init(
            summary,
            default: Construction.outside(wrappedValue),
            bounds: { Bounds(range) },
            deprecated: deprecated
        )
    }

    public init(_ summary: String, in range: some RangeExpression<Value>, deprecated: Deprecation? = nil)
    where Value: Comparable {
        self.init(summary, default: nil, bounds: { Bounds(range) }, deprecated: deprecated)
    }

    public init<Wrapped: OptionValue & Comparable>(
        _ summary: String,
        in range: some RangeExpression<Wrapped>,
        deprecated: Deprecation? = nil
    ) where Value == Wrapped? {
        self.init(summary, default: nil, bounds: { Bounds(range) }, deprecated: deprecated)
    }

    private init<Bound: OptionValue & Comparable>(
        _ summary: String,
        default: Value?,
        bounds makeBounds: (() -> Bounds<Bound>)?,
        deprecated: Deprecation?
    ) {
        let value = `default` ?? Value.absent
        guard let construction = Construction.active else {
            (stored, ordinal, projectedValue) = (value, 0, OptionReference(name: "?", place: nil))
            return
        }
        ordinal = construction.count
        let bound = construction.declare {
            let bounds = makeBounds?()  // once a type: making an instance must stay cheap
            return .option(
                OptionSpec(
                    summary: summary,
                    kind: Value.kind,
                    bounds: bounds.map { bounds in
                        BoundsText(
                            lower: bounds.lower?.written,
                            upper: bounds.upper?.written,
                            excludesUpper: bounds.excludesUpper
                        )
                    },
                    defaultText: `default`?.written,
                    isRequired: value == nil,
                    mayBeAbsent: `default` == nil && Value.absent != nil,
                    deprecated: deprecated,
                    reads: { node, reader in
                        guard let value = Value.read(node, reader) else { return nil }
                        if let bounds, let number = value as? Bound, !bounds.contains(number) {
                            reader.outOfRange(node, bounds)
                            return nil
                        }
                        return value
                    }
                )
            )
        }
        stored = bound?.value as? Value ?? value
        projectedValue = OptionReference(name: bound?.name ?? "", place: bound?.place)
    }
}

/// What to write instead of an option that is going away.
public struct Deprecation: Sendable, Hashable {
    public let replacement: String?
    public let reason: String

    /// Another option took its place.
    public static func use(_ replacement: String) -> Deprecation {
        Deprecation(replacement: replacement, reason: "use '\(replacement)'")
    }

    public static func because(_ reason: String) -> Deprecation { Deprecation(replacement: nil, reason: reason) }
}

/// Where an option stands in the file; `$group` for an option `group`.
public struct OptionReference: Sendable, Hashable {
    public let name: String
    /// The place of its value, nil where the file does not state it.
    public let place: Place?

    public var isStated: Bool { place != nil }
}

extension Reader {
    fileprivate func outOfRange<Bound: OptionValue & Comparable>(_ node: Node, _ bounds: Bounds<Bound>) {
        let text = BoundsText(
            lower: bounds.lower?.written,
            upper: bounds.upper?.written,
            excludesUpper: bounds.excludesUpper
        )
        let allowed =
            switch (text.lower, text.upper) {
            case (let lower?, let upper?): "from \(lower) \(bounds.excludesUpper ? "to below" : "to") \(upper)"
            case (let lower?, nil): "\(lower) or more"
            case (nil, let upper?): bounds.excludesUpper ? "below \(upper)" : "\(upper) or less"
            case (nil, nil): "anything"
            }
        let value = self.text(node, wanted: "")?.quoted ?? node.described
        diagnostics.error(.outOfRange, at: node.place, "\(value) is outside \(text.text)", hint: "use \(allowed)")
    }
}
