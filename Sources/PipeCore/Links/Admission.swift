/// Decides which items may enter a link at all, before anybody asks whether there is room.
struct Admission {
    private let maxAge: Int
    private let skip: Int
    private let interval: Int
    /// Items left to be skipped before the next passes.
    private var toSkip = 0
    /// When the next item is due at the allowed rate.
    private var due = Int.min

    /// Without age, skipping and rate, everything may enter.
    let isOpen: Bool

    init(_ policy: LinkPolicy) {
        maxAge = policy.maxAge?.nanoseconds ?? .max
        skip = policy.skipFrames
        interval = policy.rate.map { Int((1e9 / $0.perSecond).rounded()) } ?? 0
        isOpen = policy.maxAge == nil && skip == 0 && interval == 0
    }

    /// Why the item is left out; nil lets it pass, if there is room: `admit` says that there was.
    ///
    /// An item may come half an interval before it is due, or a source that has just the allowed rate would lose half of
    /// its items to its own jitter. What comes early is counted from when it was due, so the rate holds over time.
    func refusal(_ header: Header, now: Int) -> DropReason? {
        if isTooOld(header, now: now) { return .tooOld }
        if toSkip > 0 { return .skipped }
        if interval > 0, now < due, due - now > interval / 2 { return .rate }
        return nil
    }

    func isTooOld(_ header: Header, now: Int) -> Bool {
        maxAge != .max && header.captured.nanoseconds < now - maxAge
    }

    mutating func admit(now: Int) {
        toSkip = skip
        if interval > 0 { due = max(due, now) + interval }
    }

    mutating func refuse(for reason: DropReason) {
        if reason == .skipped { toSkip -= 1 }
    }
}
