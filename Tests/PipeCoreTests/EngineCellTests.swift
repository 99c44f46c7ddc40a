import Testing

@testable import PipeCore

/// Whole engines in every combination of policy, limit, shape and ending, on both runners, beside what must come out.
@Suite(.serialized)
struct EngineCellTests {
    static let rounds: UInt64 = isLong ? 20 : 1

    private func expectNoFaults(_ cell: EngineCell, _ runner: String, _ run: () -> (RunOutcome, Witness)) {
        var (outcome, witness): (RunOutcome?, Witness)
        (outcome, witness) = run()
        guard let ended = outcome else { return }
        let faults = cell.faults(ended, witness)
        outcome = nil
        if !faults.isEmpty { Issue.record("\(runner), \(cell)\n  \(faults.joined(separator: "\n  "))") }
        let living = witness.census.living
        if living != 0 { Issue.record("\(runner), \(cell)\n  \(living) payloads outlive their run") }
    }

    private func cells(_ whenFull: WhenFull) -> [EngineCell] {
        (0..<Self.rounds).flatMap { round in
            EngineCell.all.filter { $0.whenFull == whenFull }.map {
                EngineCell($0.whenFull, $0.limit, $0.shape, $0.ending, seed: $0.seed + round << 16)
            }
        }
    }

    @Test func `there are at least a thousand cells`() {
        #expect(EngineCell.all.count >= 1000)
    }

    @Test(arguments: WhenFull.allCases)
    func `on virtual time each cell comes out as it must`(whenFull: WhenFull) {
        for cell in cells(whenFull) { expectNoFaults(cell, "simulator", cell.simulate) }
    }

    @Test(arguments: WhenFull.allCases)
    func `on real time each cell comes out as it must`(whenFull: WhenFull) {
        for cell in cells(whenFull) { expectNoFaults(cell, "workers", cell.run) }
    }

    @Test(arguments: WhenFull.allCases)
    func `cancelled after any number of steps the books balance`(whenFull: WhenFull) {
        for cell in cells(whenFull) {
            let steps = Int(cell.seed % 41)
            let imbalances = cell.imbalancesAfterCancel(steps: steps)
            #expect(imbalances == [], "\(cell), cancelled after \(steps) steps")
        }
    }

    /// Cells that lose nothing would say little of how losses are counted.
    @Test func `the cells lose items in every way that links know`() {
        var dropped = DropCounts()
        var determined = 0
        for cell in stride(from: 0, to: EngineCell.all.count, by: 7).map({ EngineCell.all[$0] }) {
            let (outcome, witness) = cell.simulate()
            for link in outcome.numbers.links { dropped += link.books.dropped }
            if cell.expectation(made: witness.made) != nil { determined += 1 }
        }
        #expect(dropped.nonZero.map(\.reason) == [.overflow, .skipped, .tooOld, .rate, .failed])
        #expect(determined * 7 > EngineCell.all.count / 5, "\(determined) of a seventh have one right result")
    }

    /// Whoever looks at a run sees books that add up, at any moment.
    @Test(arguments: WhenFull.allCases, [1, 3])
    func `the books balance while a run goes on`(whenFull: WhenFull, workers: Int) {
        let cell = EngineCell(whenFull, .three, .partners, .input, seed: 1)
        let witness = Witness()
        var plan = cell.plan(witness)
        plan.stages[0] = TestStage(name: "source", work: .source(5000)).plan(witness, .counted, onMade: { _ in })
        let run = Run(plan, .seeded(1), workers: WorkerSettings(count: workers))
        run.start()
        repeat { #expect(run.numbers.imbalances(hasEnded: false) == []) } while !run.wait(until: run.time)
        let outcome = run.finish()
        #expect(outcome.isComplete)
        #expect(outcome.numbers.imbalances(hasEnded: true) == [])
    }
}
