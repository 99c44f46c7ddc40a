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
}
