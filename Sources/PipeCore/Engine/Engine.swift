import Synchronization

/// What a run is given beside its graph.
public struct EngineOptions: Sendable {
    /// All that is left to chance comes from here.
    public var seed: UInt64 = 0
    /// The date at which the run begins: seconds since 1970.
    public var epoch: Double
    public var files: any FileStore
    public var log: @Sendable (LogEntry) -> Void

    public init(epoch: Double, files: any FileStore, log: @escaping @Sendable (LogEntry) -> Void = { _ in }) {
        self.epoch = epoch
        self.files = files
        self.log = log
    }
}

public struct LogEntry: Sendable {
    public let at: Instant
    public let level: LogLevel
    /// The stage copy that says it; empty for the engine.
    public let stage: String
    public let message: String

    init(at: Instant, _ level: LogLevel, _ stage: String, _ message: String) {
        self.at = at
        self.level = level
        self.stage = stage
        self.message = message
    }
}

/// A graph that runs: its stage copies, its links, and what concerns more than one of them.
final class Engine: @unchecked Sendable {  // what changes after `init` is under `lock` or belongs to a node
    let plan: Plan
    let options: EngineOptions
    let meter: MemoryMeter?
    private(set) var nodes: [Node] = []
    private(set) var links: [Link] = []
    let runner: any Runner
    /// The replicas of each stage copy of the plan; most have one.
    private(set) var copies: [[Node]] = []
    private(set) var orderings: [Ordering] = []
    private let inLoop: [Bool]

    private let lock = Lock()
    private var dead: Set<Int> = []
    private var closedCount = 0
    private var closedLoops = false
    private var troubles: [String] = []
    private var waitingForMemory: [Node] = []
    /// One source may send although the memory is full.
    private let memoryPass = Atomic<Bool>(false)
    private let openIntakes = Atomic<Int>(0)

    init(_ plan: Plan, _ options: EngineOptions, runner: any Runner) {
        self.plan = plan
        self.options = options
        self.runner = runner
        meter = plan.memory.map(MemoryMeter.init(limit:))
        inLoop = plan.linksInLoops()
        let leavesGaps = plan.linksThatLeaveGaps()
        links = plan.links.enumerated().map { index, link in
            Link(link, index: index, leavesGaps: leavesGaps[index], meter: meter)
        }
        var outputs = plan.stages.map { [[Link]](repeating: [], count: $0.outputs) }
        for (index, link) in plan.links.enumerated() { outputs[link.from.stage][link.from.port].append(links[index]) }
        for (index, stage) in plan.stages.enumerated() { copies.append(makeCopies(stage, outputs[index])) }
        for (index, link) in plan.links.enumerated() {
            let (senders, takers) = (copies[link.from.stage], copies[link.to.stage])
            links[index].connect(senders: senders, takers: takers)
            for node in takers { node.connect(links[index], port: link.to.port, sender: link.from.stage) }
        }
        for (index, link) in links.enumerated() where !inLoop[index] {
            Node.join(copies[link.plan.from.stage][0], by: link, copies[link.plan.to.stage][0])
        }
    }

    private func makeCopies(_ stage: StagePlan, _ links: [[Link]]) -> [Node] {
        guard stage.replicas > 1, !stage.isSource else {
            let node = Node(nodes.count, stage, self, links: links)
            nodes.append(node)
            return [node]
        }
        let ordering = Ordering(stage, links: links)
        orderings.append(ordering)
        for _ in 0..<stage.replicas {
            let node = Node(nodes.count, stage, self, links: links, ordering: ordering)
            ordering.add(node)
            nodes.append(node)
        }
        return ordering.lanes
    }

    func begin() {
        if nodes.isEmpty { runner.finished() }
        for node in nodes { node.notify() }
    }

    /// Sources make no more; what is under way goes on to its end.
    func stop() {
        for node in nodes where node.setup.isSource {
            node.stopRequest.store(true, ordering: .relaxed)
            node.notify()
        }
    }

    func intakeOpened() { openIntakes.add(1, ordering: .relaxed) }
    func intakeClosed() { openIntakes.subtract(1, ordering: .relaxed) }
    /// Whether something may come from outside.
    var mayBeFed: Bool { openIntakes.load(ordering: .relaxed) > 0 }

    // MARK: What concerns several stages

    /// A stage has failed for good. Sources that nobody live listens to any more are stopped.
    func died(_ node: Node) {
        let useless = lock.locked {
            dead.insert(node.index)
            troubles.append("\(node.setup.fullName) failed: \(node.failure ?? "")")
            return uselessSources()
        }
        for source in useless {
            nodes[source].stopRequest.store(true, ordering: .relaxed)
            nodes[source].notify()
        }
    }

    private func uselessSources() -> [Int] {
        func isAlive(_ copy: Int) -> Bool { copies[copy].contains { !dead.contains($0.index) } }
        var useful = copies.indices.map { copies[$0][0].isSink && isAlive($0) }
        var queue = copies.indices.filter { useful[$0] }
        while let next = queue.popLast() {
            for input in copies[next][0].inputs where !useful[input.sender] && isAlive(input.sender) {
                useful[input.sender] = true
                queue.append(input.sender)
            }
        }
        return copies.indices.filter { plan.stages[$0].isSource && !useful[$0] && isAlive($0) }.map {
            copies[$0][0].index
        }
    }

    func closed(_ node: Node) {
        let isLast = lock.locked {
            closedCount += 1
            return closedCount == nodes.count
        }
        if isLast { runner.finished() }
    }

    var isMemoryFull: Bool {
        guard let meter, meter.isFull else { return false }
        return !memoryPass.exchange(false, ordering: .relaxed)
    }

    /// The source looks again a little later. When nothing else in the graph can move, one is let through: better a
    /// little above the limit than a graph that stands still.
    func awaitMemory(_ node: Node) {
        lock.locked { if !waitingForMemory.contains(where: { $0 === node }) { waitingForMemory.append(node) } }
        runner.arm(node, at: runner.time + 1_000_000, isWatch: true)
    }

    /// Nothing moves, and nothing will by itself. True when something was done about it.
    func unblock() -> Bool {
        let waiting = lock.locked {
            defer { waitingForMemory = [] }
            return waitingForMemory
        }
        // All of them look again, and the first takes the pass: one that was forgotten here would never be asked again.
        let sources = waiting.filter { !$0.isOver }
        if !sources.isEmpty {
            if meter?.isFull ?? false { memoryPass.store(true, ordering: .relaxed) }
            for source in sources { source.notify() }
            return true
        }
        let loops = links.indices.filter { inLoop[$0] }
        let mayClose = lock.locked {
            defer { closedLoops = true }
            return !closedLoops
        }
        if mayClose, !loops.isEmpty, loops.allSatisfy({ !links[$0].hasItems }) {
            for index in loops {
                links[index].close()
                links[index].notifyTakers()
            }
            return true
        }
        return false
    }

    /// The run stands still for good.
    func reportStandstill() {
        let stuck = links.filter { $0.hasItems }.map(\.name)
        let waiting = nodes.filter { !$0.isOver }.map(\.setup.fullName)
        let what = stuck.isEmpty ? "" : ", and items wait in \(stuck.prefix(5).joined(separator: ", "))"
        trouble("nothing can move: \(waiting.prefix(5).joined(separator: ", ")) wait for each other\(what)")
    }

    func trouble(_ text: String) {
        lock.locked { troubles.append(text) }
        options.log(LogEntry(at: Instant(nanoseconds: runner.time), .error, "", text))
    }

    var allTroubles: [String] { lock.locked { troubles } }

    /// Ends everything at once, when nothing is stepped any more.
    func cancel(_ reason: DropReason) {
        for node in nodes where !node.isOver { node.cancel(reason) }
        for ordering in orderings { ordering.abandon(reason) }
        for link in links { _ = link.discard(reason, forGood: false) }
    }

    // MARK: Numbers

    var numbers: RunNumbers {
        let stages = copies.map { copy in
            copy.dropFirst().reduce(into: copy[0].currentNumbers) { $0.add($1.currentNumbers) }
        }
        let intakes = nodes.flatMap { node in
            node.numbersLock.locked { node.numbers.intakes }.map(\.numbers)
        }
        var paths: [PathNumbers] = []
        for node in nodes where node.isSink {
            for (source, histogram) in node.numbersLock.locked({ node.numbers.latencies }) {
                paths.append(
                    PathNumbers(
                        source: nodes[Int(source)].setup.fullName,
                        sink: node.setup.fullName,
                        latency: histogram
                    )
                )
            }
        }
        return RunNumbers(
            at: Instant(nanoseconds: runner.time),
            stages: stages,
            links: links.map(\.numbers) + intakes,
            paths: paths
        )
    }
}
