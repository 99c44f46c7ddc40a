import Synchronization

/// What a run is given beside its graph.
public struct EngineOptions: Sendable {
    /// All that is left to chance comes from here.
    public var seed: UInt64 = 0
    /// The date at which the run begins: seconds since 1970.
    public var epoch: Double
    public var files: any FileStore
    /// Where stages show what they have to those who watch.
    public var board = Board()
    /// Writes down what decides the run, where it is to be run once more.
    public var recorder: RunRecorder?
    /// Keeps histograms of times, and follows some items on their way. Without is for who measures what that costs.
    public var observes = true
    /// Follows each item, where time and memory for that do not matter.
    public var followsAll = false
    /// Notes what happens, where somebody wants a trace.
    public var tracer: Tracer?
    public var log: @Sendable (LogEntry) -> Void

    public init(epoch: Double, files: any FileStore, log: @escaping @Sendable (LogEntry) -> Void = { _ in }) {
        self.epoch = epoch
        self.files = files
        self.log = log
    }
}

/// A graph that runs: its stage copies, its links, and what concerns more than one of them.
final class Engine: @unchecked Sendable {  // what changes after `init` is under `lock` or belongs to a node
    /// What there is of stage copies and links. It only grows: what has been taken out of a running graph has ended, and
    /// stays for the books.
    struct Parts {
        var plan = Plan()
        /// Where the stage copies of the graph as it is now stand in the plan.
        var places: [String: Int] = [:]
        var nodes: [Node] = []
        var links: [Link] = []
        /// The replicas of each stage copy of the plan; most have one.
        var copies: [[Node]] = []
        var orderings: [Ordering] = []
        var inLoop: [Bool] = []
    }

    let options: EngineOptions
    /// Stage copies of the plan that it began with.
    let plannedStages: Int
    let meter: MemoryMeter?
    let runner: any Runner

    /// Held while the graph changes.
    private let adoption = Lock()
    private let lock = Lock()
    private var parts = Parts()
    private var dead: Set<Int> = []
    private var closedCount = 0
    private var closedLoops = false
    private var troubles: [String] = []
    private var waitingForMemory: [Node] = []
    /// Who looks at links, by the name that they asked for: links of stations that come later are among them.
    private var watches: [(watch: LinkWatch, name: String)] = []
    /// One source may send although the memory is full.
    private let memoryPass = Atomic<Bool>(false)
    private let openIntakes = Atomic<Int>(0)

    init(_ plan: Plan, _ options: EngineOptions, runner: any Runner) {
        self.options = options
        self.runner = runner
        plannedStages = plan.stages.reduce(0) { $0 + $1.replicas }
        meter = plan.memory.map(MemoryMeter.init(limit:))
        parts = with(plan, added: Parts())
        for (index, stage) in plan.stages.enumerated() { parts.places[stage.fullName] = index }
    }

    var all: Parts { lock.locked { parts } }
    var nodes: [Node] { all.nodes }

    /// The parts of a plan that begins with what there is. What is new is connected among itself; between old and new only
    /// the links know of it yet.
    private func with(_ plan: Plan, added old: Parts) -> Parts {
        var parts = old
        parts.plan = plan
        parts.inLoop = plan.linksInLoops()
        let leavesGaps = plan.linksThatLeaveGaps()
        for index in old.links.count..<plan.links.count {
            parts.links.append(
                Link(
                    plan.links[index],
                    index: index,
                    leavesGaps: leavesGaps[index],
                    meter: meter,
                    options,
                    runner
                )
            )
        }
        var outputs = plan.stages.map { [[Link]](repeating: [], count: $0.outputs) }
        for link in parts.links { outputs[link.plan.from.stage][link.plan.from.port].append(link) }
        for index in old.copies.count..<plan.stages.count { makeCopies(plan.stages[index], outputs[index], &parts) }
        for link in parts.links[old.links.count...] {
            let (senders, takers) = (parts.copies[link.plan.from.stage], parts.copies[link.plan.to.stage])
            link.connect(senders: senders, takers: takers)
            guard link.plan.to.stage >= old.copies.count else { continue }
            for node in takers { node.connect(link, port: link.plan.to.port, sender: link.plan.from.stage) }
        }
        for link in parts.links[old.links.count...] where !parts.inLoop[link.index] {
            Node.join(parts.copies[link.plan.from.stage][0], by: link, parts.copies[link.plan.to.stage][0])
        }
        return parts
    }

    private func makeCopies(_ stage: StagePlan, _ links: [[Link]], _ parts: inout Parts) {
        let isReplicated = stage.replicas > 1 && !stage.isSource
        let ordering = isReplicated ? Ordering(stage, links: links) : nil
        var copies: [Node] = []
        for _ in 0..<(isReplicated ? stage.replicas : 1) {
            let node = Node(parts.nodes.count, stage, self, links: links, ordering: ordering)
            ordering?.add(node)
            parts.nodes.append(node)
            copies.append(node)
        }
        if let ordering { parts.orderings.append(ordering) }
        parts.copies.append(copies)
    }

    // MARK: Stations that come and go

    /// Goes over to another plan of the same graph: stage copies that are new begin, those that are not in it any more come to
    /// their end, as if their sources had ended. Those that are in both go on as they are.
    func adopt(_ plan: Plan) throws {
        guard options.recorder == nil else {
            throw StageError("stations cannot come and go while a run is recorded", hint: "run it without --record")
        }
        adoption.lock()
        defer { adoption.unlock() }
        let old = all
        let change = try PlanChange(
            from: old.plan,
            old.places,
            isOver: { index in old.copies[index].allSatisfy(\.saysItIsOver) },
            to: plan
        )
        var parts = with(change.plan, added: old)
        parts.places = change.places
        let added = parts
        let isRunning = lock.locked {
            guard closedCount < old.nodes.count else { return false }
            self.parts = added
            for (watch, name) in watches {
                for link in added.links[old.links.count...] where link.isCalled(name) { link.add(watch) }
            }
            return true
        }
        guard isRunning else { throw StageError("the run has ended") }
        for link in parts.links[old.links.count...] {
            let (from, to) = (link.plan.from, link.plan.to)
            if to.stage < old.copies.count {
                for node in parts.copies[to.stage] { node.change(.take(link, port: to.port, sender: from.stage)) }
            }
            if from.stage < old.copies.count { parts.copies[from.stage][0].change(.send(link, port: from.port)) }
        }
        for node in parts.nodes[old.nodes.count...] { node.notify() }
        for index in change.endedLinks {
            let link = parts.links[index]
            parts.copies[link.plan.from.stage][0].change(.sendNoMore(link, port: link.plan.from.port))
        }
        for index in change.endedSources { for node in parts.copies[index] { node.stop() } }
    }

    func begin() {
        if nodes.isEmpty { runner.finished() }
        for node in nodes { node.notify() }
    }

    /// Sources make no more; what is under way goes on to its end.
    func stop() {
        noted(.stop) { for node in nodes where node.setup.isSource { node.stop() } }
    }

    /// Does what concerns several stages, as part of the order in which a recorded run goes.
    private func noted<Result>(_ entry: RecordedEntry, _ body: () -> Result) -> Result {
        guard let recorder = options.recorder else { return body() }
        recorder.lock.lock()
        defer { recorder.lock.unlock() }
        recorder.note(entry)
        return body()
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
            return uselessSources(parts)
        }
        for source in useless { source.stop() }
    }

    private func uselessSources(_ parts: Parts) -> [Node] {
        let copies = parts.copies
        func isAlive(_ copy: Int) -> Bool { copies[copy].contains { !dead.contains($0.index) } }
        var useful = copies.indices.map { copies[$0][0].isSink && isAlive($0) }
        var queue = copies.indices.filter { useful[$0] }
        var senders = [[Int]](repeating: [], count: copies.count)
        for link in parts.plan.links { senders[link.to.stage].append(link.from.stage) }
        while let next = queue.popLast() {
            for sender in senders[next] where !useful[sender] && isAlive(sender) {
                useful[sender] = true
                queue.append(sender)
            }
        }
        return copies.indices.filter { parts.plan.stages[$0].isSource && !useful[$0] && isAlive($0) }.map {
            copies[$0][0]
        }
    }

    func closed(_ node: Node) {
        let isLast = lock.locked {
            closedCount += 1
            return closedCount == parts.nodes.count
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
    func unblock() -> Bool { noted(.unblock) { tryToUnblock() } }

    private func tryToUnblock() -> Bool {
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
        let parts = all
        let loops = parts.links.filter { parts.inLoop[$0.index] }
        let mayClose = lock.locked {
            defer { closedLoops = true }
            return !closedLoops
        }
        if mayClose, !loops.isEmpty, loops.allSatisfy({ !$0.hasItems }) {
            for link in loops {
                link.close()
                link.notifyTakers()
            }
            return true
        }
        return false
    }

    /// The run stands still for good.
    func reportStandstill() {
        let parts = all
        let stuck = parts.links.filter { $0.hasItems }.map(\.name)
        let waiting = parts.nodes.filter { !$0.isOver }.map(\.setup.fullName)
        let what = stuck.isEmpty ? "" : ", and items wait in \(stuck.prefix(5).joined(separator: ", "))"
        trouble("nothing can move: \(waiting.prefix(5).joined(separator: ", ")) wait for each other\(what)")
    }

    func trouble(_ text: String) {
        lock.locked { troubles.append(text) }
        options.log(LogEntry(at: Instant(nanoseconds: runner.time), .error, "", text))
    }

    var allTroubles: [String] { lock.locked { troubles } }

    /// Ends everything at once, when nothing is stepped any more.
    func cancel(_ reason: DropReason) { noted(.end(reason)) { dropAll(reason) } }

    private func dropAll(_ reason: DropReason) {
        let parts = all
        for node in parts.nodes where !node.isOver { node.cancel(reason) }
        for ordering in parts.orderings { ordering.abandon(reason) }
        for link in parts.links { _ = link.discard(reason, forGood: false) }
    }

    // MARK: Looking on

    func add(_ watch: LinkWatch, to name: String) -> Bool {
        lock.locked {
            let links = parts.links.filter { $0.isCalled(name) }
            guard !links.isEmpty else { return false }
            watches.append((watch, name))
            for link in links { link.add(watch) }
            return true
        }
    }

    func remove(_ watch: LinkWatch) {
        lock.locked {
            watches.removeAll { $0.watch === watch }
            for link in parts.links { link.remove(watch) }
        }
    }

    // MARK: Numbers

    var numbers: RunNumbers {
        let parts = all
        let stages = parts.copies.map { copy in
            copy.dropFirst().reduce(into: copy[0].currentNumbers) { $0.add($1.currentNumbers) }
        }
        let intakes = parts.nodes.flatMap { node in
            node.numbersLock.locked { node.numbers.intakes }.map(\.numbers)
        }
        var paths: [PathNumbers] = []
        for node in parts.nodes where node.isSink {
            for (source, latency) in node.currentLatencies {
                paths.append(
                    PathNumbers(
                        source: parts.nodes[Int(source)].setup.fullName,
                        sink: node.setup.fullName,
                        latency: latency
                    )
                )
            }
        }
        return RunNumbers(
            at: Instant(nanoseconds: runner.time),
            stages: stages,
            links: parts.links.map(\.numbers) + intakes,
            paths: paths
        )
    }
}
