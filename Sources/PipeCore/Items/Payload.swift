/// What an item carries. A payload type is declared once, by PipeCore or a plugin, and known by its name in graphs,
/// drawings and reports.
///
/// A value of up to 24 bytes travels in place; a larger one is boxed when it is sent, which costs an allocation. What is
/// large belongs behind a reference.
public protocol Payload: Sendable {
    static var payload: PayloadInfo { get }

    /// The memory that it holds, in bytes: what `max_bytes` of a link counts.
    var byteCount: Int { get }
    /// What expressions, `jsonl_file` and `tap` see of it.
    var described: JSON { get }

    /// All that there is to it, for a recording of a run; nil where that cannot be said in bytes.
    var recorded: [UInt8]? { get }
    /// The payload of such bytes.
    static func restored(_ bytes: [UInt8]) -> Self?

    /// A payload of a value that stands in a graph's test; nil where there is none.
    static func read(_ value: JSON) -> Self?
    /// The n-th of a series, for tests that send so many and do not care what; nil where there is none.
    static func sample(_ number: Int) -> Self?

    /// Moves the payload out of a slot that is known to hold one. Not to be implemented.
    static func take(from slot: UnsafeMutablePointer<Slot>) -> Self
    /// Writes the payload into a slot that holds none, and its kind and size. Not to be implemented.
    consuming func put(into slot: UnsafeMutablePointer<Slot>)
}

extension Payload {
    @inlinable public var byteCount: Int { MemoryLayout<Self>.size }
    public var recorded: [UInt8]? { nil }
    public static func restored(_ bytes: [UInt8]) -> Self? { nil }
    public static func read(_ value: JSON) -> Self? { nil }
    public static func sample(_ number: Int) -> Self? { nil }
}

/// A payload that can be saved as a picture: what `pipe tap --save` writes.
public protocol Pictured: Payload {
    /// A file that others can open, and the ending of its name.
    var pictureFile: (bytes: [UInt8], ending: String)? { get }
}

public struct PayloadInfo: Sendable, Hashable {
    public let name: String
    public let summary: String
    /// The most memory one item of it may take, unless the stage that sends it states less. `limits.memory` is
    /// checked against it.
    public let worstCase: ByteCount

    public init(_ name: String, _ summary: String, worstCase: ByteCount) {
        self.name = name
        self.summary = summary
        self.worstCase = worstCase
    }
}

/// A payload of any type, in the ports of a stage that does not look inside: a filter, a null sink.
public struct AnyPayload: Payload {
    public static let payload = PayloadInfo("any", "Any payload.", worstCase: .mebibytes(1))

    public let value: any Payload

    public init(_ value: any Payload) { self.value = value }

    public var byteCount: Int { value.byteCount }
    public var described: JSON { value.described }

    public static func take(from slot: UnsafeMutablePointer<Slot>) -> AnyPayload {
        AnyPayload(PayloadType[slot.pointee.header.kind].take(slot))
    }

    public consuming func put(into slot: UnsafeMutablePointer<Slot>) { value.put(into: slot) }
}

/// One line of text.
public struct Text: Payload, Hashable {
    public static let payload = PayloadInfo("text", "One line of text.", worstCase: .kibibytes(64))

    public var value: String

    public init(_ value: String) { self.value = value }

    public var byteCount: Int { value.utf8.count }
    public var described: JSON { ["text": .string(value)] }
    public var recorded: [UInt8]? { Array(value.utf8) }
    public static func restored(_ bytes: [UInt8]) -> Text? { Text(String(decoding: bytes, as: UTF8.self)) }

    public static func read(_ value: JSON) -> Text? {
        switch value {
        case .string(let text): Text(text)
        case .object: if case .string(let text)? = value["text"] { Text(text) } else { nil }
        case .null, .array: nil
        case .bool, .integer, .number: Text(value.text())
        }
    }

    public static func sample(_ number: Int) -> Text? { Text("line \(number)") }
}

/// Named values, as a JSON object has them.
public struct Document: Payload, Hashable {
    public static let payload = PayloadInfo("document", "Named values, like a JSON object.", worstCase: .kibibytes(64))

    public var value: JSON

    public init(_ value: JSON) { self.value = value }

    public var byteCount: Int { value.byteCount }
    public var described: JSON { value }

    public var recorded: [UInt8]? { Array(value.text().utf8) }
    public static func restored(_ bytes: [UInt8]) -> Document? { (try? JSON(parsing: bytes)).map { Document($0) } }

    public static func read(_ value: JSON) -> Document? {
        if case .object = value { Document(value) } else { nil }
    }

    public static func sample(_ number: Int) -> Document? { Document(["sequence": .integer(number)]) }
}

extension JSON {
    /// About the memory that the value takes.
    public var byteCount: Int {
        switch self {
        case .null, .bool, .integer, .number: 16
        case .string(let text): 16 + text.utf8.count
        case .array(let values): values.reduce(16) { $0 + $1.byteCount }
        case .object(let members): members.reduce(16) { $0 + $1.key.utf8.count + 16 + $1.value.byteCount }
        }
    }
}
