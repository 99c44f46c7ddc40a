/// What one stage copy counts and remembers between two items. It stands behind a pointer, so that the work on an item
/// costs no exclusivity check; it belongs to whoever steps the stage.
public struct Cell: ~Copyable {
    /// The time of this step.
    @usableFromInline var now = 0
    /// Items of the current call whose fate is open: taken from a link or released, and neither sent, dropped nor kept.
    @usableFromInline var open = 0
    /// Items that were worked on and have no other fate: whoever drops, keeps or fails one takes it out of here. So what
    /// is sent or used up, which is most of what there is, costs no count of its own.
    @usableFromInline var done = 0
    @usableFromInline var made = 0
    var taken = 0
    private(set) var dropped = DropCounts()
    private(set) var hasDropped = false
    var failed = 0
    var kept = 0

    /// The number of the next item that the stage makes.
    @usableFromInline var sequence = 0
    @usableFromInline let source: UInt32
    /// The work on further items must wait: an output is full, or the stage is busy.
    @usableFromInline var stops = false
    @usableFromInline var input = 0
    /// When the stage wants to be called.
    var wake = Int.max
    var busyUntil = Int.min
    var random: RandomSource
    /// The item being worked on is copied first, to be set aside if the work fails.
    @usableFromInline var savesItems = false
    @usableFromInline let saved: UnsafeMutablePointer<Slot>
    @usableFromInline var hasSaved = false
    /// Something is to be done after each item: its copy goes, or its outputs are marked.
    @usableFromInline var marksItems = false
    /// An item may be a gap, or there is something to be done before or after it.
    @usableFromInline var needsCare = false
    /// Whether a partner downstream waits: then who an item was is remembered, for the gap that its failure leaves.
    @usableFromInline var leavesGaps = false
    @usableFromInline var current: Header?
    /// Something that is followed may be in the stage's hands.
    var carries = false
    @usableFromInline var sampling: Sampling

    /// `options` are those of a run in which items begin here.
    init(source: UInt32, seed: UInt64, _ options: EngineOptions? = nil) {
        self.source = source
        sampling = Sampling(options)
        random = RandomSource(seed: seed)
        saved = .allocate(capacity: 1)
    }

    mutating func drop(_ count: Int, _ reason: DropReason) {
        dropped[reason] += count
        hasDropped = true
    }

    /// The work on an item begins.
    @inlinable
    mutating func begin() {
        open = 1
        done &+= counted(1, .stageWorkedOn)
    }

    /// An open item gets another fate than to be done.
    mutating func close(_ count: Int) {
        open -= count
        done -= count
    }

    /// Items that were kept are open once more.
    mutating func reopen(_ count: Int) {
        kept -= count
        open += count
        done += count
    }

    /// An item was handed over to one of the outputs.
    @inlinable
    mutating func send() {
        if open > 0 {
            open &-= 1
        } else {
            made &+= counted(1, .stageMade)
        }
    }

    /// What a call leaves open was used up by the stage.
    @inlinable
    mutating func settle() { open = 0 }

    @inlinable
    mutating func save(_ slot: UnsafeMutablePointer<Slot>) {
        slot.copyItem(to: saved)
        hasSaved = true
    }

    @usableFromInline
    mutating func forget() {
        if hasSaved { saved.destroy() }
        hasSaved = false
    }
}

extension UnsafeMutablePointer<Slot> {
    @usableFromInline func copyItem(to other: UnsafeMutablePointer<Slot>) { copy(to: other) }
}

/// A seeded generator (SplitMix64): small, fast, and the same everywhere.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Evenly from 0 up to 1.
    public mutating func share() -> Double { Double(next() >> 11) / Double(1 << 53) }
}
