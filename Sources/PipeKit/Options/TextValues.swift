/// A regular expression, compiled when the graph is checked.
public struct Pattern: OptionValue {
    public let written: String

    public init(_ written: String) { self.written = written }

    public static var kind: OptionKind { .pattern }

    public static func read(_ node: Node, _ reader: Reader) -> Pattern? {
        guard let text = reader.text(node, wanted: "a regular expression") else { return nil }
        do {
            _ = try Regex(text.text)
            return Pattern(text.text)
        } catch {
            reader.wrongType(
                text,
                wanted: "a regular expression",
                hint: "check its brackets and escapes; in YAML, '…' keeps a backslash as it is"
            )
            return nil
        }
    }

    /// The compiled expression. Each owner compiles its own: `Regex` is not Sendable.
    public func compiled() throws -> Regex<AnyRegexOutput> { try Regex(written) }
}

/// A value that is never printed: not in findings, pages, reports or logs.
public struct Secret: OptionValue, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    public init(_ value: String) { self.value = value }

    public static var kind: OptionKind { .secret }

    public static func read(_ node: Node, _ reader: Reader) -> Secret? {
        guard let text = reader.text(node, wanted: "a secret", allowsSecret: true) else { return nil }
        if !text.isFilled {
            reader.diagnostics.warning(
                .exposedSecret,
                at: node.place,
                "a secret stands in the file for all to read",
                hint: "write ${secret.NAME}, and set PIPE_SECRET_NAME where the graph runs"
            )
        }
        return Secret(text.text)
    }

    /// The only way to the text. Hand it to the peer, and to nobody else.
    public func reveal() -> String { value }

    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
    public var written: String { "•••" }
}
