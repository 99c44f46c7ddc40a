/// A value of a graph file as it was written, with its place. Nothing is typed yet: `5` is text until an option that
/// wants an integer reads it.
public struct Node: Sendable {
    public enum Content: Sendable {
        case scalar(text: String, style: ScalarStyle)
        case list([Node])
        case map([Entry])
    }

    public enum ScalarStyle: Sendable {
        case plain, quoted, block
    }

    public struct Entry: Sendable {
        public var key: String
        public var keyPlace: Place
        public var value: Node

        public init(key: String, keyPlace: Place, value: Node) {
            self.key = key
            self.keyPlace = keyPlace
            self.value = value
        }
    }

    public var content: Content
    public var place: Place
    /// How far the text of a scalar starts behind its place when both run in step (1 inside quotes without escapes),
    /// so that a finding can point inside it; nil where they do not.
    public var textOffset: Int?

    public init(_ content: Content, at place: Place, textOffset: Int? = nil) {
        self.content = content
        self.place = place
        self.textOffset = textOffset
    }
}

extension Node {
    /// Nothing was written: `key:`, `~` or `null`. (The stage type of that name is read before this is asked.)
    public var isEmpty: Bool {
        if case .scalar(let text, .plain) = content { return ["", "~", "null", "Null", "NULL"].contains(text) }
        return false
    }

    /// What stands here, for a message: "a list", "a mapping", "'text'".
    public var described: String {
        switch content {
        case .scalar(let text, _): text.isEmpty ? "nothing" : "'\(shortened(text))'"
        case .list: "a list"
        case .map: "a mapping"
        }
    }

    /// The place of a part of a scalar's text, or the whole scalar where the text is not as written.
    public func place(from offset: Int, length: Int) -> Place {
        guard let textOffset else { return place }
        return place.part(from: offset + textOffset, length: length)
    }
}

/// A text short enough for a message, on one line.
public func shortened(_ text: String) -> String {
    let start = text.prefix(49)
    let line = start.prefix { !$0.isNewline }
    return line.endIndex == text.endIndex && line.count <= 48 ? text : line.prefix(45) + "…"
}
