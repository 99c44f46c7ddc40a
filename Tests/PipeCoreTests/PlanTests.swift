import Testing

@testable import PipeCore

struct PlanTests {
    private func plan(stages: Int, partners: Set<Int> = [], _ links: [(Int, Int)]) -> Plan {
        var plan = Plan()
        plan.stages = (0..<stages).map { index in
            TestStage(name: "\(index)", work: .pass, awaitsPartners: partners.contains(index))
                .plan(Witness(), .plain, onMade: { _ in })
        }
        plan.links = links.map { from, to in
            LinkPlan(name: "", from: .init(stage: from, port: 0), to: .init(stage: to, port: 0), policy: LinkPolicy())
        }
        return plan
    }

    @Test func `a link is in a loop when its end leads back to its start`() {
        #expect(plan(stages: 3, [(0, 1), (1, 2)]).linksInLoops() == [false, false])
        #expect(plan(stages: 2, [(0, 0), (0, 1)]).linksInLoops() == [true, false])
        let two = plan(stages: 5, [(0, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 3)])
        #expect(two.linksInLoops() == [false, true, true, false, true, true])
        let diamond = plan(stages: 4, [(0, 1), (0, 2), (1, 3), (2, 3)])
        #expect(diamond.linksInLoops() == [false, false, false, false])
    }

    @Test func `a chain of very many stages is no matter for the stack`() {
        let count = 20_000
        let chain = (1..<count).map { ($0 - 1, $0) }
        #expect(!plan(stages: count, chain).linksInLoops().contains(true))
        #expect(!plan(stages: count, chain + [(count - 1, 0)]).linksInLoops().contains(false))
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `loops are those that a walk finds`(seed: UInt64) {
        var chance = RandomSource(seed: seed)
        let stages = Int.random(in: 1...8, using: &chance)
        let links = (0..<Int.random(in: 0...12, using: &chance)).map { _ in
            (Int.random(in: 0..<stages, using: &chance), Int.random(in: 0..<stages, using: &chance))
        }
        func reaches(_ end: Int, from start: Int) -> Bool {
            var seen: Set<Int> = [start]
            while let link = links.first(where: { seen.contains($0.0) && !seen.contains($0.1) }) { seen.insert(link.1) }
            return seen.contains(end)
        }
        #expect(plan(stages: stages, links).linksInLoops() == links.map { reaches($0.0, from: $0.1) })
        // And who waits for partners hears from all links that lead there.
        let partners = Set((0..<stages).filter { _ in chance.share() < 0.2 })
        let leaving = links.map { link in partners.contains { reaches($0, from: link.1) } }
        #expect(plan(stages: stages, partners: partners, links).linksThatLeaveGaps() == leaving)
    }
}

struct DropCountsTests {
    @Test func `each reason has a count of its own`() {
        var counts = DropCounts()
        for (index, reason) in DropReason.allCases.enumerated() {
            #expect(reason.index == index)
            counts[reason] = index + 1
        }
        #expect(DropReason.allCases.map { counts[$0] } == Array(1...8))
        #expect(counts.total == 36)
        counts += counts
        #expect(counts.total == 72 && counts[.drainedLate] == 16)
        counts[.overflow] = 0
        #expect(counts.nonZero.map(\.reason) == Array(DropReason.allCases.dropFirst()))
    }

    @Test func `counts are equal when all of them are`() {
        var (a, b) = (DropCounts(), DropCounts())
        #expect(a == b && a.hashValue == b.hashValue)
        a[.rate] = 1
        #expect(a != b)
        b[.rate] = 1
        #expect(a == b && a.hashValue == b.hashValue)
    }
}

struct SeedTests {
    /// All that a run has to say.
    private func report(_ cell: EngineCell) -> String {
        let (outcome, witness) = cell.simulate()
        let drops = (outcome.numbers.links.map(\.books.dropped) + outcome.numbers.stages.map(\.books.dropped))
            .map { drops in DropReason.allCases.map { drops[$0] } }
        return "\(outcome) \(drops) \(witness.arrivals) \(witness.missing)"
    }

    @Test func `a seed gives the same run, to the last byte`() {
        for cell in stride(from: 0, to: EngineCell.all.count, by: 23).map({ EngineCell.all[$0] }) {
            let first = report(cell)
            #expect(first == report(cell), "\(cell)")
        }
    }

    @Test func `other seeds give other runs`() {
        let runs = (0..<20).map { report(EngineCell(.dropOldest, .three, .fanIn, .stop, seed: $0)) }
        #expect(Set(runs).count == runs.count)
    }

    @Test func `chance is the same everywhere`() {
        var chance = RandomSource(seed: 1)
        // From the author's own program for SplitMix64.
        #expect(
            (0..<3).map { _ in chance.next() } == [0x910A_2DEC_8902_5CC1, 0xBEEB_8DA1_658E_EC67, 0xF893_A2EE_FB32_555E]
        )
        var shares = RandomSource(seed: 2)
        let drawn = (0..<10_000).map { _ in shares.share() }
        #expect(drawn.allSatisfy { (0..<1).contains($0) })
        #expect(abs(drawn.reduce(0, +) / 10_000 - 0.5) < 0.02)
    }
}
