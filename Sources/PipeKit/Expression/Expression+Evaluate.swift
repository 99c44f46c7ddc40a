public import PipeCore

extension Expression {
    /// What an expression can see of an item.
    public struct Subject {
        public var value: JSON
        public var sequence: Int
        public var key: String
        public var source: String

        public init(value: JSON, sequence: Int = 0, key: String = "", source: String = "") {
            self.value = value
            self.sequence = sequence
            self.key = key
            self.source = source
        }
    }

    /// The value for an item. What cannot be computed is null: a field that is not there, a text times two.
    public func evaluate(_ subject: Subject) -> JSON { root.evaluate(subject) }

    /// Whether the expression holds for an item; null does not.
    public func holds(for subject: Subject) -> Bool { evaluate(subject) == .bool(true) }
}

extension Expression.Term {
    fileprivate func evaluate(_ subject: Expression.Subject) -> JSON {
        switch self {
        case .literal(let value): return value
        case .field(let steps): return Expression.Term.look(up: steps, in: subject.value)
        case .item(.sequence): return .integer(subject.sequence)
        case .item(.key): return .string(subject.key)
        case .item(.source): return .string(subject.source)
        case .not(let term):
            guard case .bool(let value) = term.evaluate(subject) else { return .null }
            return .bool(!value)
        case .negative(let term): return Expression.Term.arithmetic(.minus, .integer(0), term.evaluate(subject))
        case .binary(.or, let left, let right):
            return left.evaluate(subject) == true ? true : right.evaluate(subject)
        case .binary(.and, let left, let right):
            return left.evaluate(subject) == false ? false : right.evaluate(subject)
        case .binary(let op, let left, let right):
            let (a, b) = (left.evaluate(subject), right.evaluate(subject))
            return op.precedence == 4 ? Expression.Term.compare(op, a, b) : Expression.Term.arithmetic(op, a, b)
        case .call(let function, let arguments): return function.apply(arguments.map { $0.evaluate(subject) })
        }
    }

    private static func look(up steps: [Expression.Step], in value: JSON) -> JSON {
        var value = value
        for step in steps {
            switch (step, value) {
            case (.member(let name), .object): value = value[name] ?? .null
            case (.element(let index), .array(let elements)) where index < elements.count: value = elements[index]
            default: return .null
            }
        }
        return value
    }

    private static func compare(_ op: Expression.Operator, _ a: JSON, _ b: JSON) -> JSON {
        if op == .equal || op == .unequal {
            if case .integer(let a) = a, case .integer(let b) = b { return .bool((a == b) == (op == .equal)) }
            let isEqual = a.double.flatMap { a in b.double.map { a == $0 } } ?? (a == b)
            return .bool(isEqual == (op == .equal))
        }
        func ordered<Value: Comparable>(_ a: Value, _ b: Value) -> JSON {
            switch op {
            case .below: .bool(a < b)
            case .atMost: .bool(a <= b)
            case .above: .bool(a > b)
            default: .bool(a >= b)
            }
        }
        if case .integer(let a) = a, case .integer(let b) = b { return ordered(a, b) }
        if let a = a.double, let b = b.double { return ordered(a, b) }
        if case .string(let a) = a, case .string(let b) = b { return ordered(a, b) }
        return .null
    }

    private static func arithmetic(_ op: Expression.Operator, _ a: JSON, _ b: JSON) -> JSON {
        if op == .plus, case .string(let a) = a, case .string(let b) = b { return .string(a + b) }
        if case .integer(let a) = a, case .integer(let b) = b, let exact = exact(op, a, b) { return .integer(exact) }
        guard let a = a.double, let b = b.double else { return .null }
        let value: Double =
            switch op {
            case .plus: a + b
            case .minus: a - b
            case .times: a * b
            case .over: a / b
            default: a.truncatingRemainder(dividingBy: b)
            }
        return value.isFinite ? .number(value) : .null
    }

    /// The whole result of two whole numbers, where there is one that fits.
    private static func exact(_ op: Expression.Operator, _ a: Int, _ b: Int) -> Int? {
        let (value, overflow): (Int, Bool)
        switch op {
        case .plus: (value, overflow) = a.addingReportingOverflow(b)
        case .minus: (value, overflow) = a.subtractingReportingOverflow(b)
        case .times: (value, overflow) = a.multipliedReportingOverflow(by: b)
        case .over:
            let (quotient, rest) = b == 0 || b == -1 ? (0, 1) : a.quotientAndRemainder(dividingBy: b)
            (value, overflow) = (quotient, rest != 0)
        default: (value, overflow) = b == 0 || b == -1 ? (0, b == 0) : (a % b, false)
        }
        return overflow ? nil : value
    }
}

extension Expression.Function {
    fileprivate func apply(_ values: [JSON]) -> JSON {
        let first = values.first ?? .null
        let second = values.count > 1 ? values[1] : .null
        switch self {
        case .lower: return first.string.map { .string($0.lowercased()) } ?? .null
        case .upper: return first.string.map { .string($0.uppercased()) } ?? .null
        case .length:
            switch first {
            case .string(let text): return .integer(text.count)
            case .array(let elements): return .integer(elements.count)
            case .object(let members): return .integer(members.count)
            default: return .null
            }
        case .abs: return first.rounded { $0.magnitude }
        case .round: return first.rounded { $0.rounded() }
        case .floor: return first.rounded { $0.rounded(.down) }
        case .number:
            return first.double.map { .number($0) } ?? first.string.flatMap(Double.number).map { .number($0) } ?? .null
        case .text: return .string(first.string ?? first.text())
        case .has: return .bool(first != .null)
        case .contains:
            if case .array(let elements) = first { return .bool(elements.contains(second)) }
            return pair(first, second) { $0.contains($1) }
        case .startsWith: return pair(first, second) { $0.hasPrefix($1) }
        case .endsWith: return pair(first, second) { $0.hasSuffix($1) }
        case .min, .max:
            guard let a = first.double, let b = second.double else { return .null }
            return (a < b) == (self == .min) ? first : second
        case .default: return first == .null ? second : first
        }
    }

    private func pair(_ a: JSON, _ b: JSON, _ test: (String, String) -> Bool) -> JSON {
        guard let a = a.string, let b = b.string else { return .null }
        return .bool(test(a, b))
    }
}

extension JSON {
    fileprivate func rounded(_ change: (Double) -> Double) -> JSON {
        switch self {
        case .integer(let value): change(-1) < 0 ? self : .integer(value == .min ? .max : Swift.abs(value))
        case .number(let value): .number(change(value))
        default: .null
        }
    }
}
