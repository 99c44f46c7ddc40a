import PipeCore

/// Tells the property wrappers of a type that is being made what they are being made for.
///
/// Swift evaluates the initial values of stored properties in the order of their declaration, so the n-th wrapper that
/// asks is the n-th that was declared. The first time a type is made, each wrapper leaves its declaration here; every
/// other time each finds its value. Values so end up in place: no box, no lookup when a stage reads an option.
final class Construction: @unchecked Sendable {  // used by the one thread that makes the instance
    @TaskLocal static var current: Construction?

    private(set) var declared: [Fields.Slot] = []
    private(set) var count = 0
    private let values: [BoundValue?]?
    private var outboxes: UnsafeMutablePointer<Outbox>?

    /// `values` nil records what is declared. `outboxes` are what the outputs of an instance that runs send into.
    init(values: [BoundValue?]?, outboxes: UnsafeMutablePointer<Outbox>? = nil) {
        self.values = values
        self.outboxes = outboxes
    }

    /// Where the next output sends into; nil where the instance does not run.
    func nextOutbox() -> UnsafeMutablePointer<Outbox>? {
        defer { outboxes = outboxes.map { $0 + 1 } }
        return outboxes
    }

    /// The construction that asks for declarations; nil while a default value is made.
    static var active: Construction? { current.flatMap { $0.isPaused ? nil : $0 } }

    private var isPaused = false

    /// Makes a default value. One that is a block declares options of its own, which are not its owner's.
    static func outside<Value>(_ make: () -> Value) -> Value {
        guard let construction = active else { return make() }
        construction.isPaused = true
        defer { construction.isPaused = false }
        return make()
    }

    /// Called once by each wrapper: takes its declaration, or returns its value.
    func declare(_ slot: () -> Fields.Slot) -> BoundValue? {
        defer { count += 1 }
        guard let values else {
            declared.append(slot())
            return nil
        }
        return count < values.count ? values[count] : nil
    }
}
