/// Which items of a source are followed on their way: 64 in a row of each 6400, and of slow sources one in five milliseconds
/// at least, so that of a camera's pictures each one is.
///
/// They come in a row so that few batches hold any, and so that one note may speak of many: all that following costs the
/// others is a comparison where they begin, and one a batch. A row begins where a step does, so that a batch most often is
/// followed as a whole or not at all.
@usableFromInline
struct Sampling {
    /// The number of the next item to be followed.
    @usableFromInline private(set) var next: Int
    /// The end of the row that has begun, and where the one after it begins at the latest.
    private var end = 0
    private var due: Int
    /// When the next item is followed in any case.
    private var again: Int
    private let takesAll: Bool

    private static let row = 64
    private static let of = 6400
    private static let interval = 5_000_000

    init(_ options: EngineOptions?) {
        let isOn = options?.observes ?? false
        next = isOn ? 0 : .max
        due = next
        again = isOn ? .min : .max
        takesAll = options?.followsAll ?? false
    }

    /// A step begins: it is this late, and this is the number of the item that comes next.
    mutating func look(at now: Int, next sequence: Int) {
        if due &- sequence < Self.row { begin(at: sequence) }
        if now >= again { next = sequence }
    }

    private mutating func begin(at sequence: Int) {
        next = sequence
        end = takesAll ? .max : sequence + Self.row
        due = (sequence + Self.row) / Self.of * Self.of + Self.of
    }

    /// The item of this number is followed.
    mutating func follow(_ sequence: Int, now: Int) {
        again = now + Self.interval
        if sequence >= due { begin(at: sequence) }
        next = sequence + 1 < end ? sequence + 1 : due
    }
}

extension Header {
    /// What becomes of the item is noted, see `Sampling`.
    public internal(set) var isFollowed: Bool {
        get { !isGap && mark != 0 }
        set { mark = newValue ? 1 : 0 }
    }
}

extension UnsafeMutablePointer<Slot> {
    func countFollowed(_ number: Int) -> Int { (0..<number).count { self[$0].header.isFollowed } }
}
