import PipeCore
import PipeKit

/// Loops: one that nothing can start, and one that can fill up and stand still.
extension GraphBuilder {
    /// Reports the loops that nothing can start or that can fill, and returns the stages of the former: that no source
    /// leads to them is no news.
    mutating func checkCycles() -> Set<Int> {
        let unsafe = components { link in
            !graph.stages[link.from.stage].type.info.traits.contains(.loopSafe)
                && !graph.stages[link.to.stage].type.info.traits.contains(.loopSafe)
        }
        for loop in unsafe {
            report(loop) { loop in
                reader.diagnostics.error(
                    .cycle,
                    at: loop.place,
                    "these stages wait for each other: \(loop.names.joined(separator: " -> "))",
                    hint:
                        "begin the loop with a stage that works without what comes round, such as merge, or remove this link",
                    notes: loop.notes
                )
            }
        }
        let blocking = components { $0.policy.whenFull == .block && $0.policy.maxAge == nil }
        let reported = Set(unsafe.flatMap { $0 })
        let filling = blocking.filter { loop in !loop.contains { reported.contains($0) } }
        for loop in filling {
            report(loop) { loop in
                reader.diagnostics.error(
                    .cycleCanFill,
                    at: loop.place,
                    "when every link of this loop is full, it stands still: \(loop.names.joined(separator: " -> "))",
                    hint: "give one link of it a 'when_full' that drops, such as '{ when_full: drop_oldest }'",
                    notes: loop.notes
                )
            }
        }
        return reported
    }

    private struct Loop {
        var place: Place
        var names: [String]
        var notes: [Diagnostic.Note]
    }

    /// Spells out one loop of a component: from its first stage in the file, round and back, as short as it can be.
    private func report(_ component: [Int], _ say: (Loop) -> Void) {
        let members = Set(component)
        guard let start = component.min(by: { graph.stages[$0].place < graph.stages[$1].place }) else { return }
        var cameBy: [Int: Int] = [:]  // stage: the link it was reached by
        var queue = [start]
        var next = 0
        search: while next < queue.count {
            for link in graph.linksFrom[queue[next]] {
                let target = graph.links[link].to.stage
                guard members.contains(target), cameBy[target] == nil else { continue }
                cameBy[target] = link
                if target == start { break search }
                queue.append(target)
            }
            next += 1
        }
        var links: [Int] = []
        var stage = start
        repeat {
            guard let link = cameBy[stage] else { return }
            links.insert(link, at: 0)
            stage = graph.links[link].from.stage
        } while stage != start
        guard let closing = links.last else { return }
        var names = links.map { graph.stages[graph.links[$0].from.stage].name } + [graph.stages[start].name]
        if names.count > 12 { names.replaceSubrange(6..<(names.count - 5), with: ["…"]) }
        say(
            Loop(
                place: graph.links[closing].place,
                names: names,
                notes: links.dropLast().prefix(4).map {
                    .init("'\(graph.describe(graph.links[$0]))'", at: graph.links[$0].place)
                }
            )
        )
    }

    /// The sets of stages that lead to each other along the links that `follows` allows (Tarjan's, with a stack of its
    /// own instead of the machine's).
    private func components(along follows: (GraphLink) -> Bool) -> [[Int]] {
        let count = graph.stages.count
        let targets = (0..<count).map { stage in
            graph.linksFrom[stage].filter { follows(graph.links[$0]) }.map { graph.links[$0].to.stage }
        }
        var number = [Int](repeating: -1, count: count)
        var low = [Int](repeating: 0, count: count)
        var isOpen = [Bool](repeating: false, count: count)
        var open: [Int] = []
        var found: [[Int]] = []
        var time = 0
        var path: [(stage: Int, next: Int)] = []
        func enter(_ stage: Int) {
            number[stage] = time
            low[stage] = time
            time += 1
            open.append(stage)
            isOpen[stage] = true
            path.append((stage, 0))
        }
        for root in 0..<count where number[root] < 0 {
            enter(root)
            while let (stage, next) = path.last {
                if next < targets[stage].count {
                    path[path.count - 1].next += 1
                    let target = targets[stage][next]
                    if number[target] < 0 {
                        enter(target)
                    } else if isOpen[target] {
                        low[stage] = min(low[stage], number[target])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last?.stage { low[parent] = min(low[parent], low[stage]) }
                guard low[stage] == number[stage], let first = open.lastIndex(of: stage) else { continue }
                let component = Array(open[first...])
                open.removeSubrange(first...)
                for member in component { isOpen[member] = false }
                if component.count > 1 || targets[stage].contains(stage) { found.append(component) }
            }
        }
        return found
    }
}
