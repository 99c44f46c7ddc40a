/// What is wrong with a text that should be JSON, and where.
public struct JSONError: Error, Sendable, CustomStringConvertible {
    public let message: String
    /// Bytes from the start.
    public let offset: Int

    public var description: String { "\(message) at byte \(offset + 1)" }
}

extension JSON {
    /// Reads a JSON text (RFC 8259). Nesting is bounded, so that no input can exhaust the stack.
    public init(parsing text: String) throws(JSONError) {
        var parser = JSONParser(bytes: Array(text.utf8))
        self = try parser.parse()
    }

    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.parse()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    private var place = 0
    private static let deepest = 256

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() throws(JSONError) -> JSON {
        let result = try value(depth: 0)
        skipBlanks()
        guard place == bytes.count else { throw problem("something follows the value") }
        return result
    }

    private func problem(_ message: String) -> JSONError { JSONError(message: message, offset: place) }

    private var current: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        skipBlanks()
        guard depth < Self.deepest else { throw problem("more than \(Self.deepest) levels") }
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw problem("the text ends where a value belongs")
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let matches = word.withUTF8Buffer { bytes[place...].starts(with: $0) }
        guard matches else { throw problem("this is no value") }
        place += word.utf8CodeUnitCount
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        place += 1
        var members: [JSON.Member] = []
        skipBlanks()
        if current == UInt8(ascii: "}") {
            place += 1
            return .object([])
        }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw problem("a name in quotes belongs here") }
            let key = try string()
            skipBlanks()
            guard current == UInt8(ascii: ":") else { throw problem("a ':' belongs here") }
            place += 1
            members.append(JSON.Member(key, try value(depth: depth + 1)))
            if try endsList(with: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        place += 1
        var values: [JSON] = []
        skipBlanks()
        if current == UInt8(ascii: "]") {
            place += 1
            return .array([])
        }
        while true {
            values.append(try value(depth: depth + 1))
            if try endsList(with: UInt8(ascii: "]")) { return .array(values) }
        }
    }

    private mutating func endsList(with end: UInt8) throws(JSONError) -> Bool {
        skipBlanks()
        guard let byte = current, byte == end || byte == UInt8(ascii: ",") else {
            throw problem("a ',' or '\(Character(UnicodeScalar(end)))' belongs here")
        }
        place += 1
        return byte == end
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = place
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        if current == UInt8(ascii: "-") { place += 1 }
        guard isDigit(current) else { throw problem("this is no value") }
        if current == UInt8(ascii: "0") { place += 1 } else { while isDigit(current) { place += 1 } }
        var isWhole = true
        if current == UInt8(ascii: ".") {
            isWhole = false
            place += 1
            guard isDigit(current) else { throw problem("a digit belongs behind the '.'") }
            while isDigit(current) { place += 1 }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isWhole = false
            place += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { place += 1 }
            guard isDigit(current) else { throw problem("a digit belongs into the exponent") }
            while isDigit(current) { place += 1 }
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, let whole = Int(text) { return .integer(whole) }
        guard let number = Double(text), number.isFinite else { throw problem("the number is too large") }
        return .number(number)
    }

    private mutating func string() throws(JSONError) -> String {
        place += 1
        let start = place
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        var text = bytes[start..<place]
        guard current != UInt8(ascii: "\"") else {
            place += 1
            return String(decoding: text, as: UTF8.self)
        }
        while let byte = current {
            guard byte >= 0x20 else { throw problem("a control character belongs into an escape") }
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            default: text.append(byte)
            }
        }
        throw problem("the text ends within quotes")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = current else { throw problem("the text ends within an escape") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var code = try hex()
            if (0xD800...0xDBFF).contains(code), bytes[place...].starts(with: "\\u".utf8) {
                let back = place
                place += 2
                let low = try hex()
                if (0xDC00...0xDFFF).contains(low) {
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    place = back
                }
            }
            return Array(String(UnicodeScalar(code) ?? "\u{FFFD}").utf8)
        default:
            place -= 1
            throw problem("there is no such escape")
        }
    }

    private mutating func hex() throws(JSONError) -> UInt32 {
        guard place + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16),
            bytes[place] != UInt8(ascii: "+"), bytes[place] != UInt8(ascii: "-")
        else { throw problem("four hexadecimal digits belong here") }
        place += 4
        return code
    }
}
