import PipeCore

/// What a client asks of a run: one JSON object on a line.
///
///     {"id": 1, "do": "snapshot"}
///     {"id": 1, "ok": {…}}
///     {"id": 2, "do": "tap", "link": "camera -> fit"}
///     {"id": 2, "event": {…}}
struct Request {
    enum Refusal: Error {
        case message(String, hint: String? = nil)
    }

    let id: JSON
    let verb: String
    let arguments: JSON

    /// The longest line that is read.
    static let mostBytes = 64 << 10

    init(_ line: some Collection<UInt8>) throws(Refusal) {
        guard let json = try? JSON(parsing: line), case .object = json else {
            throw .message("a request is a JSON object on one line", hint: #"such as {"do": "snapshot"}"#)
        }
        switch json["id"] {
        case nil: id = .null
        case .string(let text)? where text.utf8.count <= 64: id = .string(text)
        case .integer(let number)?: id = .integer(number)
        case .null?: id = .null
        default: throw .message("'id' is a number or a short text")
        }
        guard let verb = json["do"]?.string else { throw .message("'do' is missing", hint: "'do': 'help' lists them") }
        self.verb = verb
        arguments = json
    }

    func text(_ name: String) throws(Refusal) -> String? {
        guard let value = arguments[name], value != .null else { return nil }
        guard case .string(let text) = value, text.utf8.count <= 4096 else { throw .message("'\(name)' is a text") }
        return text
    }

    func count(_ name: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let value = arguments[name], value != .null else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            let most = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
            throw .message("'\(name)' is a number from \(range.lowerBound) \(most)")
        }
        return number
    }

    func seconds(_ name: String, _ range: ClosedRange<Double>) throws(Refusal) -> Duration? {
        let seconds: Double
        switch arguments[name] {
        case nil, .null?: return nil
        case .integer(let number)?: seconds = Double(number)
        case .number(let number)?: seconds = number
        default: throw .message("'\(name)' is a number of seconds")
        }
        guard range.contains(seconds) else {
            throw .message("'\(name)' is a number of seconds from \(range.lowerBound) to \(range.upperBound)")
        }
        return .seconds(seconds)
    }

    func texts(_ name: String) throws(Refusal) -> [String] {
        guard let value = arguments[name], value != .null else { return [] }
        guard case .array(let values) = value, values.count <= 1000 else {
            throw .message("'\(name)' is a list of texts")
        }
        var texts: [String] = []
        for value in values {
            guard case .string(let text) = value, !text.isEmpty, text.utf8.count <= 256 else {
                throw .message("'\(name)' is a list of texts")
            }
            texts.append(text)
        }
        return texts
    }

    func flag(_ name: String) throws(Refusal) -> Bool {
        switch arguments[name] {
        case nil, .null?: return false
        case .bool(let isSet)?: return isSet
        default: throw .message("'\(name)' is true or false")
        }
    }
}

/// One line to a client.
enum Answer {
    static func ok(_ id: JSON, _ value: JSON) -> JSON { ["id": id, "ok": value] }
    static func event(_ id: JSON, _ value: JSON) -> JSON { ["id": id, "event": value] }

    static func refusal(_ id: JSON, _ message: String, hint: String? = nil) -> JSON {
        ["id": id, "error": .compact(["message": .string(message), "hint": hint.map { .string($0) }])]
    }
}
