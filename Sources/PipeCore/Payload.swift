/// What an item carries. A payload type is declared once, by PipeCore or a plugin, and known by its name in graphs,
/// drawings and reports.
public protocol Payload: Sendable {
    static var payload: PayloadInfo { get }
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

/// Stands for every payload type in the ports of a stage that does not look inside: a filter, a null sink.
public enum AnyPayload: Payload {
    public static let payload = PayloadInfo("any", "Any payload.", worstCase: .mebibytes(1))
}

/// One line of text.
public struct Text: Payload, Hashable {
    public static let payload = PayloadInfo("text", "One line of text.", worstCase: .kibibytes(64))

    public var value: String

    public init(_ value: String) { self.value = value }
}

/// Named values, as a JSON object has them.
public struct Document: Payload, Hashable {
    public static let payload = PayloadInfo("document", "Named values, like a JSON object.", worstCase: .kibibytes(64))

    public var value: JSON

    public init(_ value: JSON) { self.value = value }
}
