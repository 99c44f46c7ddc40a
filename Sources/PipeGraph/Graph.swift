public import PipeCore
public import PipeKit

/// A graph that was checked: every name is resolved to an index, every option to a value.
public struct Graph: Sendable {
    public var name = ""
    public var description: String?
    public var stages: [GraphStage] = []
    public var links: [GraphLink] = []
    public var limits = Limits()
    public var threads = Threads()
    /// The page that the graph asks for; a run may be told to serve one without.
    public var web: WebSettings?
    public var tests: [GraphTest] = []
    /// The links that leave each stage, as indices.
    private(set) var linksFrom: [[Int]] = []
}

/// A stage of a graph.
public struct GraphStage: Sendable {
    public var name: String
    public var description: String?
    public var type: StageType
    public var place: Place
    /// The stations that this stage has a copy for; empty where it runs once.
    public var stations: [String] = []
    public var replicas = 1
    public var onError = OnError.fail
    public var restart: Restart?
    public var expectItemWithin: Duration?
    /// The options: one set, or one for each station where they differ.
    public var values: [FieldValues] = []
    /// The ports that items leave by: those of the type, and `dead_letter` where failures are sent there.
    public var outputs: [PortSpec]
    public var claims = Claims()

    public var inputs: [PortSpec] { type.inputs }
    public var copies: Int { max(1, stations.count) * replicas }

    /// The options of a station's copy.
    public func values(station: Int) -> FieldValues { values[min(station, values.count - 1)] }
}

/// A link of a graph. Stages and ports are indices into the graph's stages and the stages' ports.
public struct GraphLink: Sendable {
    public struct End: Sendable, Hashable {
        public var stage: Int
        public var port: Int
    }

    public var from: End
    public var to: End
    public var policy = LinkPolicy()
    /// Whether the graph says what happens when the link is full.
    public var statesWhenFull = false
    public var payload: PayloadInfo
    public var place: Place
}

extension Graph {
    /// `camera.frames`
    public func describe(output end: GraphLink.End) -> String {
        "\(stages[end.stage].name).\(stages[end.stage].outputs[end.port].name)"
    }

    /// `camera.frames -> numbers`, with the input's name where the stage has several.
    public func describe(_ link: GraphLink) -> String {
        let stage = stages[link.to.stage]
        let input = stage.inputs.count > 1 ? ".\(stage.inputs[link.to.port].name)" : ""
        return "\(describe(output: link.from)) -> \(stage.name)\(input)"
    }

    /// To be called once, when all links are known.
    mutating func indexLinks() {
        linksFrom = [[Int]](repeating: [], count: stages.count)
        for (index, link) in links.enumerated() { linksFrom[link.from.stage].append(index) }
    }

    /// The links that lead to each stage, as indices.
    func linksByTarget() -> [[Int]] {
        var result = [[Int]](repeating: [], count: stages.count)
        for (index, link) in links.enumerated() { result[link.to.stage].append(index) }
        return result
    }
}

/// What a check found: all findings, the texts they point at, and the graph if there was no error.
public struct CheckResult: Sendable {
    public var graph: Graph?
    public var findings: [Diagnostic]
    public var files: SourceFiles

    public var errorCount: Int { findings.count { $0.severity == .error } }
    public var warningCount: Int { findings.count { $0.severity == .warning } }
}

/// How to check a graph.
public struct CheckOptions: Sendable {
    /// Values for params: `--set params.stations=3`.
    public var params: [(name: String, value: String)] = []
    /// False leaves out what touches the world: whether files exist, which variables are set.
    public var looksAtWorld = true
    /// Texts that stand for files, by path: those of a recording.
    public var texts: [String: [UInt8]] = [:]
    /// Stations that are added to a running graph, or taken out of it.
    public var stations: [StationChange] = []
    /// The variables that `${env.NAME}` and `${secret.NAME}` stand for.
    public var environment: [String: String]

    public init(environment: [String: String]) { self.environment = environment }
}

/// A station more or less than a graph states.
public struct StationChange: Sendable, Hashable {
    public var station: String
    public var isAdded: Bool
    /// The stage that states the stations; nil where only one does.
    public var stage: String?

    public init(_ station: String, isAdded: Bool, stage: String? = nil) {
        (self.station, self.isAdded, self.stage) = (station, isAdded, stage)
    }
}
