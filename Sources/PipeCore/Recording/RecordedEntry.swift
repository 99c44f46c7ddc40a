/// One thing that happened in a run that is recorded, in the order in which it counted.
public enum RecordedEntry: Sendable, Hashable {
    /// A stage was taken up: what had come for it by then.
    case head(node: Int, now: Int, mail: [Mail])
    /// It had worked, and let go of what it made.
    case tail(node: Int, after: Int, counts: Counts, source: SourceWork?)
    /// A link dropped an item.
    case drop(link: Int, source: UInt32, sequence: Int, reason: DropReason)
    /// The sources were told to make no more.
    case stop
    /// Nothing moved, and the engine looked what it could do about it.
    case unblock
    /// The run was ended; what was left was dropped for this reason.
    case end(DropReason)

    /// The answer of the operation that a stage has submitted as its n-th.
    public struct Mail: Sendable, Hashable {
        public var number: Int
        /// Why it failed; nil where it did not.
        public var failure: String?
    }

    /// What a stage has done since the run began.
    public struct Counts: Sendable, Hashable {
        public var took = 0
        public var made = 0
        public var sent = 0
        public var dropped = 0
        public var failed = 0
    }

    /// What a source brought into the run that cannot be had again.
    public struct SourceWork: Sendable, Hashable {
        public var items: [Item] = []
        public var mayFinish = false
        public var failure: String?
    }

    public struct Item: Sendable, Hashable {
        public var port: Int
        public var sequence: Int
        public var captured: Int
        public var key: String
        /// The payload's type by name, and its bytes.
        public var payload: String
        public var bytes: [UInt8]
    }
}

extension RecordedEntry {
    /// The bytes of an entry: its length, itself, and a check, so that one that was cut off is known for it.
    var encoded: [UInt8] {
        var body = RecordedWriter()
        switch self {
        case .head(let node, let now, let mail):
            body.number(1)
            body.number(node)
            body.number(now)
            body.number(mail.count)
            for letter in mail {
                body.number(letter.number)
                body.optional(letter.failure)
            }
        case .tail(let node, let after, let counts, let source):
            body.number(2)
            body.number(node)
            body.number(after)
            for count in [counts.took, counts.made, counts.sent, counts.dropped, counts.failed] { body.number(count) }
            body.number(source == nil ? 0 : 1)
            if let source { body.source(source) }
        case .drop(let link, let source, let sequence, let reason):
            body.number(3)
            body.number(link)
            body.number(Int(source))
            body.number(sequence)
            body.number(reason.index)
        case .stop: body.number(4)
        case .unblock: body.number(5)
        case .end(let reason):
            body.number(6)
            body.number(reason.index)
        }
        var whole = RecordedWriter()
        whole.number(body.bytes.count)
        return whole.bytes + body.bytes + Self.check(body.bytes[...])
    }

    /// FNV-1a: a single byte that is another one always changes it.
    private static func check(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let hash = bytes.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return (0..<checkBytes).map { UInt8(truncatingIfNeeded: hash >> UInt32(8 * $0)) }
    }

    private static let checkBytes = 4

    /// The entry that begins at a place, and the place behind it; nil where none does, or not all of it is there.
    static func decoded(_ bytes: [UInt8], at place: Int) -> (RecordedEntry, next: Int)? {
        var frame = RecordedReader(bytes[place...])
        guard let length = frame.number(), length > 0, length <= bytes.count - frame.place - checkBytes else {
            return nil
        }
        let body = bytes[frame.place..<(frame.place + length)]
        let end = body.endIndex + checkBytes
        guard bytes[body.endIndex..<end].elementsEqual(check(body)) else { return nil }
        var reader = RecordedReader(body)
        guard let entry = reader.entry(), reader.isAtEnd else { return nil }
        return (entry, end)
    }
}

extension RecordedWriter {
    fileprivate mutating func source(_ work: RecordedEntry.SourceWork) {
        number(work.mayFinish ? 1 : 0)
        optional(work.failure)
        number(work.items.count)
        for item in work.items {
            number(item.port)
            number(item.sequence)
            number(item.captured)
            text(item.key)
            text(item.payload)
            blob(item.bytes)
        }
    }
}

extension RecordedReader {
    private mutating func reason() -> DropReason? {
        guard let index = number(), DropReason.allCases.indices.contains(index) else { return nil }
        return DropReason.allCases[index]
    }

    fileprivate mutating func entry() -> RecordedEntry? {
        switch number() {
        case 1:
            guard let node = number(), let now = number(), let count = count() else { return nil }
            var mail: [RecordedEntry.Mail] = []
            for _ in 0..<count {
                guard let number = number(), let failure = optional() else { return nil }
                mail.append(RecordedEntry.Mail(number: number, failure: failure))
            }
            return .head(node: node, now: now, mail: mail)
        case 2:
            guard let node = number(), let after = number(), let took = number(), let made = number(),
                let sent = number(), let dropped = number(), let failed = number(), let isSource = number()
            else { return nil }
            let counts = RecordedEntry.Counts(took: took, made: made, sent: sent, dropped: dropped, failed: failed)
            guard isSource == 1 else { return .tail(node: node, after: after, counts: counts, source: nil) }
            guard let source = source() else { return nil }
            return .tail(node: node, after: after, counts: counts, source: source)
        case 3:
            guard let link = number(), let source = number(), let sequence = number(), let reason = reason() else {
                return nil
            }
            return .drop(link: link, source: UInt32(truncatingIfNeeded: source), sequence: sequence, reason: reason)
        case 4: return .stop
        case 5: return .unblock
        case 6: return reason().map { .end($0) }
        default: return nil
        }
    }

    private mutating func source() -> RecordedEntry.SourceWork? {
        var work = RecordedEntry.SourceWork()
        guard let mayFinish = number(), let failure = optional(), let count = count() else { return nil }
        (work.mayFinish, work.failure) = (mayFinish == 1, failure)
        for _ in 0..<count {
            guard let port = number(), let sequence = number(), let captured = number(), let key = text(),
                let payload = text(), let bytes = blob()
            else { return nil }
            work.items.append(
                .init(
                    port: port,
                    sequence: sequence,
                    captured: captured,
                    key: key,
                    payload: payload,
                    bytes: Array(bytes)
                )
            )
        }
        return work
    }
}
