import PipeCore
import PipeKit
import Testing

struct ExpressionTests {
    static let order: JSON = [
        "total": 120, "name": "Anna", "tags": ["new", "large"], "user": ["age": 41], "ratio": 0.5, "paid": true,
        "note": nil,
    ]

    @Test(
        arguments: [
            ("total > 100 and paid", true), ("total > 100 and not paid", false), ("total / 8 == 15", 15 == 15),
            ("user.age >= 41", true), ("tags[1] == \"large\"", true), ("tags[9] == null", true),
            ("missing == null", true),
            ("contains(name, \"nn\")", true), ("contains(tags, 'new')", true), ("lower(name) == 'anna'", true),
            ("1 + 2 * 3 == 7", true), ("(1 + 2) * 3 == 9", true), ("-total < 0", true), ("10 % 4 == 2", true),
            ("name < 'Bob'", true), ("name < 5", false), ("item.sequence == 7 and item.key == 'k'", true),
            ("default(missing, 3) == 3", true), ("has(note)", false), ("length(tags) == 2", true),
            ("round(ratio) == 1", true),
            ("not missing", false), ("missing or paid", true), ("max(total, 200) == 200", true),
            ("'a' + 'b' == 'ab'", true),
            ("2 - 3 - 4 == -5", true), ("user[\"age\"] == 41", true),
            ("9007199254740993 == 9007199254740992", false), ("9007199254740993 > 9007199254740992", true),
            ("total == 120.0", true), ("number('2.5') == 2.5", true),
            ("text(total) == '120'", true),
        ] as [(String, Bool)]
    )
    func `expressions hold or do not`(text: String, expected: Bool) throws {
        let subject = Expression.Subject(value: Self.order, sequence: 7, key: "k", source: "s")
        #expect(try Expression(text).holds(for: subject) == expected)
    }

    @Test(
        arguments: [
            ("9223372036854775807 + 1 > 0", true), ("-9223372036854775807 - 1 < 0", true), ("1 / total > 0", true),
            ("total / zero == null", true), ("total % zero == null", true), ("7 / 2 == 3.5", true),
        ] as [(String, Bool)]
    )
    func `arithmetic neither wraps nor traps`(text: String, expected: Bool) throws {
        let subject = Expression.Subject(value: ["total": 120, "zero": 0])
        #expect(try Expression(text).holds(for: subject) == expected)
    }

    @Test func `the smallest integer divides by minus one`() throws {
        let subject = Expression.Subject(value: ["small": .integer(.min), "minus": -1])
        #expect(try Expression("small / minus > 0").holds(for: subject))
        #expect(try Expression("small % minus == 0").holds(for: subject))
        #expect(try Expression("abs(small) > 0").holds(for: subject))
    }

    @Test(
        arguments: [
            ("a = 1", 2, 1, "=="), ("a && b", 2, 2, "and"), ("a || b", 2, 2, "or"), ("!a", 0, 1, "not"),
            ("a adn b", 2, 3, "and"),
            ("lowr(a)", 0, 4, "lower"), ("item.sequense", 0, 13, "item.sequence"), ("a >", 2, 1, nil),
            ("(a", 0, 1, nil),
            ("a < b < c", 6, 1, nil), ("'abc", 0, 1, nil), ("lower(a, b)", 0, 5, nil), ("1 / 0", 2, 1, nil),
            ("5ms > 3", 0, 2, nil),
            ("a @ b", 2, 1, nil), ("", 0, 1, nil), ("and b", 0, 3, nil), ("a.5", 2, 1, nil), ("a[x]", 2, 1, nil),
            ("a == None", 5, 4, "null"), ("a => 1", 2, 2, ">="), ("a.b(1)", 0, 3, nil),
        ] as [(String, Int, Int, String?)]
    )
    func `a slip is found at its column`(text: String, offset: Int, length: Int, suggestion: String?) {
        let error = #expect(throws: ExpressionError.self) { try Expression(text) }
        #expect(error?.offset == offset)
        #expect(error?.length == length)
        #expect(error?.suggestion == suggestion)
    }

    @Test func `depth and length are bounded`() {
        #expect(throws: ExpressionError.self) { try Expression(String(repeating: "(", count: 4000)) }
        #expect(throws: ExpressionError.self) { try Expression(String(repeating: "not ", count: 1000)) }
        #expect(throws: ExpressionError.self) { try Expression(String(repeating: "a", count: 5000)) }
    }
}
