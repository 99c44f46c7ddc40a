/// What went through a link: `in` is `out`, `dropped` and `held`, always.
public struct LinkBooks: Sendable, Hashable {
    public var `in` = 0
    public var out = 0
    public var dropped = DropCounts()
    public var held = 0

    public init() {}

    public var isBalanced: Bool { `in` == out + dropped.total + held }

    public static func += (a: inout LinkBooks, b: LinkBooks) {
        a.in += b.in
        a.out += b.out
        a.dropped += b.dropped
        a.held += b.held
    }
}

/// What a stage did with its items: `in` is `done`, `dropped`, `failed` and `held`, always.
public struct StageBooks: Sendable, Hashable {
    /// Items taken from its links.
    public var `in` = 0
    /// Items that left as themselves, or were used up: written to a file, made into a batch.
    public var done = 0
    public var dropped = DropCounts()
    public var failed = 0
    /// Items that it keeps: those that wait for a partner, a batch, an operation, or their turn.
    public var held = 0
    /// Items that it made: those of a source, and what a batch becomes.
    public var made = 0
    /// Items sent, over all outputs.
    public var sent = 0

    public init() {}

    public var isBalanced: Bool { `in` == done + dropped.total + failed + held }

    public static func += (a: inout StageBooks, b: StageBooks) {
        a.in += b.in
        a.done += b.done
        a.dropped += b.dropped
        a.failed += b.failed
        a.held += b.held
        a.made += b.made
        a.sent += b.sent
    }
}
