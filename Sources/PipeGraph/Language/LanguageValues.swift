import PipeKit

/// A part of the language that has more shape than one option: kept as written, and read by its own code.
struct Part<Name: PartName>: OptionValue {
    let node: Node

    static var kind: OptionKind { .part(Name.name) }

    static func read(_ node: Node, _ reader: Reader) -> Part? { Part(node: node) }

    var written: String { "…" }
}

/// The name under which the schema spells a part out.
protocol PartName: Sendable {
    static var name: String { get }
}

enum ParamsPart: PartName { static let name = "params" }
enum ParamValuesPart: PartName { static let name = "param_values" }
enum IncludesPart: PartName { static let name = "includes" }
enum StagesPart: PartName { static let name = "stages" }
enum FromPart: PartName { static let name = "from" }
enum TestsPart: PartName { static let name = "tests" }
enum ScalarPart: PartName { static let name = "scalar" }
enum FeedsPart: PartName { static let name = "feeds" }
enum LimitsPart: PartName { static let name = "limits" }
enum FaultPart: PartName { static let name = "fault" }
enum ExpectationPart: PartName { static let name = "expectation" }
enum ValuePart: PartName { static let name = "any_value" }

/// The name of a stage type. The plain word `null` is a name here, whatever YAML makes of it.
struct TypeName: OptionValue {
    let name: String
    let place: Place
    var isFilled = false

    static var kind: OptionKind { .part("type") }

    static func read(_ node: Node, _ reader: Reader) -> TypeName? {
        if case .scalar("null", _) = node.content { return TypeName(name: "null", place: node.place) }
        return reader.text(node, wanted: "the type of a stage").map {
            TypeName(name: $0.text, place: node.place, isFilled: $0.isFilled)
        }
    }

    var written: String { name }
}

/// How many copies of a part of a graph there are: a number, or a name for each.
struct Stations: OptionValue {
    let names: [String]
    let place: Place

    static let most = 10_000

    static var kind: OptionKind { .either(.integer, .list(.string)) }

    static func read(_ node: Node, _ reader: Reader) -> Stations? {
        if case .list(let nodes) = node.content {
            let names = nodes.map { ($0, String.read($0, reader)) }
            var seen: [String: Place] = [:]
            for (node, name) in names {
                guard let name else { return nil }
                if let first = seen.updateValue(node.place, forKey: name) {
                    reader.diagnostics.error(
                        .duplicateKey,
                        at: node.place,
                        "two stations are named '\(name)'",
                        hint: "give each a name of its own",
                        notes: [.init("first named here", at: first)]
                    )
                    return nil
                }
                _ = checkName(name, of: "a station", at: node.place, &reader.diagnostics, allowsDigitFirst: true)
            }
            if names.isEmpty {
                reader.diagnostics.error(
                    .missingValue,
                    at: node.place,
                    "the list of stations is empty",
                    hint: "name one"
                )
                return nil
            }
            guard names.count <= most else {
                reader.diagnostics.error(
                    .outOfRange,
                    at: node.place,
                    "\(names.count) stations are outside 1...\(most)",
                    hint: "name one station or more"
                )
                return nil
            }
            return Stations(names: names.compactMap(\.1), place: node.place)
        }
        if case .scalar(let text, _) = node.content, !node.isEmpty, text.allSatisfy({ $0.isLetter || $0 == "_" }) {
            reader.diagnostics.error(
                .wrongType,
                at: node.place,
                "'\(shortened(text))' is neither a number of stations nor a list of their names",
                hint: "write [\(text)] for one station of this name",
                suggestion: "[\(text)]"
            )
            return nil
        }
        guard let count = Int.read(node, reader) else { return nil }
        guard (1...most).contains(count) else {
            reader.diagnostics.error(
                .outOfRange,
                at: node.place,
                "'\(count)' is outside 1...\(most)",
                hint: "use from 1 to \(most) stations"
            )
            return nil
        }
        return Stations(names: (1...count).map(String.init), place: node.place)
    }

    var written: String { String(names.count) }
}

/// Names of stages, params and stations: letters, digits, '_' and '-'.
func checkName(
    _ name: String,
    of what: String,
    at place: Place,
    _ diagnostics: inout Diagnostics,
    allowsDigitFirst: Bool = false
) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z") }
    func isPart(_ byte: UInt8) -> Bool {
        isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }
    let first = name.utf8.first
    let starts = first.map { isLetter($0) || (allowsDigitFirst && isPart($0) && $0 != UInt8(ascii: "-")) } ?? false
    if starts, name.utf8.count <= 64, name.utf8.allSatisfy(isPart) { return true }
    var better = String(decoding: name.utf8.prefix(64).map { isPart($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    if let first = better.utf8.first, !isLetter(first) { better = "s" + better }
    diagnostics.error(
        .badName,
        at: place,
        name.isEmpty ? "the name of \(what) is empty" : "'\(shortened(name))' cannot be the name of \(what)",
        hint: "names are made of letters, digits, '_' and '-', begin with a letter and have 64 characters at most"
            + (name.isEmpty ? "" : ": '\(better)'"),
        suggestion: name.isEmpty ? nil : better
    )
    return false
}
