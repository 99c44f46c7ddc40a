public import PipeCore
public import PipeKit
import Synchronization

/// Runs the tests of a graph on virtual time.
public struct TestRunner: Sendable {
    public let checker: GraphChecker
    /// Where a test states no seed.
    public var seed: Int

    public init(_ checker: GraphChecker, seed: Int = 1) {
        self.checker = checker
        self.seed = seed
    }

    /// Runs one test of a checked graph. `check` gives the graph anew with the params that a test sets.
    public func run(
        _ test: GraphTest,
        of graph: Graph,
        seed: Int? = nil,
        check: (_ params: [(name: String, value: String)]) -> CheckResult
    ) -> TestResult {
        var seed = seed ?? test.seed ?? self.seed
        var graph = graph
        var test = test
        var recording: (manifest: RecordingFolder.Manifest, entries: [UInt8])?
        if let folder = test.replay.map({ RecordingFolder($0.path.absolute) }) {
            do { recording = (try folder.manifest(), try folder.entries()) } catch {
                return TestResult(name: test.name, seed: seed, failures: [.init("\(error)")])
            }
            test.params = recording?.manifest.params ?? []
            seed = Int(truncatingIfNeeded: recording?.manifest.seed ?? 0)
        }
        if !test.params.isEmpty {
            let result = check(test.params)
            guard let changed = result.graph, let same = changed.tests.first(where: { $0.name == test.name }) else {
                let problem = result.findings.first?.message ?? "unknown"
                return TestResult(
                    name: test.name,
                    seed: seed,
                    failures: [.init("with its params the graph is wrong: \(problem)")]
                )
            }
            (graph, test) = (changed, same)
        }
        var plan = graph.plan
        var failures: [TestResult.Failure] = []
        feed(test, graph, &plan, &failures)
        guard failures.isEmpty else { return TestResult(name: test.name, seed: seed, failures: failures) }
        let observers = test.expectations.map { Observer($0, graph, &plan) }
        let log = Mutex<[LogEntry]>([])
        var options = EngineOptions(epoch: 1_767_225_600, files: MemoryFiles()) { entry in
            log.withLock { if $0.count < 1000 { $0.append(entry) } }
        }
        options.seed = UInt64(bitPattern: Int64(seed))
        let outcome: RunOutcome
        if let (manifest, entries) = recording {
            options.epoch = manifest.epoch
            let replay = Replay(plan, options, sources: graph.recordedSources, recording: entries)
            do throws(Replay.Difference) {
                while try replay.step() {}
            } catch {
                failures.append(.init("it parts from the recording at \(replay.time.short): \(error)"))
            }
            outcome = replay.finish()
        } else {
            outcome = SimulatedRun.run(plan, options, faults: test.faultList.compactMap(\.planned), for: test.run)
        }
        let imbalances = outcome.numbers.imbalances(hasEnded: outcome.isComplete)
        for observer in observers { failures += observer.failures(outcome, imbalances) }
        // Whatever a test expects, the engine's own promise holds in each.
        if !test.expectations.contains(where: { $0.books != nil }) {
            failures += imbalances.map { .init("the books do not add up: \($0)") }
        }
        return TestResult(
            name: test.name,
            seed: seed,
            failures: failures,
            outcome: outcome,
            log: failures.isEmpty ? [] : log.withLock { $0 }
        )
    }

    /// Puts feeders in the place of the stages that the test feeds.
    private func feed(_ test: GraphTest, _ graph: Graph, _ plan: inout Plan, _ failures: inout [TestResult.Failure]) {
        var feedings: [Int: [Feeding]] = [:]
        for feed in test.feeds {
            let link = graph.links.first { $0.from == feed.output }
            let name = link.map(\.payload.name) ?? ""
            let type = PayloadType.named(name) ?? PayloadType.of(Document.self)
            var feeding = Feeding(port: feed.output.port, feed: feed.feed, type: type)
            if let values = feed.values {
                feeding.values = []
                for value in values {
                    guard let payload = type.read(value) else {
                        let output = graph.describe(output: feed.output)
                        failures.append(
                            .init("\(value.text()) cannot be fed to \(output), which sends \(type.info.name)")
                        )
                        continue
                    }
                    feeding.values?.append(payload)
                }
            } else if type.sample(0) == nil {
                let output = graph.describe(output: feed.output)
                failures.append(
                    .init("\(output) sends \(type.info.name), of which there are no samples: state 'values'")
                )
            }
            feedings[feed.output.stage, default: []].append(feeding)
        }
        for (stage, feedings) in feedings {
            for index in plan.stages.indices where plan.stages[index].name == graph.stages[stage].name {
                plan.stages[index].isSource = true
                plan.stages[index].replicas = 1
                plan.stages[index].make = { Feeder.body(feedings, $0) }
            }
        }
    }
}

extension Fault {
    /// As the simulator knows it.
    var planned: PlannedFault? {
        guard let stage else { return nil }
        let kind: PlannedFault.Kind
        if let stall {
            kind = .stall(stall)
        } else if kill == true {
            kind = .kill
        } else if let error {
            kind = .error(error.fraction)
        } else if let slow {
            kind = .slow(slow)
        } else if dropConnection == true {
            kind = .loseConnection
        } else if let clockJump {
            kind = .jumpClock(clockJump.duration)
        } else if let diskFull {
            kind = .fillDisk(diskFull)
        } else {
            return nil
        }
        return PlannedFault(stage: stage, at: at, kind: kind)
    }
}

/// How a test went.
public struct TestResult: Sendable {
    public struct Failure: Sendable {
        public let message: String
        /// What was expected, where it stands.
        public let place: Place?

        init(_ message: String, at place: Place? = nil) {
            self.message = message
            self.place = place
        }
    }

    public let name: String
    public let seed: Int
    public let failures: [Failure]
    public var outcome: RunOutcome?
    public var log: [LogEntry] = []

    public var hasPassed: Bool { failures.isEmpty }
}
