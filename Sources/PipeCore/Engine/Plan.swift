/// A graph as the engine runs it: stage copies and links between them. PipeGraph makes it of a checked graph.
public struct Plan: Sendable {
    public var stages: [StagePlan] = []
    public var links: [LinkPlan] = []
    /// Memory of all that waits in links; sources pause where it is reached.
    public var memory: Int?

    public init() {}
}

/// A stage copy: one for each station.
public struct StagePlan: Sendable {
    public var name: String
    public var station: String
    public var isSource: Bool
    public var outputs: Int
    public var inputs: Int
    /// Copies that share the work, with the order kept for each key.
    public var replicas: Int
    public var onError: OnError
    public var restart: RestartPlan?
    public var expectItemWithin: Duration?
    /// Gaps are of use to it: it waits for partners.
    public var awaitsPartners: Bool
    /// Makes an instance. The pointers are its outputs.
    public var make: @Sendable (UnsafeMutablePointer<Outbox>) -> StageBody

    public init(
        name: String,
        station: String = "",
        isSource: Bool = false,
        inputs: Int,
        outputs: Int,
        replicas: Int = 1,
        onError: OnError = .fail,
        restart: RestartPlan? = nil,
        expectItemWithin: Duration? = nil,
        awaitsPartners: Bool = false,
        make: @escaping @Sendable (UnsafeMutablePointer<Outbox>) -> StageBody
    ) {
        self.name = name
        self.station = station
        self.isSource = isSource
        self.inputs = inputs
        self.outputs = outputs
        self.replicas = replicas
        self.onError = onError
        self.restart = restart
        self.expectItemWithin = expectItemWithin
        self.awaitsPartners = awaitsPartners
        self.make = make
    }

    public var fullName: String { station.isEmpty ? name : "\(name)/\(station)" }
}

/// How often a stage that failed is started anew.
public struct RestartPlan: Sendable, Hashable {
    public var max: Int
    public var per: Duration
    /// The wait before the first; it doubles with each.
    public var backoff: Duration

    public init(max: Int, per: Duration, backoff: Duration) {
        self.max = max
        self.per = per
        self.backoff = backoff
    }
}

public struct LinkPlan: Sendable {
    public struct End: Sendable, Hashable {
        public var stage: Int
        public var port: Int

        public init(stage: Int, port: Int) {
            self.stage = stage
            self.port = port
        }
    }

    public var name: String
    public var station: String
    public var from: End
    public var to: End
    public var policy: LinkPolicy
    /// Looks on, for tests.
    public var tap: LinkTap?

    public init(name: String, station: String = "", from: End, to: End, policy: LinkPolicy) {
        self.name = name
        self.station = station
        self.from = from
        self.to = to
        self.policy = policy
    }
}

/// What looks on as items enter and leave a link. It is told on the thread that moves them.
public struct LinkTap: Sendable {
    public var entered: (@Sendable (Header, JSON) -> Void)?
    public var left: (@Sendable (Header, JSON, Instant) -> Void)?

    public init(
        entered: (@Sendable (Header, JSON) -> Void)? = nil,
        left: (@Sendable (Header, JSON, Instant) -> Void)? = nil
    ) {
        self.entered = entered
        self.left = left
    }
}

extension Plan {
    /// Links whose losses somebody downstream waits for.
    func linksThatLeaveGaps() -> [Bool] {
        var linksTo = [[Int]](repeating: [], count: stages.count)
        for (index, link) in links.enumerated() { linksTo[link.to.stage].append(index) }
        var leaves = [Bool](repeating: false, count: links.count)
        var queue = stages.indices.filter { stages[$0].awaitsPartners }
        var seen = Set(queue)
        while let stage = queue.popLast() {
            for link in linksTo[stage] {
                leaves[link] = true
                if seen.insert(links[link].from.stage).inserted { queue.append(links[link].from.stage) }
            }
        }
        return leaves
    }

    /// Links that lead round: from a stage back to itself, over others or not.
    func linksInLoops() -> [Bool] {
        // Tarjan's components, without recursion: a graph may be a chain of ten thousand stages.
        var linksFrom = [[Int]](repeating: [], count: stages.count)
        for (index, link) in links.enumerated() { linksFrom[link.from.stage].append(index) }
        var order = [Int](repeating: -1, count: stages.count)
        var low = order
        var component = order
        var (next, components) = (0, 0)
        var path: [Int] = []
        for root in stages.indices where order[root] < 0 {
            var work = [(stage: root, link: 0)]
            while let (stage, link) = work.last {
                if link == 0 {
                    (order[stage], low[stage]) = (next, next)
                    next += 1
                    path.append(stage)
                }
                if link < linksFrom[stage].count {
                    work[work.count - 1].link += 1
                    let target = links[linksFrom[stage][link]].to.stage
                    if order[target] < 0 {
                        work.append((target, 0))
                    } else if component[target] < 0 {
                        low[stage] = min(low[stage], order[target])
                    }
                    continue
                }
                work.removeLast()
                if let parent = work.last?.stage { low[parent] = min(low[parent], low[stage]) }
                guard low[stage] == order[stage] else { continue }
                while let member = path.popLast() {
                    component[member] = components
                    if member == stage { break }
                }
                components += 1
            }
        }
        return links.map { component[$0.from.stage] == component[$0.to.stage] }
    }
}
