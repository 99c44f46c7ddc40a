import PipeCore

/// Reads expressions by operator precedence, with a bound on their depth.
struct ExpressionParser {
    private struct Token {
        enum Kind: Equatable {
            case name(String), integer(Int), number(Double), string(String), symbol(String), end
        }

        var kind: Kind
        var offset: Int
        var length: Int
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var token = Token(kind: .end, offset: 0, length: 1)
    private var depth = 0

    private static let deepest = 64
    private static let longest = 4096
    /// How other languages write what has one form here.
    private static let foreign = [
        "=": "==", "&&": "and", "||": "or", "!": "not", "&": "and", "|": "or", "<>": "!=", "===": "==",
        "=>": ">=", "=<": "<=", "=!": "!=", "is": "==", "≥": ">=", "≤": "<=", "≠": "!=",
    ]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(ExpressionError) -> Expression.Term {
        guard scalars.count <= Self.longest else {
            throw error(0, 1, "an expression has \(Self.longest) characters at most")
        }
        try advance()
        let term = try expression(above: 0)
        guard token.kind == .end else {
            var error = unexpected("an operator belongs here")
            if case .name(let name) = token.kind {
                error.suggestion = Suggestion.best(for: name, among: ["and", "or"])
            }
            error.help = "join values with and, or, ==, !=, <, <=, >, >=, +, -, *, / or %"
            throw error
        }
        return term
    }

    // MARK: Grammar

    private mutating func expression(above precedence: Int) throws(ExpressionError) -> Expression.Term {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            throw error(token.offset, token.length, "the expression is nested more than \(Self.deepest) deep")
        }
        var left = try prefix()
        while let op = try infix(), op.precedence > precedence {
            let sign = token
            try advance()
            let right = try expression(above: op.precedence)
            if op.precedence == 4, let next = try infix(), next.precedence == 4 {
                throw error(
                    token.offset,
                    token.length,
                    "comparisons do not chain",
                    help: "write 'a \(op.rawValue) b and b \(next.rawValue) c'"
                )
            }
            if case .literal(.integer(0)) = right, op == .over || op == .modulo {
                throw error(sign.offset, sign.length, "this divides by zero", help: "divide by something else")
            }
            left = .binary(op, left, right)
        }
        return left
    }

    /// The operator at hand, or nil where there is none.
    private func infix() throws(ExpressionError) -> Expression.Operator? {
        let text: String
        switch token.kind {
        case .name(let name): text = name
        case .symbol(let symbol): text = symbol
        case .integer, .number, .string, .end: return nil
        }
        if let op = Expression.Operator(rawValue: text) { return op }
        if let meant = Self.foreign[text] ?? Self.foreign[text.lowercased()] {
            throw error(token.offset, token.length, "'\(text)' is not an operator here", suggestion: meant)
        }
        return nil
    }

    private mutating func prefix() throws(ExpressionError) -> Expression.Term {
        let start = token
        switch start.kind {
        case .integer(let value):
            try advance()
            return .literal(.integer(value))
        case .number(let value):
            try advance()
            return .literal(.number(value))
        case .string(let text):
            try advance()
            return .literal(.string(text))
        case .symbol("-"):
            try advance()
            return .negative(try expression(above: 6))
        case .symbol("("):
            try advance()
            let inner = try expression(above: 0)
            guard token.kind == .symbol(")") else {
                throw error(start.offset, 1, "this '(' is not closed", help: "add the closing ')'")
            }
            try advance()
            return inner
        case .name("not"):
            try advance()
            return .not(try expression(above: 3))
        case .symbol("!"):
            throw error(start.offset, 1, "'!' is not an operator here", suggestion: "not")
        case .name(let name):
            try advance()
            return token.kind == .symbol("(") ? try call(name, start) : try value(name, start)
        case .end:
            throw error(start.offset, 1, "a value is missing here", help: "write a name, a number or a \"text\"")
        case .symbol:
            throw unexpected("a value belongs here")
        }
    }

    private mutating func value(_ name: String, _ start: Token) throws(ExpressionError) -> Expression.Term {
        switch name {
        case "true": return .literal(true)
        case "false": return .literal(false)
        case "null": return .literal(.null)
        case "and", "or": throw error(start.offset, start.length, "a value is missing before '\(name)'")
        case "None", "nil", "Null", "NULL", "undefined", "True", "TRUE", "False", "FALSE":
            let meant = name.lowercased().hasPrefix("t") ? "true" : name.lowercased().hasPrefix("f") ? "false" : "null"
            throw error(start.offset, start.length, "'\(name)' is no value here", suggestion: meant)
        default: break
        }
        var steps: [Expression.Step] = [.member(name)]
        while true {
            if token.kind == .symbol(".") {
                try advance()
                guard case .name(let member) = token.kind else { throw unexpected("a name belongs behind the '.'") }
                steps.append(.member(member))
                try advance()
            } else if token.kind == .symbol("[") {
                try advance()
                let step: Expression.Step
                switch token.kind {
                case .integer(let index): step = .element(index)
                case .string(let name): step = .member(name)
                default: throw unexpected("the number of an element, or a \"name\", belongs in the brackets")
                }
                try advance()
                guard token.kind == .symbol("]") else { throw unexpected("a ']' belongs here") }
                steps.append(step)
                try advance()
            } else {
                break
            }
        }
        if token.kind == .symbol("("), case .member(let method)? = steps.last {
            throw error(
                start.offset,
                token.offset - start.offset,
                "values have no methods",
                help: "write '\(method)(…)' with the value as the first argument"
            )
        }
        guard name == "item" else { return .field(steps) }
        let known = Expression.ItemProperty.allCases.map(\.rawValue)
        guard steps.count == 2, case .member(let property) = steps[1] else {
            throw error(
                start.offset,
                start.length,
                "'item' has \(known.joined(separator: ", "))",
                help: "write item.sequence"
            )
        }
        guard let found = Expression.ItemProperty(rawValue: property) else {
            throw error(
                start.offset,
                property.unicodeScalars.count + 5,
                "an item has no '\(property)'",
                help: "use one of \(known.map { "item.\($0)" }.joined(separator: ", "))",
                suggestion: Suggestion.best(for: property, among: known).map { "item.\($0)" }
            )
        }
        return .item(found)
    }

    private mutating func call(_ name: String, _ start: Token) throws(ExpressionError) -> Expression.Term {
        let known = Expression.Function.allCases.map(\.rawValue)
        guard let function = Expression.Function(rawValue: name) else {
            throw error(
                start.offset,
                start.length,
                "there is no function '\(shortened(name))'",
                help: "use one of \(known.joined(separator: ", "))",
                suggestion: Suggestion.best(for: name, among: known)
            )
        }
        try advance()
        var arguments: [Expression.Term] = []
        while token.kind != .symbol(")") {
            if !arguments.isEmpty {
                guard token.kind == .symbol(",") else {
                    var error = unexpected("a ',' or ')' belongs here")
                    if token.kind == .end {
                        error.help = "inside '{…}' a comma ends a value: put the expression in quotes"
                    }
                    throw error
                }
                try advance()
            }
            arguments.append(try expression(above: 0))
        }
        try advance()
        guard arguments.count == function.arguments else {
            let wanted = function.arguments == 1 ? "one value" : "two values"
            throw error(
                start.offset,
                start.length,
                "'\(name)' takes \(wanted), and here are \(arguments.count)",
                help: "write \(name)(\(function.arguments == 1 ? "x" : "x, y"))"
            )
        }
        return .call(function, arguments)
    }

    // MARK: Words

    private mutating func advance() throws(ExpressionError) {
        while position < scalars.count, Self.isBlank(scalars[position]) { position += 1 }
        let start = position
        guard start < scalars.count else {
            token = Token(kind: .end, offset: max(0, start - 1), length: 1)
            return
        }
        let kind: Token.Kind
        switch scalars[start] {
        case "0"..."9": kind = try number()
        case "\"", "'": kind = .string(try string())
        case let first where Self.beginsName(first):
            while position < scalars.count, Self.continuesName(scalars[position]) { position += 1 }
            kind = .name(text(from: start))
        default: kind = .symbol(try symbol())
        }
        token = Token(kind: kind, offset: start, length: position - start)
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            ? scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" : scalar.properties.isWhitespace
    }

    private static func beginsName(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_" }
        return scalar.properties.isAlphabetic
    }

    private static func continuesName(_ scalar: Unicode.Scalar) -> Bool {
        beginsName(scalar) || ("0"..."9").contains(scalar)
    }

    private mutating func number() throws(ExpressionError) -> Token.Kind {
        let start = position
        while position < scalars.count,
            ("0"..."9").contains(scalars[position]) || "._eE".unicodeScalars.contains(scalars[position])
        {
            position += 1
        }
        guard let value = Double.number(text(from: start)) else {
            throw error(
                start,
                position - start,
                "'\(text(from: start))' is not a number",
                help: "write digits, such as 12 or 0.5"
            )
        }
        if position < scalars.count, Self.beginsName(scalars[position]) {
            throw error(
                start,
                position - start + 1,
                "a unit cannot stand in an expression",
                help: "write the number in the unit of the field"
            )
        }
        // Whole numbers stay whole: 64-bit identities and times do not fit a Double.
        return Int(text(from: start).filter { $0 != "_" }).map { .integer($0) } ?? .number(value)
    }

    private mutating func string() throws(ExpressionError) -> String {
        let start = position
        let quote = scalars[start]
        var value = String.UnicodeScalarView()
        position += 1
        while position < scalars.count, scalars[position] != quote {
            if scalars[position] == "\\", position + 1 < scalars.count { position += 1 }
            value.append(scalars[position])
            position += 1
        }
        guard position < scalars.count else {
            throw error(start, 1, "this quote is not closed", help: "add the closing \(quote)")
        }
        position += 1
        return String(value)
    }

    private mutating func symbol() throws(ExpressionError) -> String {
        let first = scalars[position]
        let second = position + 1 < scalars.count ? scalars[position + 1] : " "
        let third = position + 2 < scalars.count ? scalars[position + 2] : " "
        let text: String
        switch (first, second, third) {
        case ("=", "=", "="): text = "==="
        case ("=", "=", _): text = "=="
        case ("=", ">", _): text = "=>"
        case ("=", "<", _): text = "=<"
        case ("=", "!", _): text = "=!"
        case ("≥", _, _), ("≤", _, _), ("≠", _, _): text = String(first)
        case ("!", "=", _): text = "!="
        case ("<", "=", _): text = "<="
        case (">", "=", _): text = ">="
        case ("<", ">", _): text = "<>"
        case ("&", "&", _): text = "&&"
        case ("|", "|", _): text = "||"
        default:
            guard first.isASCII, "()[],.=<>+-*/%!&|".unicodeScalars.contains(first) else {
                let isQuote = (0x2018...0x201f).contains(first.value)
                throw error(
                    position,
                    1,
                    "'\(Character(first))' has no meaning in an expression",
                    help: isQuote
                        ? "use straight quotes: \"text\""
                        : "use names, numbers, \"texts\", and, or, not and the signs of arithmetic"
                )
            }
            text = String(first)
        }
        position += text.unicodeScalars.count
        return text
    }

    private func text(from start: Int) -> String { String(String.UnicodeScalarView(scalars[start..<position])) }

    private func unexpected(_ message: String) -> ExpressionError {
        token.kind == .end
            ? error(token.offset, 1, "\(message), and the expression ends") : error(token.offset, token.length, message)
    }

    private func error(
        _ offset: Int,
        _ length: Int,
        _ message: String,
        help: String? = nil,
        suggestion: String? = nil
    ) -> ExpressionError {
        ExpressionError(offset: offset, length: length, message: message, help: help, suggestion: suggestion)
    }
}
