@testable import PipeCore

/// What must come out of a cell.
extension EngineCell {
    /// Nothing that this link gets can be lost by chance: what comes out of it follows from what goes in.
    private func isDetermined(_ policy: LinkPolicy) -> Bool {
        let mayOverflow = policy.whenFull != .block && (policy.capacity < 200 || policy.maxBytes != nil)
        return !mayOverflow && limit != .young && limit != .rate || policy == LinkPolicy()
    }

    struct Lane: Hashable {
        var sink: String
        var port: Int
        var source: UInt32
    }

    /// The numbers that reach each sink from each source, in order, where the policies alone decide that.
    func expectation(made: [UInt32: Int]) -> [Lane: [Int]]? {
        let graph = graph
        guard ending != .cancel, graph.edges.indices.allSatisfy({ isDetermined(policy(ofLink: $0)) }) else {
            return nil
        }
        let isPartial = ending == .fail || ending == .restartTwice
        if isPartial, shape == .fanIn { return nil }  // which source's item is the last to be taken is left to chance
        // One link for the letters of all sources: which of them it skips is left to their order.
        if shape == .fanIn, ending == .deadLetter, policy(ofLink: 3).skipFrames > 0 { return nil }
        // What is outside when a stage fails is lost, and what comes back does so in any order.
        if shape == .operate, isPartial || ending == .restart || policy(ofLink: 1).skipFrames > 0 { return nil }
        var lanes: [Lane: [Int]] = [:]
        // What each stage got, by input port and source. Stages stand in the order of the way.
        var came = graph.stages.map { _ in [Lane: [Int]]() }
        for (index, stage) in graph.stages.enumerated() {
            if stage.isSource { came[index] = [Lane(sink: "", port: 0, source: UInt32(index)): []] }
            for (lane, numbers) in came[index].sorted(by: { $0.key.port < $1.key.port }) {
                let numbers = stage.isSource ? Array(0..<made[lane.source, default: 0]) : numbers
                let (done, failed) = stage.results(of: numbers)
                if stage.work == .sink { lanes[Lane(sink: stage.name, port: lane.port, source: lane.source)] = done }
                for (link, edge) in graph.edges.enumerated() where edge.from == index {
                    let sent = stage.onError == .deadLetter && edge.fromPort == stage.outputs - 1 ? failed : done
                    let skip = policy(ofLink: link).skipFrames + 1
                    let passed = sent.enumerated().filter { $0.offset % skip == 0 }.map(\.element)
                    came[edge.to][Lane(sink: "", port: edge.port, source: lane.source)] = passed
                }
            }
        }
        return lanes
    }

    private func mayDrop(for reason: DropReason) -> Bool {
        switch reason {
        case .overflow: whenFull != .block
        case .skipped: limit == .skip
        case .tooOld: limit == .young
        case .rate: limit == .rate
        case .notChosen: false
        case .failed: ending == .fail || ending == .restartTwice
        case .cancelled: ending == .cancel
        case .drainedLate: false
        }
    }

    /// What is wrong with a run, in words: nothing, or the engine is.
    func faults(_ outcome: RunOutcome, _ witness: Witness) -> [String] {
        var found = outcome.numbers.imbalances(hasEnded: outcome.isComplete)
        found += outcome.troubles.filter { $0.hasPrefix("nothing can move") }
        if ending != .cancel, !outcome.isComplete { found.append("it has not come to its end") }
        for link in outcome.numbers.links {
            for (reason, count) in link.books.dropped.nonZero where !mayDrop(for: reason) {
                found.append("link \(link.fullName) dropped \(count) as \(reason.rawValue)")
            }
            if outcome.isComplete, link.books.held > 0 {
                found.append("link \(link.fullName) holds \(link.books.held)")
            }
        }
        let arrivals = Dictionary(grouping: witness.arrivals) { Lane(sink: $0.sink, port: $0.port, source: $0.source) }
            .mapValues { $0.map(\.sequence) }
        found += countFaults(outcome, witness, arrivals)
        if shape != .operate {
            for (lane, numbers) in arrivals where zip(numbers, numbers.dropFirst()).contains(where: { $0 >= $1 }) {
                found.append("\(lane) out of order: \(numbers)")
            }
        }
        if let expected = expectation(made: witness.made) {
            for (lane, numbers) in expected where arrivals[lane, default: []].sorted() != numbers {
                found.append("\(lane) got \(arrivals[lane, default: []]), not \(numbers)")
            }
        } else {
            found += freshnessFaults(witness, arrivals)
        }
        if shape == .partners { found += partnerFaults(witness) }
        return found
    }

    /// The engine's counts beside those of the stages themselves.
    private func countFaults(_ outcome: RunOutcome, _ witness: Witness, _ arrivals: [Lane: [Int]]) -> [String] {
        var found: [String] = []
        for (index, stage) in outcome.numbers.stages.enumerated() {
            let name = stage.fullName
            if stage.isSource, shape != .intake {
                let made = witness.made[UInt32(index), default: 0]
                if stage.books.made != made { found.append("\(name) counts \(stage.books.made), and made \(made)") }
            } else if stage.isSink {
                let came = arrivals.reduce(0) { $0 + ($1.key.sink == name ? $1.value.count : 0) }
                if stage.books.done != came { found.append("\(name) counts \(stage.books.done), and got \(came)") }
            }
        }
        return found
    }

    /// Which end of a series survives overload: its newest under drop_oldest and latest, its oldest under drop_newest.
    private func freshnessFaults(_ witness: Witness, _ arrivals: [Lane: [Int]]) -> [String] {
        guard ending == .input || ending == .stop, shape != .partners, shape != .operate else { return [] }
        guard limit != .young, limit != .rate, limit != .skip else { return [] }
        var found: [String] = []
        for lane in expectedLanes {
            let made = witness.made[lane.source, default: 0]
            guard made > 0 else { continue }
            let got = arrivals[lane, default: []]
            switch whenFull {
            case .block: break
            case .dropOldest, .latest:
                if got.last != made - 1 { found.append("\(lane) did not get the last, \(made - 1), but \(got)") }
            case .dropNewest:
                if got.first != 0 { found.append("\(lane) did not get the first, but \(got)") }
            }
        }
        return found
    }

    private var expectedLanes: [Lane] {
        switch shape {
        case .fanOut: (1...3).map { Lane(sink: "sink\($0)", port: 0, source: 0) }
        case .fanIn: (0...2).map { Lane(sink: "sink", port: 0, source: $0) }
        case .diamond, .partners: (0...1).map { Lane(sink: "sink", port: $0, source: 0) }
        case .line, .chain, .hold, .operate, .intake: [Lane(sink: "sink", port: 0, source: 0)]
        }
    }

    /// Who waits for partners is told of each item, on each input and once: it comes, or a gap says that it will not.
    /// Failures leave no gap, and of very many gaps the oldest are forgotten.
    private func partnerFaults(_ witness: Witness) -> [String] {
        guard ending == .input || ending == .stop else { return [] }
        let mayForget = limit != .roomy
        return (0...1).compactMap { port in
            let told = (witness.arrivals + witness.missing).filter { $0.sink == "sink" && $0.port == port }.map(
                \.sequence
            )
            let made = Array(0..<witness.made[0, default: 0])
            if mayForget ? Set(told).count == told.count && Set(told).isSubset(of: made) : told.sorted() == made {
                return nil
            }
            return "port \(port) was told of \(told.sorted()), of \(made.count) made"
        }
    }
}

extension TestStage {
    /// What it sends on, or has done, of a series on one input; and what it fails on.
    fileprivate func results(of numbers: [Int]) -> (done: [Int], failed: [Int]) {
        var (done, failed): ([Int], [Int]) = ([], [])
        var kept: Int?
        for number in numbers {
            if fails(on: number) {
                failed.append(number)
                if onError == .fail {
                    kept = nil
                    if failed.count > restart?.max ?? 0 { return (done, failed) }
                }
                continue
            }
            switch work {
            case .divisible(let divisor): if number % divisor == 0 { done.append(number) }
            case .hold:
                if let kept { done.append(kept) }
                kept = number
            case .source, .intake, .reject, .pass, .operate, .sink: done.append(number)
            }
        }
        if let kept { done.append(kept) }
        return (done, failed)
    }
}
