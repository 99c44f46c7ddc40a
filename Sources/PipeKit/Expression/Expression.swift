import PipeCore

/// A small expression over the values of an item: `temperature > 30 and sensor != "test"`.
///
/// Parsed and checked when the graph is checked, so that a slip is found with its column. There is nothing in it that
/// could fail to end: no loops, no definitions.
///
///     or, and, not      ==  !=  <  <=  >  >=      +  -  *  /  %      (…)
///     temperature       a value of the item; user.name, rows[0] and user["full name"] look inside
///     item.sequence     also item.key, item.source
///     12, 0.5, "text", true, false, null
///     lower(x) upper(x) length(x) abs(x) round(x) floor(x) number(x) text(x) has(x)
///     contains(x, y) starts_with(x, y) ends_with(x, y) min(x, y) max(x, y) default(x, y)
public struct Expression: OptionValue {
    public let written: String
    let root: Term

    public static var kind: OptionKind { .expression }

    public static func read(_ node: Node, _ reader: Reader) -> Expression? {
        if case .scalar("null", _) = node.content { return Expression(written: "null", root: .literal(.null)) }
        guard let text = reader.text(node, wanted: "an expression") else { return nil }
        do throws(ExpressionError) {
            var parser = ExpressionParser(text.text)
            return Expression(written: text.text, root: try parser.parse())
        } catch {
            let place = text.isFilled ? node.place : node.place(from: error.offset, length: error.length)
            reader.diagnostics.error(
                .badExpression,
                at: place,
                error.message,
                hint: error.suggestion.map { "did you mean '\($0)'?" } ?? error.help,
                suggestion: error.suggestion
            )
            return nil
        }
    }

    indirect enum Term: Sendable {
        case literal(JSON)
        case field([Step])
        case item(ItemProperty)
        case not(Term)
        case negative(Term)
        case binary(Operator, Term, Term)
        case call(Function, [Term])
    }

    enum Step: Sendable {
        case member(String)
        case element(Int)
    }

    enum ItemProperty: String, CaseIterable {
        case sequence, key, source
    }

    enum Operator: String, CaseIterable {
        case or, and
        case equal = "==", unequal = "!="
        case below = "<", atMost = "<=", above = ">", atLeast = ">="
        case plus = "+", minus = "-", times = "*", over = "/", modulo = "%"

        var precedence: Int {
            switch self {
            case .or: 1
            case .and: 2
            case .equal, .unequal, .below, .atMost, .above, .atLeast: 4
            case .plus, .minus: 5
            case .times, .over, .modulo: 6
            }
        }
    }

    enum Function: String, CaseIterable {
        case lower, upper, length, abs, round, floor, number, text, has
        case contains
        case startsWith = "starts_with"
        case endsWith = "ends_with"
        case min, max
        case `default`

        var arguments: Int {
            switch self {
            case .lower, .upper, .length, .abs, .round, .floor, .number, .text, .has: 1
            default: 2
            }
        }
    }
}

extension Expression {
    /// Parses an expression outside a graph, for a flag of a command.
    public init(_ text: String) throws(ExpressionError) {
        var parser = ExpressionParser(text)
        (written, root) = (text, try parser.parse())
    }
}

/// What is wrong with an expression, and where in its text.
public struct ExpressionError: Error {
    /// From the start of the text, in Unicode scalars.
    public var offset: Int
    public var length: Int
    public var message: String
    public var help: String?
    public var suggestion: String?
}
