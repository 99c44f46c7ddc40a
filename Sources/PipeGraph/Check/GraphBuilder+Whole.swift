import PipeCore
import PipeKit

/// The graph as a whole: what no stage and no link shows alone. Every check is linear in stages and links.
extension GraphBuilder {
    mutating func checkWhole() {
        let byTarget = graph.linksByTarget()
        let loops = checkCycles()
        checkReachable(byTarget, besides: loops)
        checkGatherings(byTarget)
        checkJoins(byTarget)
        checkFanOut()
        checkMemory(byTarget)
    }

    // MARK: Reach

    /// Every stage is fed by a source.
    private func checkReachable(_ byTarget: [[Int]], besides loops: Set<Int>) {
        var reached = [Bool](repeating: false, count: graph.stages.count)
        var queue = graph.stages.indices.filter { index in
            let stage = graph.stages[index]
            // What misses an input was reported, and what it feeds is not to blame.
            let missesInput = byTarget[index].isEmpty && stage.inputs.contains { $0.arity != .optional }
            return stage.type.isSource || isPartial[index] || missesInput || loops.contains(index)
                || presumedInputs.contains { $0.stage == index }
        }
        for index in queue { reached[index] = true }
        while let stage = queue.popLast() {
            for link in graph.linksFrom[stage] where !reached[graph.links[link].to.stage] {
                reached[graph.links[link].to.stage] = true
                queue.append(graph.links[link].to.stage)
            }
        }
        for island in islands(of: graph.stages.indices.filter { !reached[$0] }, byTarget) {
            let names = island.map { "'\(graph.stages[$0].name)'" }
            reader.diagnostics.error(
                .unreachableStage,
                at: graph.stages[island[0]].place,
                "no source leads to \(names.prefix(6).joined(separator: ", "))\(names.count > 6 ? " and \(names.count - 6) more" : ""), "
                    + "so nothing will ever come there",
                hint: "link a source to it, or remove it"
            )
        }
    }

    /// Stages that are linked with each other, in the order of the file.
    private func islands(of stages: [Int], _ byTarget: [[Int]]) -> [[Int]] {
        var left = Set(stages)
        var found: [[Int]] = []
        for start in stages where left.remove(start) != nil {
            var island = [start]
            var next = 0
            while next < island.count {
                let links = graph.linksFrom[island[next]] + byTarget[island[next]]
                for stage in links.flatMap({ [graph.links[$0].from.stage, graph.links[$0].to.stage] }) {
                    if left.remove(stage) != nil { island.append(stage) }
                }
                next += 1
            }
            found.append(island.sorted { graph.stages[$0].place < graph.stages[$1].place })
        }
        return found
    }

    // MARK: Batches and joins

    private func checkGatherings(_ byTarget: [[Int]]) {
        for (index, stage) in graph.stages.enumerated() {
            for gathering in stage.claims.gatherings {
                let port = stage.inputs.firstIndex { $0.name == gathering.input.name }
                for link in byTarget[index] {
                    let link = graph.links[link]
                    guard link.to.port == port, link.policy.capacity < gathering.count else { continue }
                    reader.diagnostics.fallback = stage.place
                    reader.diagnostics.error(
                        .batchExceedsQueue,
                        at: gathering.option.place,
                        "'\(stage.name)' gathers \(gathering.count) items, and the link that feeds it holds "
                            + "\(link.policy.capacity)",
                        hint: link.policy.whenFull == .latest
                            ? "a link that keeps the latest holds one: give it another 'when_full'"
                            : "use \(link.policy.capacity) or less, or give the link 'capacity: \(gathering.count)'",
                        notes: [.init("the link is here", at: link.place)]
                    )
                }
            }
        }
    }

    /// Where items may be left out: a link, or a stage (one of its outputs, where it has several: what one leaves out
    /// may leave by another).
    private struct Shedding: Hashable {
        var place: Place
        var port: Int
    }

    /// A set of small numbers.
    private struct Bits {
        var words: [UInt64] = []

        mutating func insert(_ number: Int) {
            while words.count <= number / 64 { words.append(0) }
            words[number / 64] |= 1 << UInt64(number % 64)
        }

        mutating func formUnion(_ other: Bits) {
            while words.count < other.words.count { words.append(0) }
            for index in other.words.indices { words[index] |= other.words[index] }
        }

        func contains(_ number: Int) -> Bool {
            number / 64 < words.count && words[number / 64] & (1 << UInt64(number % 64)) != 0
        }

        /// The numbers that some other set lacks.
        func missing(in others: [Bits]) -> [Int] {
            words.indices.flatMap { index -> [Int] in
                let common = others.reduce(~UInt64(0)) { $0 & (index < $1.words.count ? $1.words[index] : 0) }
                let own = words[index] & ~common
                return own == 0 ? [] : (0..<64).filter { own & (1 << UInt64($0)) != 0 }.map { index * 64 + $0 }
            }
        }
    }

    /// A stage that waits for partners must not be fed by a side that leaves some out.
    private func checkJoins(_ byTarget: [[Int]]) {
        guard graph.stages.contains(where: \.claims.waitsForAllInputs) else { return }
        var places: [Shedding: Int] = [:]
        var named: [Place] = []
        func number(_ shedding: Shedding) -> Int {
            if let known = places[shedding] { return known }
            places[shedding] = named.count
            named.append(shedding.place)
            return named.count - 1
        }
        // For each stage, what may be left out on the way to it; a link adds itself and the output it leaves by.
        var before = [Bits](repeating: Bits(), count: graph.stages.count)
        func upstream(of index: Int) -> Bits {
            let link = graph.links[index]
            let origin = graph.stages[link.from.stage]
            var bits = before[link.from.stage]
            if link.policy.mayDrop { bits.insert(number(Shedding(place: link.place, port: 0))) }
            if origin.type.info.traits.contains(.sheds) || origin.onError != .fail && !origin.type.isSource {
                let isOnly = graph.linksFrom[link.from.stage].allSatisfy { graph.links[$0].from == link.from }
                bits.insert(number(Shedding(place: origin.place, port: isOnly ? 0 : link.from.port + 1)))
            }
            return bits
        }
        for index in inOrder(byTarget) {
            let sides = byTarget[index].map { (link: $0, left: upstream(of: $0)) }
            for side in sides { before[index].formUnion(side.left) }
            guard graph.stages[index].claims.waitsForAllInputs else { continue }
            for side in sides {
                // What is left out before the sides part is missing on both.
                let own = side.left.missing(in: sides.map(\.left)).map { named[$0] }
                guard let first = own.min() else { continue }
                let (link, name) = (graph.links[side.link], graph.stages[index].name)
                reader.diagnostics.error(
                    .joinCanStarve,
                    at: link.place,
                    "'\(name)' waits for a partner of each item, and this side may leave items out",
                    hint: "let '\(name)' go on without a partner ('missing: skip'), or let this side block",
                    notes: first == link.place ? [] : [.init("items may be left out here", at: first)]
                )
            }
        }
    }

    // MARK: Fan-out

    /// How many sinks something leads to, as far as it matters.
    private enum Sinks: Equatable {
        case none
        case one(Int)
        case many

        mutating func add(_ other: Sinks) {
            if other == .none || other == self { return }
            self = self == .none ? other : .many
        }
    }

    /// One output that feeds several stages: where a stalled sink would hold up the others, the graph says whether it may.
    private func checkFanOut() {
        let all = sinks(among: { $0.type.isSink }, along: { _ in true })
        let stalling = sinks(
            among: { $0.type.isSink && !$0.type.info.traits.contains(.neverStalls) },
            along: { $0.policy.whenFull == .block }
        )
        for stage in graph.stages.indices where graph.linksFrom[stage].count > 1 {
            for links in byPort(graph.linksFrom[stage]) where links.count > 1 {
                let siblings = sinksOfSiblings(links.map { all[graph.links[$0].to.stage] })
                let freezing = links.indices.filter { index in
                    let stalled = stalling[graph.links[links[index]].to.stage]
                    return !graph.links[links[index]].statesWhenFull && stalled != .none && siblings[index] != .none
                        && (stalled == .many || siblings[index] != stalled)
                }.map { links[$0] }
                guard let first = freezing.min(by: { graph.links[$0].place < graph.links[$1].place }) else { continue }
                let target = graph.stages[graph.links[first].to.stage].name
                let others = links.lazy.filter { $0 != first }.prefix(4).map {
                    "'\(graph.stages[graph.links[$0].to.stage].name)'"
                }
                reader.diagnostics.error(
                    .fanOutCanFreeze,
                    at: graph.links[first].place,
                    "'\(graph.describe(output: graph.links[first].from))' also feeds \(others.joined(separator: ", ")), "
                        + "which would stand still when '\(target)' does",
                    hint:
                        "say what happens when this link is full: '{ when_full: block }' or drop_oldest, drop_newest, latest",
                    notes: freezing.filter { $0 != first }.map { .init("the same here", at: graph.links[$0].place) }
                )
            }
        }
    }

    /// For each of several branches, where all the others lead: what comes before it and what comes after it.
    private func sinksOfSiblings(_ branches: [Sinks]) -> [Sinks] {
        var result = branches
        var before = Sinks.none
        for index in branches.indices {
            result[index] = before
            before.add(branches[index])
        }
        var after = Sinks.none
        for index in branches.indices.reversed() {
            result[index].add(after)
            after.add(branches[index])
        }
        return result
    }

    private func byPort(_ links: [Int]) -> [[Int]] {
        var ports: [Int: [Int]] = [:]
        for link in links { ports[graph.links[link].from.port, default: []].append(link) }
        return ports.keys.sorted().compactMap { ports[$0] }
    }

    /// For each stage, which of some sinks it leads to along some links.
    private func sinks(among counts: (GraphStage) -> Bool, along follows: (GraphLink) -> Bool) -> [Sinks] {
        var result = [Sinks](repeating: .none, count: graph.stages.count)
        var into = [[Int]](repeating: [], count: graph.stages.count)
        for link in graph.links where follows(link) { into[link.to.stage].append(link.from.stage) }
        var queue = graph.stages.indices.filter { counts(graph.stages[$0]) }
        for sink in queue { result[sink] = .one(sink) }
        // Each stage changes at most twice, so this ends after a few looks at each link.
        while let stage = queue.popLast() {
            for origin in into[stage] {
                let before = result[origin]
                result[origin].add(result[stage])
                if result[origin] != before { queue.append(origin) }
            }
        }
        return result
    }

    // MARK: Memory

    /// What all links hold when they are full, against the limit.
    private func checkMemory(_ byTarget: [[Int]]) {
        guard let limit = graph.limits.memory, let place = graph.limits.$memory.place else { return }
        let sizes = itemSizes(byTarget)
        let links = graph.links.indices.map { index -> (index: Int, bytes: ByteCount) in
            let link = graph.links[index]
            let copies = max(
                1,
                graph.stages[link.from.stage].stations.count,
                graph.stages[link.to.stage].stations.count
            )
            let item = sizes[link.from] ?? link.payload.worstCase
            return (index, (link.policy.maxBytes ?? item.times(link.policy.capacity)).times(copies))
        }
        let total = links.reduce(ByteCount(0)) { $0.plus($1.bytes) }
        guard total > limit else { return }
        let largest = links.sorted { ($1.bytes, $0.index) < ($0.bytes, $1.index) }.prefix(3)
        reader.diagnostics.error(
            .memoryLimit,
            at: place,
            "full links would hold \(total), more than the limit of \(limit)",
            hint: "give the largest links 'max_bytes' or a smaller 'capacity', or raise the limit",
            notes: largest.map {
                .init("\(graph.describe(graph.links[$0.index])): up to \($0.bytes)", at: graph.links[$0.index].place)
            }
        )
    }

    /// The most that an item on each output takes, where a stage states it or passes on what it got.
    private func itemSizes(_ byTarget: [[Int]]) -> [GraphLink.End: ByteCount] {
        var sizes: [GraphLink.End: ByteCount] = [:]
        for stage in inOrder(byTarget) {
            for (port, spec) in graph.stages[stage].outputs.enumerated() {
                let end = GraphLink.End(stage: stage, port: port)
                let links = byTarget[stage].map { graph.links[$0] }
                func largest(_ port: Int) -> ByteCount {
                    links.filter { $0.to.port == port }.map { sizes[$0.from] ?? $0.payload.worstCase }.max()
                        ?? ByteCount(0)
                }
                switch graph.stages[stage].claims.itemSizes[PortReference(name: spec.name)] {
                case .bytes(let bytes)?: sizes[end] = bytes
                case .inputs(let times, let plus)?:
                    let inputs = graph.stages[stage].inputs.indices.reduce(ByteCount(0)) { $0.plus(largest($1)) }
                    sizes[end] = inputs.times(times).plus(plus)
                case nil:
                    guard case .like(let input) = spec.payload else { continue }
                    sizes[end] = graph.stages[stage].inputs.firstIndex { $0.name == input }.map(largest)
                }
            }
        }
        return sizes
    }
}
