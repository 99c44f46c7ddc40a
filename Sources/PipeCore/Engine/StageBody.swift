/// One instance of a stage, as the runners call it. PipeKit makes it where the stage's type is known, so that the loop
/// over a batch and the stage's own work become one piece of machine code.
public final class StageBody {
    public let start: (StageContext) throws -> Void
    /// Works on slots that hold items of an input, and returns how many it took: fewer where the cell says stop.
    public let process: (UnsafeMutablePointer<Slot>, Int, StageContext) -> Int
    /// Makes up to so many items, where the stage is a source.
    public let produce: (Int, StageContext) throws -> Production
    public let wake: (StageContext) throws -> Void
    public let completed: (Completion, StageContext) throws -> Void
    /// An input has ended.
    public let ended: (Int, StageContext) throws -> Void
    /// Every input has ended, or the source has.
    public let finish: (StageContext) throws -> Void
    public let disturb: (Disturbance, StageContext) throws -> Void
    /// Ends the instance's life.
    public let discard: () -> Void

    public init(
        start: @escaping (StageContext) throws -> Void,
        process: @escaping (UnsafeMutablePointer<Slot>, Int, StageContext) -> Int,
        produce: @escaping (Int, StageContext) throws -> Production,
        wake: @escaping (StageContext) throws -> Void,
        completed: @escaping (Completion, StageContext) throws -> Void,
        ended: @escaping (Int, StageContext) throws -> Void,
        finish: @escaping (StageContext) throws -> Void,
        disturb: @escaping (Disturbance, StageContext) throws -> Void,
        discard: @escaping () -> Void
    ) {
        self.start = start
        self.process = process
        self.produce = produce
        self.wake = wake
        self.completed = completed
        self.ended = ended
        self.finish = finish
        self.disturb = disturb
        self.discard = discard
    }
}

extension StageBody {
    /// Does nothing: what it would do was written down.
    static var silent: StageBody {
        StageBody(
            start: { _ in },
            process: { _, count, _ in count },
            produce: { _, _ in .later },
            wake: { _ in },
            completed: { _, _ in },
            ended: { _, _ in },
            finish: { _ in },
            disturb: { _, _ in },
            discard: {}
        )
    }
}

/// What a source says after it was asked for items.
public enum Production: Sendable, Hashable {
    /// There is more as soon as there is room.
    case more
    /// There is nothing before this time.
    case at(Instant)
    /// An operation, a timer or an intake will bring more.
    case later
    /// There will be no more.
    case ended
}

/// What was done outside, and how it went.
public struct Completion: Sendable {
    /// What the stage called it.
    public let token: Int
    public let result: Result<any Sendable, any Error>

    public init(token: Int, result: Result<any Sendable, any Error>) {
        self.token = token
        self.result = result
    }
}

/// What a test does to a stage beyond stopping it.
public enum Disturbance: Sendable, Hashable {
    case connectionLost
}

/// Why a stage could not do its work: what happened and what to do, in one sentence each.
public struct StageError: Error, Sendable, CustomStringConvertible {
    public let message: String
    public let hint: String?

    public init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.map { "\(message): \($0)" } ?? message }
}
