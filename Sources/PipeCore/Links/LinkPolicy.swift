/// What happens to an item that comes to a full link.
public enum WhenFull: String, Sendable, CaseIterable {
    case block
    case dropOldest = "drop_oldest"
    case dropNewest = "drop_newest"
    case latest
}

/// How a link bounds what waits in it, and what it leaves out.
public struct LinkPolicy: Sendable, Hashable {
    public var capacity = 64
    public var maxBytes: ByteCount?
    public var maxAge: Duration?
    public var whenFull = WhenFull.block
    /// Of `skipFrames + 1` items one passes.
    public var skipFrames = 0
    public var rate: Rate?
    public var priority = 0

    public init() {}

    /// True where an item may be left out on the way.
    public var mayDrop: Bool {
        whenFull != .block || maxAge != nil || skipFrames > 0 || rate != nil
    }
}

/// What a failure of a stage on an item leads to.
public enum OnError: String, Sendable, CaseIterable {
    case fail
    case skip
    case deadLetter = "dead_letter"
}
