/// Looks at items of a link while a graph runs. The stage behind the link sets copies aside, which costs it no more than a
/// reference each; where nobody fetches them in time they are shed and counted, and the link goes on as it is.
public final class LinkWatch: @unchecked Sendable {  // what changes is guarded by `lock`
    /// An item as it left its link.
    public struct Sighting: Sendable {
        public let header: Header
        public let payload: any Payload
        /// When it left.
        public let at: Instant
    }

    public struct Counts: Sendable, Hashable {
        /// Items that left the link since the watch began.
        public var passed = 0
        /// Those that were set aside.
        public var kept = 0
        /// Those that would have been, had there been room.
        public var shed = 0
    }

    private let interval: Int
    private let told: @Sendable () -> Void
    private let lock = Lock()
    private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: mostItems)
    /// When each left.
    private var times: [Int] = []
    private var bytes = 0
    private var next = Int.min
    private var counts = Counts()
    private static let mostItems = 64
    private static let mostBytes = 64 << 20

    /// At most one item in each `interval` is set aside. `told` is called on the stage's thread, and must not wait.
    public init(every interval: Duration = .zero, told: @escaping @Sendable () -> Void) {
        self.interval = interval.nanoseconds
        self.told = told
    }

    deinit {
        for index in times.indices { (slots + index).destroy() }
        slots.deallocate()
    }

    /// A batch has left the link.
    func look(at batch: UnsafeMutablePointer<Slot>, _ count: Int, now: Int) {
        let hasNews = lock.locked {
            let before = counts.kept
            for index in 0..<count where !batch[index].header.isGap { look(at: batch + index, now) }
            return counts.kept > before
        }
        if hasNews { told() }
    }

    private func look(at slot: UnsafeMutablePointer<Slot>, _ now: Int) {
        counts.passed += 1
        guard now >= next else { return }
        guard times.count < Self.mostItems, bytes < Self.mostBytes else {
            counts.shed += 1
            return
        }
        slot.copy(to: slots + times.count)
        times.append(now)
        bytes += slot.pointee.header.bytes
        counts.kept += 1
        if interval > 0 { next = now + interval }
    }

    /// What was set aside since the last call.
    public func take() -> (sightings: [Sighting], counts: Counts) {
        lock.locked {
            let sightings = times.enumerated().map { index, time in
                let header = slots[index].header
                let payload = PayloadType[header.kind].take(slots + index)
                return Sighting(header: header, payload: payload, at: Instant(nanoseconds: time))
            }
            times.removeAll(keepingCapacity: true)
            bytes = 0
            return (sightings, counts)
        }
    }
}
