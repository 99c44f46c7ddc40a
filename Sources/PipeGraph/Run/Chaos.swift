public import PipeCore
import PipeKit

/// Runs a graph on virtual time while things go wrong, by a seed: whatever happens, the books must balance and nothing
/// may stand still.
public struct Chaos: Sendable {
    let graph: Graph
    let plan: Plan

    public init(_ graph: Graph) {
        self.graph = graph
        plan = graph.plan
    }

    public struct Result: Sendable {
        public let seed: Int
        public let faults: [PlannedFault]
        public let outcome: RunOutcome
        /// What should not have happened.
        public let problems: [String]
        /// The same for each run of one seed.
        public let digest: UInt64
    }

    /// Steps after which a run is cut off: a source without a rate would fill any time.
    private static let mostSteps = 20_000

    public func run(seed: Int) -> Result {
        var chance = RandomSource(seed: UInt64(bitPattern: Int64(seed)) ^ 0xC4A0_5EED)
        let length = Double.random(in: 0.2...8, using: &chance)
        let faults = (0..<Int.random(in: 0...6, using: &chance)).map { _ in fault(within: length, &chance) }
        // A third of the runs is stopped and drained, a third is cut off, a third goes on to its end or for long.
        let ending = Int.random(in: 0..<3, using: &chance)
        var options = EngineOptions(epoch: 1_767_225_600, files: MemoryFiles())
        options.seed = UInt64(bitPattern: Int64(seed))
        let outcome = SimulatedRun.run(
            plan,
            options,
            faults: faults,
            for: ending == 1 ? .seconds(length) : .seconds(length * 10 + 60),
            stoppingAt: ending == 0 ? .seconds(length) : nil,
            steps: Chaos.mostSteps
        )
        var problems = outcome.numbers.imbalances(hasEnded: outcome.isComplete)
        problems += outcome.troubles.filter { $0.hasPrefix("nothing can move") }
        return Result(seed: seed, faults: faults, outcome: outcome, problems: problems, digest: digest(outcome.numbers))
    }

    private func fault(within length: Double, _ chance: inout RandomSource) -> PlannedFault {
        let stage = graph.stages[Int.random(in: graph.stages.indices, using: &chance)].name
        let at = Duration.seconds(Double.random(in: 0...length, using: &chance))
        func time(_ most: Double) -> Duration { .seconds(Double.random(in: 0.001...most, using: &chance)) }
        let kinds: [PlannedFault.Kind] = [
            .stall(time(3)), .kill, .error(Double.random(in: 0...0.5, using: &chance)), .slow(time(0.2)),
            .loseConnection,
            .jumpClock(time(3600)), .fillDisk(time(2)), .kill,
        ]
        return PlannedFault(stage: stage, at: at, kind: kinds[Int.random(in: kinds.indices, using: &chance)])
    }

    private func digest(_ numbers: RunNumbers) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ number: Int) { hash = (hash ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01B3 }
        mix(numbers.at.nanoseconds)
        for link in numbers.links {
            for number in [link.books.in, link.books.out, link.books.held] { mix(number) }
            for reason in DropReason.allCases { mix(link.books.dropped[reason]) }
        }
        for stage in numbers.stages {
            for number in [stage.books.in, stage.books.done, stage.books.failed, stage.books.made] { mix(number) }
            mix(stage.restarts)
        }
        return hash
    }
}
