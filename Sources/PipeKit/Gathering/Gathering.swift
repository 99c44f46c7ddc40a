public import PipeCore

/// Gathers what comes into batches: each is full when it has enough members, when they are large enough, or when the first
/// has waited long enough. A plain value: the stage asks it for what is due, and says when it is to be woken.
public struct Gathering<Member> {
    public struct Batch {
        public let key: Key
        public fileprivate(set) var members: [Member] = []
        /// A batch is as old as its oldest member.
        public fileprivate(set) var captured: Instant
        fileprivate var bytes = 0
        fileprivate let due: Instant
        /// Batches leave in the order in which they began.
        fileprivate let number: Int
    }

    private let count: Int
    private let maxBytes: Int?
    private let window: Duration
    private let most: Int
    private var open: [Key: Batch] = [:]
    private var begun = 0
    /// Members of all batches that are not full yet.
    public private(set) var held = 0

    /// With `most`, so many members in all: beyond, the older half of the batches is full before its time. Keys come from
    /// outside, and memory is bounded.
    public init(count: Int, maxBytes: ByteCount? = nil, window: Duration, most: Int = 4096) {
        self.count = count
        self.maxBytes = maxBytes?.bytes
        self.window = window
        self.most = max(count, most)
    }

    /// When the next batch has waited long enough.
    public var due: Instant? { open.values.map(\.due).min() }

    /// Takes a member, and returns the batches that are full by it.
    public mutating func add(
        _ member: Member,
        key: Key = .none,
        bytes: Int = 0,
        captured: Instant,
        now: Instant
    ) -> [Batch] {
        var full: [Batch] = []
        if let maxBytes, let batch = open[key], batch.bytes + bytes > maxBytes { full += take([key]) }
        var batch = open.removeValue(forKey: key) ?? begin(key, captured, now)
        batch.members.append(member)
        batch.bytes += bytes
        batch.captured = min(batch.captured, captured)
        open[key] = batch
        held += 1
        if batch.members.count >= count || maxBytes.map({ batch.bytes >= $0 }) ?? false { full += take([key]) }
        if held >= most { full += take(inOrder.prefix((open.count + 1) / 2)) }
        return full
    }

    /// The batches that have waited long enough.
    public mutating func takeDue(by now: Instant) -> [Batch] {
        take(inOrder.filter { key in open[key].map { $0.due <= now } ?? false })
    }

    public mutating func takeAll() -> [Batch] { take(inOrder) }

    private var inOrder: [Key] { open.sorted { $0.value.number < $1.value.number }.map(\.key) }

    private mutating func begin(_ key: Key, _ captured: Instant, _ now: Instant) -> Batch {
        begun += 1
        return Batch(key: key, captured: captured, due: now + window, number: begun)
    }

    private mutating func take(_ keys: some Sequence<Key>) -> [Batch] {
        keys.compactMap { key in
            guard let batch = open.removeValue(forKey: key) else { return nil }
            held -= batch.members.count
            return batch
        }
    }
}
