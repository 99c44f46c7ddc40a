import Testing

@testable import PipeCore

struct JSONTests {
    @Test(
        arguments: [
            ("null", .null), (" true\n", .bool(true)), ("\tfalse\r", .bool(false)),
            ("0", 0), ("-0", 0), ("-12", -12), ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.0", 1.0), ("-0.0", -0.0),
            ("1e2", 100.0), ("1E+2", 100.0), ("25e-1", 2.5), ("5e-324", .number(.leastNonzeroMagnitude)),
            ("1e-400", 0.0),
            ("[]", []), ("[ ]", []), ("[1,[2],{}]", [1, [2], [:]]),
            ("{}", [:]), ("{\"a\":1,\"a\":2}", ["a": 1, "a": 2]), ("{ \"\" : null }", ["": nil]),
            ("\"\"", ""), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{c}\n\r\t"),
            ("\"\\u0041\\u00e9\\u20AC\"", "Aé€"), ("\"\\uD83D\\uDE00\"", "😀"), ("\"\\u0000\"", "\0"),
            ("\"\\uD800\"", "\u{FFFD}"), ("\"\\uDC00x\"", "\u{FFFD}x"), ("\"\\uD800\\u0041\"", "\u{FFFD}A"),
            ("\"\\uD800\\uD83D\\uDE00\"", "\u{FFFD}😀"), ("\"\u{7f}é日😀\"", "\u{7f}é日😀"),
        ] as [(String, JSON)]
    )
    func `a text is read as its value`(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text) == value)
        #expect(try JSON(parsing: Array(text.utf8)) == value)
    }

    @Test(arguments: [
        ("", 0, "ends"), ("  ", 2, "ends"), ("nul", 0, "no value"), ("True", 0, "no value"), ("truex", 4, "follows"),
        ("1 2", 2, "follows"), ("01", 1, "follows"), ("-", 1, "no value"), ("+1", 0, "no value"), (".5", 0, "no value"),
        ("1.", 2, "digit"), ("1.e2", 2, "digit"), ("1e", 2, "digit"), ("1e+", 3, "digit"), ("1e400", 5, "too large"),
        ("NaN", 0, "no value"), ("0x10", 1, "follows"), ("[", 1, "ends"), ("[1", 2, "','"), ("[1,]", 3, "no value"),
        ("[,1]", 1, "no value"), ("[1}", 2, "']'"), ("{", 1, "name"), ("{a:1}", 1, "name"), ("{\"a\"}", 4, "':'"),
        ("{\"a\":}", 5, "no value"), ("{\"a\":1,}", 7, "name"), ("{\"a\":1 \"b\":2}", 7, "','"),
        ("\"", 1, "within quotes"), ("\"a", 2, "within quotes"), ("\"a\\", 3, "within an escape"),
        ("\"\\x\"", 2, "no such escape"), ("\"\\u12\"", 3, "hexadecimal"), ("\"\\u+123\"", 3, "hexadecimal"),
        ("\"\\u-000\"", 3, "hexadecimal"), ("\"\\u00é\"", 3, "hexadecimal"), ("\"\\uD800\\u12\"", 9, "hexadecimal"),
        ("\"a\nb\"", 2, "control"), ("\"\\t\u{1}\"", 3, "control"), ("\u{FEFF}1", 0, "no value"),
        ("'a'", 0, "no value"),
        ("// 1", 0, "no value"), ("\u{A0}1", 0, "no value"),
    ])
    func `what is no JSON is said, with its place`(text: String, offset: Int, message: String) throws {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error.map { "\($0)".hasSuffix("at byte \(offset + 1)") } == true)
    }

    @Test func `nesting is bounded, however deep it is`() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(try JSON(parsing: nested(256)).text() == nested(256))
        for deep in [nested(257), nested(1_000_000), String(repeating: "{\"a\":", count: 500_000)] {
            let error = #expect(throws: JSONError.self) { try JSON(parsing: deep) }
            #expect(error?.message.contains("256 levels") == true)
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `what is written is read back`(seed: UInt64) throws {
        var chance = RandomSource(seed: seed)
        let value = draw(depth: 0, &chance)
        #expect(try JSON(parsing: value.text()) == value)
        #expect(try JSON(parsing: value.text(pretty: true)) == value)
    }

    /// Whatever stands there, it is a value or an error.
    @Test func `no bytes break the reader`() {
        let parts = ["{", "}", "[", "]", "\"", "\\", ":", ",", "\\u", "D8", "00", "-", "1", ".", "e", "true", " ", "é"]
        for seed in 0..<5000 as Range<UInt64> {
            var chance = RandomSource(seed: seed)
            var bytes = (0..<Int.random(in: 0...12, using: &chance)).flatMap { _ in Array(parts.any(&chance).utf8) }
            if seed % 3 == 0 { bytes.append(UInt8.random(in: 128...255, using: &chance)) }
            guard let value = try? JSON(parsing: bytes) else { continue }
            #expect((try? JSON(parsing: value.text())) == value, "seed \(seed)")
        }
    }

    private func draw(depth: Int, _ chance: inout RandomSource) -> JSON {
        switch Int.random(in: 0..<(depth > 4 ? 6 : 8), using: &chance) {
        case 0: return .null
        case 1: return .bool([true, false].any(&chance))
        case 2: return .integer(Int(truncatingIfNeeded: chance.next()) >> [0, 20, 60].any(&chance))
        case 3:
            let number = Double(bitPattern: chance.next())
            return .number(number.isFinite ? number : 0.1)
        case 4, 5: return .string(text(&chance))
        case 6: return .array((0..<Int.random(in: 0...4, using: &chance)).map { _ in draw(depth: depth + 1, &chance) })
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &chance)).map { _ in
                    JSON.Member(text(&chance), draw(depth: depth + 1, &chance))
                }
            )
        }
    }

    private func text(_ chance: inout RandomSource) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "\"", "\\", "/", "\n", "\0", "\u{1f}", "\u{7f}", "é", "\u{301}", "\u{2028}", "😀",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...6, using: &chance) { text.unicodeScalars.append(scalars.any(&chance)) }
        return text
    }
}
