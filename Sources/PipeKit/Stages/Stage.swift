public import PipeCore

/// A type of node. One file declares it whole: its card, its ports, its options, their check, its work.
public protocol Stage: Declared {
    static var info: StageInfo { get }

    /// Checks across options, without looking at the world. Findings can point at an option.
    func check(_ report: inout Diagnostics)

    /// What this stage, with these options, asks of the graph around it.
    func claims(_ claims: inout Claims)

    // What the engine calls, on one thread at a time. None of it waits for anything.

    /// Before the first item.
    mutating func start(_ context: StageContext) throws
    /// The time has come that `context.wake` asked for.
    mutating func wake(_ context: StageContext) throws
    /// Work that was submitted is done, or has failed.
    mutating func completed(_ completion: Completion, _ context: StageContext) throws
    /// An input has ended, by its place in the order of declaration.
    mutating func ended(input: Int, _ context: StageContext) throws
    /// All inputs have ended, or the source was stopped: what is kept goes out now, or when a timer or an operation that
    /// is under way calls again.
    mutating func finish(_ context: StageContext) throws
    /// A test does something to it: a connection breaks.
    mutating func disturbed(_ disturbance: Disturbance, _ context: StageContext) throws
    /// Items that will not come, for a stage that waits for partners.
    mutating func missed(_ gap: Gap, _ context: StageContext) throws
    /// The instance's life is over, after its end or its failure: threads and files are let go.
    mutating func stopped()

    /// True for a stage that keeps items until their partners come, and so must know which will not.
    static var awaitsPartners: Bool { get }
    /// Not to be implemented: `Source` and `Consumer` do.
    static func body(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody
}

extension Stage {
    public func check(_ report: inout Diagnostics) {}
    public func claims(_ claims: inout Claims) {}

    public mutating func start(_ context: StageContext) throws {}
    public mutating func wake(_ context: StageContext) throws {}
    public mutating func ended(input: Int, _ context: StageContext) throws {}
    public mutating func finish(_ context: StageContext) throws {}
    public mutating func missed(_ gap: Gap, _ context: StageContext) throws {}
    public mutating func stopped() {}
    public static var awaitsPartners: Bool { false }

    public mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        _ = try completion.result.get()
    }

    public mutating func disturbed(_ disturbance: Disturbance, _ context: StageContext) throws {
        throw StageError("the test broke its connection")
    }
}

/// The card of a stage type.
public struct StageInfo: Sendable {
    /// What the checker of a graph knows about every stage of a type.
    public struct Traits: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// A loop through it can start: it works on what comes from outside before anything comes round.
        public static let loopSafe = Traits(rawValue: 1)
        /// A sink that always takes what comes, so that it cannot hold up its siblings.
        public static let neverStalls = Traits(rawValue: 2)
        /// It leaves items out by design, each as a gap.
        public static let sheds = Traits(rawValue: 4)
        /// What it does with an item depends on those before it, so that replicas could not share its work.
        public static let remembers = Traits(rawValue: 8)
        /// A source whose items come from nowhere but its options and seed: a recording of a run need not hold them.
        public static let repeats = Traits(rawValue: 16)
        /// It listens to the world, or asks it, in the midst of a graph: a run with it cannot be recorded.
        public static let heedsWorld = Traits(rawValue: 32)
    }

    public let name: String
    public let summary: String
    /// What a user writes under the stage's name, without `type`. It must check without a finding.
    public let example: String
    public let traits: Traits
    /// Sentences for the page beyond the summary.
    public let details: String

    public init(
        _ name: String,
        _ summary: String,
        example: String,
        traits: Traits = [],
        details: String = ""
    ) {
        self.name = name
        self.summary = summary
        self.example = example
        self.traits = traits
        self.details = details
    }
}

/// What a stage asks of the graph around it, for the checks over the whole graph.
public struct Claims: Sendable {
    public struct Gathering: Sendable {
        public let count: Int
        public let input: PortReference
        public let option: OptionReference
    }

    public private(set) var gatherings: [Gathering] = []
    /// How large an item on an output may be.
    public enum ItemSize: Sendable {
        case bytes(ByteCount)
        /// So many items of each input together, and as much again for what is added.
        case inputs(times: Int, plus: ByteCount)
    }

    public private(set) var itemSizes: [PortReference: ItemSize] = [:]
    public private(set) var waitsForAllInputs = false
    /// What states how fast items may pass.
    public private(set) var pace: OptionReference?

    public init() {}

    /// The stage works on `count` items of an input together: the queue before it must hold as many.
    public mutating func gathers(_ count: Int, from input: PortReference, statedBy option: OptionReference) {
        gatherings.append(Gathering(count: count, input: input, option: option))
    }

    /// An item on this output takes at most so many bytes.
    public mutating func bounds(_ output: PortReference, to bytes: ByteCount) {
        itemSizes[output] = .bytes(bytes)
    }

    /// An item on this output holds so many items of each input.
    public mutating func holdsInputs(
        _ output: PortReference,
        times count: Int = 1,
        plus bytes: ByteCount = .kibibytes(4)
    ) {
        itemSizes[output] = .inputs(times: count, plus: bytes)
    }

    /// Items pass no faster than an option says, so that it is no want of power where they wait here.
    public mutating func paces(by option: OptionReference) { pace = option }

    /// Adds what another copy of the stage claims.
    package mutating func add(_ other: Claims) {
        gatherings += other.gatherings
        waitsForAllInputs = waitsForAllInputs || other.waitsForAllInputs
        pace = pace ?? other.pace
        itemSizes.merge(other.itemSizes) { first, second in
            if case .bytes(let a) = first, case .bytes(let b) = second { .bytes(max(a, b)) } else { second }
        }
    }

    /// Leaves out what rests on options that could not be read.
    package mutating func dropGatherings(of options: Set<String>) {
        gatherings.removeAll { options.contains($0.option.name) }
    }

    /// An item of one input waits until its partner came on each other input, for as long as that takes.
    public mutating func waitsForPartners() { waitsForAllInputs = true }
}

/// A stage type as the rest of pipe sees it.
public final class StageType: Sendable {
    public let info: StageInfo
    public let fields: Fields
    public let inputs: [PortSpec]
    public let outputs: [PortSpec]
    /// It keeps items until their partners come.
    public let awaitsPartners: Bool
    private let make: @Sendable (FieldValues) -> any Stage
    private let makeBody: @Sendable (FieldValues, UnsafeMutablePointer<Outbox>) -> StageBody

    public init<S: Stage>(_ type: S.Type) {
        let fields = Fields.of(type)
        info = S.info
        self.fields = fields
        inputs = fields.inputs
        outputs = fields.outputs
        awaitsPartners = S.awaitsPartners
        make = { values in fields.make(S.self, values) }
        makeBody = { values, outputs in S.body(values, outputs) }
    }

    public var name: String { info.name }
    public var isSource: Bool { inputs.isEmpty }
    public var isSink: Bool { outputs.allSatisfy { $0.arity == .optional } }

    /// A stage with these options.
    public func stage(_ values: FieldValues) -> any Stage { make(values) }

    /// An instance that runs, with its outputs.
    public func body(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody {
        makeBody(values, outputs)
    }
}

/// A group of stage types that belong together; `Plugins/<Name>` has one each.
public struct Plugin: Sendable {
    public let name: String
    public let summary: String
    public let stages: [StageType]

    public init(_ name: String, _ summary: String, stages: [any Stage.Type]) {
        self.name = name
        self.summary = summary
        self.stages = stages.map { stageType(of: $0) }
    }

    /// One type alone, for its tests.
    package init(_ type: StageType) {
        name = type.name
        summary = type.info.summary
        stages = [type]
    }
}

private func stageType<S: Stage>(of type: S.Type) -> StageType { StageType(type) }

/// All stage types of the program, by name.
public struct Catalogue: Sendable {
    public let plugins: [Plugin]
    private let types: [String: StageType]

    public init(_ plugins: [Plugin]) {
        self.plugins = plugins
        let stages = plugins.flatMap(\.stages)
        types = Dictionary(stages.map { ($0.name, $0) }) { first, _ in
            preconditionFailure("two stage types are named '\(first.name)'")
        }
    }

    public var names: [String] { types.keys.sorted() }
    public var stages: [StageType] { names.compactMap { types[$0] } }

    public subscript(name: String) -> StageType? { types[name] }
}
