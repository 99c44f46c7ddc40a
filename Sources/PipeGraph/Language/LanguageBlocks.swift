public import PipeCore
public import PipeKit

// The graph language itself, declared like the options of a stage: reading, checking, schema and pages come from here.

/// The file that `pipe run` takes.
struct GraphFile: OptionBlock {
    @Option("Version of this language.") var pipe: LanguageVersion
    @Option("The graph's name; the file's name without its ending, where it is not stated.") var name: String?
    @Option("What the graph is for.") var description: String?
    @Option("Values that a user may set from outside.") var params: Part<ParamsPart>?
    @Option("Files of stages to take in.") var include: Part<IncludesPart>?
    @Option("The stages, by name.") var stages: Part<StagesPart>?
    @Option("What holds where a stage or a link states nothing.") var defaults: Defaults?
    @Option("What the whole graph must stay within.") var limits: Part<LimitsPart>?
    @Option("The threads that step the stages.") var threads: Threads?
    @Option("The page of a run: numbers, pictures, plots, and what monitors ask for.") var web: WebSettings?
    @Option("Tests of the graph, run on virtual time by 'pipe test'.") var tests: Part<TestsPart>?
}

/// A file of stages that a graph takes in.
struct FragmentFile: OptionBlock {
    @Option("Version of this language.") var pipe: LanguageVersion
    @Option("What the stages are for.") var description: String?
    @Option("Values that the including graph sets with 'with'.") var params: Part<ParamsPart>?
    @Option("Files of stages to take in.") var include: Part<IncludesPart>?
    @Option("The stages, by name.") var stages: Part<StagesPart>?
}

/// One file to take in.
struct Include: OptionBlock {
    @Option("The file, from the directory of the file this stands in.") var file: String
    @Option("What the names of its stages begin with in this graph.") var prefix = ""
    @Option("Values for its params.") var with: Part<ParamValuesPart>?
}

/// What every stage may state, whatever its type.
struct StageCommon: OptionBlock {
    @Option("The stage's type; 'pipe stages' lists them.") var type: TypeName
    @Option(
        "Where its items come from: 'stage' or 'stage.output', a list of those, or a mapping of those to options of the link."
    )
    var from: Part<FromPart>?
    @Option("How many copies of this part of the graph there are, or their names.") var stations: Stations?
    @Option("How many copies share the work; order is kept per key.", in: 1...1024) var replicas = 1
    @Option("What a failure on an item leads to.") var onError: OnError?
    @Option("How often a stage that failed is started anew.") var restart: Restart?
    @Option("A stage that gets no item for so long is reported as stalled.", in: .milliseconds(1)...)
    var expectItemWithin: Duration?
    @Option("What the stage is for.") var description: String?

    /// Names that no stage type can have for an option.
    static let reserved = Set(Fields.of(Self.self).options.map(\.name))
}

/// The options of a link.
struct LinkOptions: OptionBlock {
    @Option("The input that the link leads to, where the stage has several.") var to: String?
    @Option("Most items that wait in the link.", in: 1...1_000_000) var capacity = LinkPolicy().capacity
    @Option("Most bytes that wait in the link.", in: ByteCount(1)...) var maxBytes: ByteCount?
    @Option("An item that has become older than this is dropped.", in: .microseconds(1)...) var maxAge: Duration?
    @Option("What happens to an item that finds the link full.") var whenFull = WhenFull.block
    @Option("Items left out after each that passes: 2 lets one of three through.", in: 0...1_000_000)
    var skipFrames = 0
    @Option("Most items let through in a time; the others are dropped.", in: Rate(perHour: 0.01)...)
    var rate: Rate?
    @Option("Where a stage has several inputs ready, the link of the highest priority is served first.", in: -100...100)
    var priority = 0

    func check(_ report: inout Diagnostics) {
        if whenFull == .latest, $capacity.isStated, capacity != 1 {
            report.error(
                .optionConflict,
                at: $capacity,
                "a link that keeps the latest item holds one, not \(capacity)",
                hint: "remove 'capacity', or use 'drop_oldest'"
            )
        }
    }

    /// `stated` wins over `defaults`; what neither states has the language's default.
    func policy(defaults: LinkOptions?) -> LinkPolicy {
        func pick<Value>(_ value: KeyPath<LinkOptions, Value>, _ reference: KeyPath<LinkOptions, OptionReference>)
            -> Value
        {
            if self[keyPath: reference].isStated { return self[keyPath: value] }
            return defaults?[keyPath: value] ?? self[keyPath: value]
        }
        var policy = LinkPolicy()
        policy.whenFull = pick(\.whenFull, \.$whenFull)
        policy.capacity = policy.whenFull == .latest ? 1 : pick(\.capacity, \.$capacity)
        policy.maxBytes = pick(\.maxBytes, \.$maxBytes)
        policy.maxAge = pick(\.maxAge, \.$maxAge)
        policy.skipFrames = pick(\.skipFrames, \.$skipFrames)
        policy.rate = pick(\.rate, \.$rate)
        policy.priority = pick(\.priority, \.$priority)
        return policy
    }
}

/// What holds where nothing is stated.
struct Defaults: OptionBlock {
    @Option("Options of links.") var links: LinkOptions?
    @Option("What a failure on an item leads to.") var onError: OnError?
    @Option("How often a stage that failed is started anew.") var restart: Restart?

    func check(_ report: inout Diagnostics) {
        if let links, links.to != nil {
            report.error(.optionConflict, at: links.$to, "'to' names one input, so it cannot be a default")
        }
    }
}

/// How often a stage that failed is started anew.
public struct Restart: OptionBlock {
    @Option("Restarts within 'per' before the stage fails for good.", in: 0...1_000_000) public var max = 3
    @Option("The time in which restarts are counted.", in: .milliseconds(1)...) public var per = Duration.seconds(60)
    @Option("Wait before the first restart; it doubles with each.", in: .zero...) public var backoff = Duration.seconds(
        1
    )

    public init() {}
}

/// What a run must stay within; beyond it `pipe run` exits with 3 and names the place.
public struct Limits: OptionBlock {
    @Option("Memory of all that waits in links; sources pause where it is reached.", in: ByteCount(1)...) public
        var memory: ByteCount?
    @Option(
        "Share of items lost on any link; what skip_frames and rate leave out is not lost.",
        in: Percentage(percent: 0)...Percentage(percent: 100)
    )
    public var maxLoss: Percentage?
    @Option("Half of all items arrive within this, from capture to sink.", in: .nanoseconds(1)...)
    public var p50: Duration?
    @Option("95 of 100 items arrive within this.", in: .nanoseconds(1)...) public var p95: Duration?
    @Option("99 of 100 items arrive within this.", in: .nanoseconds(1)...) public var p99: Duration?
    @Option("Copies of one stage: its stations times its replicas.", in: 1...100_000) public var copies = 1024

    public init() {}

    public func check(_ report: inout Diagnostics) {
        let stated = [("p50", p50, $p50), ("p95", p95, $p95), ("p99", p99, $p99)].filter { $0.1 != nil }
        for (lower, upper) in zip(stated, stated.dropFirst()) {
            guard let low = lower.1, let high = upper.1, high < low else { continue }
            report.error(
                .optionConflict,
                at: upper.2,
                "'\(upper.0)' cannot be below '\(lower.0)' (\(low.text))",
                hint: "use \(low.text) or more"
            )
        }
    }
}

/// The threads that step the stages: a few, whatever the number of stages. What blocks has threads of its own.
public struct Threads: OptionBlock {
    @Option("How many; one for each processor, where it is not stated.", in: 1...256) public var workers: Int?
    @Option("Processors that they keep to, by number, from 0.") public var cores: [Int] = []
    @Option("Their niceness: above 0 others go first, below 0 needs the right to it.", in: -20...19) public var nice = 0

    public init() {}

    public func check(_ report: inout Diagnostics) {
        if let wrong = cores.first(where: { !(0...1023).contains($0) }) {
            report.error(.outOfRange, at: $cores, "there is no processor \(wrong)", hint: "use numbers from 0 to 1023")
        }
    }
}

/// The page that a run serves. Whoever reaches it can read it; only who has the token can change something.
public struct WebSettings: OptionBlock {
    @Option("Where it is served; port 0 is any that is free, and the log says which.") public var listen: ListenAddress
    @Option("What a client shows to drain or stop the run. Without one nobody can by the page.") public var token:
        Secret?
    @Option("Names that a browser may call it by beside its own address, such as that of a proxy before it.")
    public var hosts: [String] = []
    @Option("Connections at a time; a browser takes a handful.", in: 8...4096) public var connections = 200

    public init() {}

    public func check(_ report: inout Diagnostics) {
        if let text = token?.reveal(), text.isEmpty || !text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            report.error(
                .outOfRange,
                at: $token,
                "a token is one word of letters, digits and signs",
                hint: "set another secret: 'openssl rand -hex 16' makes one"
            )
        }
        if let wrong = hosts.first(where: { $0.contains("/") || $0.contains(" ") || $0.isEmpty }) {
            report.error(
                .wrongType,
                at: $hosts,
                "'\(wrong)' is not the name of a host",
                hint: "write 'lab.example.org'"
            )
        }
    }
}

extension WhenFull: Choice {
    public var summary: String {
        switch self {
        case .block: "The sender waits until there is room: nothing is lost."
        case .dropOldest: "The oldest item that waits is dropped."
        case .dropNewest: "The item that comes is dropped."
        case .latest: "The link holds one item, and a newer one takes its place."
        }
    }
}

extension OnError: Choice {
    public var summary: String {
        switch self {
        case .fail: "The stage fails, and is restarted if 'restart' allows it."
        case .skip: "The item is counted as failed, and the stage goes on."
        case .deadLetter: "The item leaves by the stage's port 'dead_letter'."
        }
    }
}
