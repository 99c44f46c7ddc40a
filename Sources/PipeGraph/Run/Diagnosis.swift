public import PipeCore
import PipeKit

/// What limits a run, from what its stages spent their time on, and what a change would bring.
///
/// With backpressure all stages show the same rate, so rates name nobody. But behind the stage that limits all are idle now
/// and then, before it all are blocked or their links overflow, and it alone works all the time.
public struct Diagnosis: Sendable {
    public enum Kind: String, Sendable {
        /// A stage works all the time.
        case stage
        /// The threads that step the stages do.
        case workers
        /// A link lets through no more than its `rate`.
        case rate
        /// Nothing does: the sources bring no more.
        case source
    }

    public struct Limit: Sendable {
        public var kind: Kind
        /// The stage copies of this name.
        public var stage: String
        /// The link, where it is one.
        public var link: String?
        /// How much of its time it works, per copy: 0 to 1.
        public var load: Double
    }

    /// What would help, and how much more would get through then.
    public struct Fix: Sendable {
        public var change: String
        public var gain: Double
        /// What limits then.
        public var then: String
    }

    /// Where the time of one stage went, per copy, in parts of the whole.
    public struct Shares: Sendable {
        public var name: String
        public var working: Double
        public var ready: Double
        public var blocked: Double
        public var idle: Double
        /// Items taken, or made, in a second.
        public var rate: Double
        /// Items that were dropped on the way to it, in a second.
        public var dropped: Double
        /// It keeps more and more: what comes in three seconds, and it grows.
        public var isPiling: Bool
        public var wait: Duration?
        public var copies: Int
    }

    public let seconds: Double
    public private(set) var limit: Limit?
    public private(set) var fixes: [Fix] = []
    public let stages: [Shares]
    /// Where an item spends its time between source and sink.
    public private(set) var slowest: (stage: String, wait: Duration, age: Duration)?

    private let graph: Graph
    private let numbers: RunNumbers
    private let dropRates: [String: (in: Double, out: Double, lost: Double, byRate: Double)]
    private let workers: Int?
    /// The links that lead to each stage.
    private let linksInto: [[Int]]
    /// Processor time of all stages together, in parts of what the workers have.
    private let processorLoad: Double

    /// Without earlier numbers it judges the whole run. `workers` is nil where threads cost nothing: on virtual time.
    public init(_ graph: Graph, from earlier: RunNumbers?, to now: RunNumbers, workers: Int?) {
        self.graph = graph
        self.workers = workers
        let (after, before) = (now.merged, earlier?.merged)
        numbers = after
        let seconds = max(1e-9, (now.at - (earlier?.at ?? .zero)).seconds)
        self.seconds = seconds
        var rates: [String: (in: Double, out: Double, lost: Double, byRate: Double)] = [:]
        for link in after.links where !link.isIntake {
            let old = before?.links.first { $0.name == link.name }?.books ?? LinkBooks()
            func since(_ reason: DropReason) -> Double { Double(link.books.dropped[reason] - old.dropped[reason]) }
            rates[link.name] = (
                Double(link.books.in - old.in) / seconds, Double(link.books.out - old.out) / seconds,
                (since(.overflow) + since(.tooOld)) / seconds, since(.rate) / seconds
            )
        }
        dropRates = rates
        var busy = 0.0
        linksInto = graph.linksByTarget()
        var shares: [Shares] = []
        for (index, stage) in after.stages.enumerated() {
            let lost = linksInto[index].reduce(0.0) { $0 + (rates[graph.describe(graph.links[$1])]?.lost ?? 0) }
            let old = before?.stages.first { $0.name == stage.name }
            let times = old.map { stage.times - $0.times } ?? stage.times
            let whole = max(1e-12, times.total.seconds)
            busy += (stage.busy - (old?.busy ?? .zero)).seconds
            let moved =
                stage.isSource ? stage.books.made - (old?.books.made ?? 0) : stage.books.in - (old?.books.in ?? 0)
            let wait = old.map { stage.wait - $0.wait } ?? stage.wait
            let more = stage.books.held - (old?.books.held ?? 0)
            shares.append(
                Shares(
                    name: stage.name,
                    working: times.working.seconds / whole,
                    ready: times.ready.seconds / whole,
                    blocked: times.blocked.seconds / whole,
                    idle: times.idle.seconds / whole,
                    rate: Double(moved) / seconds,
                    dropped: lost,
                    isPiling: moved > 0 && 10 * more > moved && Double(stage.books.held) * seconds > 3 * Double(moved),
                    wait: wait.quantile(0.5),
                    copies: stage.copies
                )
            )
        }
        stages = shares
        processorLoad = workers.map { busy / (Double($0) * seconds) } ?? 0
        findLimit()
        findSlowest()
    }

    // MARK: The limit

    /// The part of its time that a stage needs for what it does. One that keeps more and more of what comes is at its end.
    private func load(_ stage: Int) -> Double { isAtItsEnd(stage) ? 1 : stages[stage].working }

    /// A stage that gathers keeps what it takes until there is enough, which is no sign of anything.
    private func isAtItsEnd(_ stage: Int) -> Bool { stages[stage].isPiling && !gathers(stage) }

    private func gathers(_ stage: Int) -> Bool { !graph.stages[stage].claims.gatherings.isEmpty }

    private mutating func findLimit() {
        guard let place = pressedStage else { return findSourceLimit() }
        let name = stages[place].name
        if let link = rateLimit(into: place) {
            limit = Limit(kind: .rate, stage: name, link: link, load: load(place))
            let books = dropRates[link]
            let offered = books.map { ($0.out + $0.byRate) / max(1e-9, $0.out) } ?? 1
            addFix("let more through '\(link)': raise its rate", scale: offered, at: place)
            return
        }
        if processorLoad > 0.9, load(place) < 0.9 {
            limit = Limit(kind: .workers, stage: name, load: processorLoad)
        } else {
            limit = Limit(kind: .stage, stage: name, load: load(place))
        }
        suggest(for: place)
    }

    /// The stage that all others wait for: links into it are full or overflow, and nothing behind it holds it up.
    private var pressedStage: Int? {
        var best: (stage: Int, score: Double)?
        for (index, _) in stages.enumerated() where !graph.stages[index].type.isSource {
            let pressure = max(linksInto[index].map(pressure).max() ?? 0, isAtItsEnd(index) ? 0.2 : 0)
            guard pressure > 0.1, stages[index].blocked < 0.5 else { continue }
            // Of several the one that has least time left; the drops before it break a tie.
            let score = max(load(index), stages[index].working + stages[index].ready) + 0.01 * pressure
            if best.map({ score > $0.score }) ?? true { best = (index, score) }
        }
        return best?.stage
    }

    /// From 0 to 1: how much of what its sender has does not get in at once.
    private func pressure(_ link: Int) -> Double {
        let plan = graph.links[link]
        let name = graph.describe(plan)
        guard let books = dropRates[name] else { return 0 }
        let lost = books.in > 0 ? min(1, (books.lost + books.byRate) / books.in) : 0
        guard plan.policy.whenFull == .block, let now = numbers.links.first(where: { $0.name == name }) else {
            return lost
        }
        // Of several links that a stage sends by it is the full one that blocks it. One that is not full may lead to a
        // stage that works all the time, and has taken what waits into its own hands.
        let fill = now.capacity > 0 ? Double(now.books.held) / Double(now.capacity) : 0
        let isMeant = graph.linksFrom[plan.from.stage].count == 1 || fill > 0.5 || load(plan.to.stage) > 0.9
        return max(lost, isMeant ? stages[plan.from.stage].blocked : 0)
    }

    private func rateLimit(into stage: Int) -> String? {
        linksInto[stage].map { graph.describe(graph.links[$0]) }.first { name in
            guard let books = dropRates[name] else { return false }
            return books.byRate > 0.1 * books.out && books.lost < books.byRate && load(stage) < 0.9
        }
    }

    /// Nothing is held up: a source brings no more, since that is its pace or since it works all the time.
    private mutating func findSourceLimit() {
        let sources = stages.indices.filter { graph.stages[$0].type.isSource }
        guard let place = sources.max(by: { load($0) < load($1) }) else { return }
        limit = Limit(kind: .source, stage: stages[place].name, load: load(place))
    }

    // MARK: What would help

    private mutating func suggest(for place: Int) {
        let stage = graph.stages[place]
        let name = stages[place].name
        if let pace = stage.claims.pace {
            addFix("raise '\(pace.name)' of '\(name)' to twice as much", scale: 2 / max(0.05, load(place)), at: place)
        } else if limit?.kind == .workers {
            addFix("more processors, or threads: { workers: \(2 * (workers ?? 1)) }", scale: 2, at: place)
        } else {
            let copies = max(1, stage.replicas)
            addFix("\(name): { replicas: \(2 * copies) }", scale: 2 / max(0.05, load(place)), at: place)
        }
        if let batcher = batcher(before: place) {
            addFix(
                "batches of '\(batcher)' twice as large, if one costs '\(name)' no more then",
                scale: 2 / max(0.05, load(place)),
                at: place
            )
        }
        for link in linksInto[place] where graph.links[link].policy.whenFull == .block {
            let worst = numbers.links.first { $0.name == graph.describe(graph.links[link]) }
            guard (worst?.books.held ?? 0) > 1 else { continue }
            fixes.append(
                Fix(
                    change:
                        "'when_full: latest' for '\(graph.describe(graph.links[link]))': not more, but fresh: an item"
                        + " then waits for one other at most",
                    gain: 1,
                    then: name
                )
            )
        }
    }

    /// A stage that makes batches for this one.
    private func batcher(before place: Int) -> String? {
        linksInto[place].map { graph.links[$0].from.stage }.first(where: gathers).map { stages[$0].name }
    }

    /// The flow through a stage could be so many times what it is: what is the least of all that bounds it?
    private mutating func addFix(_ change: String, scale: Double, at place: Int) {
        var (gain, then) = (scale, stages[place].name)
        func bound(_ scale: Double, _ name: String) {
            if scale < gain { (gain, then) = (scale, name) }
        }
        var seen: Set<Int> = [place]
        var queue = [place]
        // Behind it all flows scale with it.
        while let next = queue.popLast() {
            for link in graph.linksFrom[next] where seen.insert(graph.links[link].to.stage).inserted {
                let target = graph.links[link].to.stage
                if load(target) > 0 { bound(1 / load(target), stages[target].name) }
                queue.append(target)
            }
        }
        // Before it those that wait for it, up to a link that drops: there all comes by already.
        queue = [place]
        while let next = queue.popLast() {
            for link in linksInto[next] {
                let plan = graph.links[link]
                let name = graph.describe(plan)
                let books = dropRates[name] ?? (0, 0, 0, 0)
                if plan.policy.whenFull != .block || books.lost > 0 {
                    let offered = books.in - (next == place ? 0 : books.byRate)
                    bound(max(1, offered / max(1e-9, books.out)), stages[plan.from.stage].name)
                    continue
                }
                let sender = plan.from.stage
                guard seen.insert(sender).inserted else { continue }
                if graph.stages[sender].type.isSource {
                    bound(sourceScale(sender), stages[sender].name)
                } else {
                    if load(sender) > 0 { bound(1 / load(sender), stages[sender].name) }
                    queue.append(sender)
                }
            }
        }
        if let workers, processorLoad > 0, limit?.kind != .workers {
            bound(1 / processorLoad, "the \(workers) workers")
        }
        fixes.append(Fix(change: change, gain: max(1, gain), then: then))
    }

    /// How much more a source would make if nothing held it up.
    private func sourceScale(_ source: Int) -> Double {
        let shares = stages[source]
        if let pace = numbers.stages[source].pace, shares.rate > 0 { return max(1, pace / shares.rate) }
        // One without a pace of its own makes as much as it can while it works.
        return shares.working > 0.001 ? 1 / shares.working : .infinity
    }

    // MARK: Freshness

    private mutating func findSlowest() {
        guard
            let path = numbers.paths.max(by: {
                ($0.latency.quantile(0.5) ?? .zero) < ($1.latency.quantile(0.5) ?? .zero)
            }),
            let age = path.latency.quantile(0.5),
            let stage = stages.max(by: { ($0.wait ?? .zero) < ($1.wait ?? .zero) }), let wait = stage.wait
        else { return }
        slowest = (stage.name, wait, age)
    }
}

extension Diagnosis {
    public var json: JSON {
        func rounded(_ number: Double) -> JSON { .number((number * 1000).rounded() / 1000) }
        return .compact([
            "seconds": rounded(seconds),
            "limit": limit.map { limit in
                .compact([
                    "kind": .string(limit.kind.rawValue), "stage": .string(limit.stage),
                    "link": limit.link.map { .string($0) }, "load": rounded(limit.load),
                ])
            },
            "says": .strings(sentences),
            "fixes": .array(
                fixes.map { ["change": .string($0.change), "gain": rounded($0.gain), "then": .string($0.then)] }
            ),
            "stages": .array(
                stages.map { stage in
                    .compact([
                        "name": .string(stage.name), "copies": .integer(stage.copies), "rate": rounded(stage.rate),
                        "working": rounded(stage.working), "ready": rounded(stage.ready),
                        "blocked": rounded(stage.blocked), "idle": rounded(stage.idle),
                        "dropped": rounded(stage.dropped), "wait_p50": stage.wait.map { .number($0.seconds) },
                    ])
                }
            ),
        ])
    }

    /// For people: what limits, what would help, where time goes.
    public var sentences: [String] {
        guard let limit else { return ["Nothing has moved yet."] }
        func percent(_ share: Double) -> String { "\(Int((100 * min(1, share)).rounded())) %" }
        let shares = stages.first { $0.name == limit.stage }
        var lines: [String] = []
        let rate = ratePerSecond(shares?.rate ?? 0)
        let copies = (shares?.copies ?? 1) > 1 ? ", over \(shares?.copies ?? 1) copies," : ""
        switch limit.kind {
        case .stage:
            lines.append(
                "'\(limit.stage)' limits the run: it works \(percent(limit.load)) of the time\(copies) at \(rate)."
            )
        case .workers:
            lines.append(
                "The processors limit the run: the workers are busy \(percent(limit.load)) of the time, most for '\(limit.stage)'."
            )
        case .rate: lines.append("The rate of '\(limit.link ?? "")' limits the run: it lets \(rate) through.")
        case .source:
            lines.append("Nothing holds the items up: '\(limit.stage)' brings \(rate), and all of them get through.")
        }
        if let dropped = shares?.dropped, dropped > 0 {
            lines.append("\(ratePerSecond(dropped)) are dropped before it.")
        }
        for fix in fixes where fix.gain > 1.02 {
            let gain = "\(shortest((fix.gain * 100).rounded() / 100)) times as much"
            let then = fix.then == limit.stage ? "" : "; then '\(fix.then)' limits"
            lines.append("\(fix.change): \(gain)\(then).")
        }
        for fix in fixes where fix.gain <= 1.02 { lines.append(fix.change + ".") }
        if let slowest, slowest.age > .milliseconds(1) {
            lines.append(
                "An item is \(slowest.age.short) old at its sink (p50); it waits longest before '\(slowest.stage)', \(slowest.wait.short)."
            )
        }
        return lines
    }
}
