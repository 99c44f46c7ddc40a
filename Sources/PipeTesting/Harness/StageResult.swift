public import PipeCore
import PipeKit
import Synchronization

/// What a stage did: what came out of each output, its books, its log, the files it wrote.
public struct StageResult: Sendable {
    /// An item that left the stage.
    public struct Output: Sendable {
        public let payload: any Payload
        public let sequence: Int
        public let key: String
        public let captured: Instant
        /// The stage that it began at: `feed_items`, or the stage itself.
        public let source: String
        /// When it was taken by whoever comes next.
        public let at: Instant

        init(_ item: Item<AnyPayload>, source: String, at now: Instant) {
            payload = item.payload.value
            sequence = item.sequence
            key = item.key.text
            captured = item.captured
            self.source = source
            at = now
        }

        public var value: JSON { payload.described }
    }

    /// What came out, by output; of an output with several links, what came out of the first.
    public internal(set) var outputs: [String: [Output]] = [:]
    /// What the stage, or the links around it, said would not come.
    public internal(set) var gaps: [String: [Gap]] = [:]
    /// What came out of the other links of an output.
    var copies: [String: [[Output]]] = [:]
    /// Of the whole graph: the feeders, the stage, and what takes from it.
    public let numbers: RunNumbers
    public let log: [LogEntry]
    /// What failed for good.
    public let troubles: [String]
    /// Every stage has come to its end.
    public let isComplete: Bool
    let files: [String: [UInt8]]

    init(_ recorders: [Recorders], _ outcome: RunOutcome, log: [LogEntry], files: [String: [UInt8]]) {
        numbers = outcome.numbers
        troubles = outcome.troubles
        isComplete = outcome.isComplete
        self.log = log
        self.files = files
        for output in recorders {
            let contents = output.recorders.map { $0.content.withLock { $0 } }
            outputs[output.name] = contents.first?.items ?? []
            gaps[output.name] = contents.first?.gaps ?? []
            copies[output.name] = contents.dropFirst().map(\.items)
        }
    }

    struct Recorders {
        let name: String
        let recorders: [RunRecorder]
    }

    /// What came out of an output, in order.
    public subscript(output: String) -> [Output] {
        guard let items = outputs[output] else { preconditionFailure("there is no output '\(output)' here") }
        return items
    }

    /// The values that came out of an output, in order.
    public func values(_ output: String) -> [JSON] { self[output].map(\.value) }

    public func stage(_ name: String) -> StageNumbers {
        guard let stage = numbers.stages.first(where: { $0.name == name }) else {
            preconditionFailure("there is no stage '\(name)' here")
        }
        return stage
    }

    /// The books of the stage under test.
    public var books: StageBooks { stage(StageHarness.subject).books }

    /// Where the books of the whole graph do not add up.
    public var imbalances: [String] { numbers.imbalances(hasEnded: isComplete) }

    /// A file that was written, as text; nil where there is none. Only of files in memory.
    public func file(_ path: String) -> String? { files[path].map { String(decoding: $0, as: UTF8.self) } }
}
