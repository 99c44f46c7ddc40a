/// Why an item went no further. Every item that a link or a stage does not pass on is counted under one of these.
public enum DropReason: String, BitwiseCopyable, Sendable, CaseIterable {
    /// The link was full.
    case overflow
    /// `skip_frames` left it out.
    case skipped
    /// It had become older than `max_age`.
    case tooOld = "too_old"
    /// It came faster than `rate`.
    case rate
    /// A stage chose others, by design.
    case notChosen = "not_chosen"
    /// The stage that it was meant for had failed for good.
    case failed
    /// The run was stopped while it waited.
    case cancelled
    /// It still waited when the time for draining was over.
    case drainedLate = "drained_late"

    /// Its place in `allCases`.
    @inlinable public var index: Int {
        switch self {
        case .overflow: 0
        case .skipped: 1
        case .tooOld: 2
        case .rate: 3
        case .notChosen: 4
        case .failed: 5
        case .cancelled: 6
        case .drainedLate: 7
        }
    }
}

/// A number for each reason.
public struct DropCounts: Sendable, Hashable {
    private var counts: [8 of Int] = [0, 0, 0, 0, 0, 0, 0, 0]

    public init() {}

    public subscript(reason: DropReason) -> Int {
        get { counts[reason.index] }
        set { counts[reason.index] = newValue }
    }

    public var total: Int { DropReason.allCases.reduce(0) { $0 + self[$1] } }

    /// The reasons that have a count.
    public var nonZero: [(reason: DropReason, count: Int)] {
        DropReason.allCases.compactMap { self[$0] == 0 ? nil : (reason: $0, count: self[$0]) }
    }

    public static func += (a: inout DropCounts, b: DropCounts) {
        for reason in DropReason.allCases { a[reason] += b[reason] }
    }

    public static func == (a: DropCounts, b: DropCounts) -> Bool { DropReason.allCases.allSatisfy { a[$0] == b[$0] } }

    public func hash(into hasher: inout Hasher) {
        for reason in DropReason.allCases { hasher.combine(self[reason]) }
    }
}
