import PipeCore
import PipeKit

extension Behaviour {
    /// How a stage begins and ends.
    static let endings: [Behaviour] = [
        Behaviour(
            "ends when its inputs end without an item",
            because: "a night without events is no reason to hang in the morning",
            for: consumers
        ) { trial, findings in
            let result = try trial.run(trial.harness(0))
            findings.expectSuccess(result)
            findings.expect(result.books.in == 0, "it took \(result.books.in) items of none")
        },
        Behaviour(
            "works on a single item",
            because: "the first item is also the last one now and then",
            for: consumers
        ) { trial, findings in
            let result = try trial.run(trial.harness(1))
            findings.expectSuccess(result)
            findings.expect(result.books.in > 0, "it took nothing")
        },
        Behaviour("ends, with every item accounted for", because: "a run must tell what became of each item") {
            trial,
            findings in
            let result = try trial.run(trial.harness())
            findings.expectSuccess(result)
            findings.expect(result.books.in + result.books.made > 0, "nothing came about")
            findings.expect(trial.type.isSource == (result.books.in == 0), "it took \(result.books.in) items")
        },
        Behaviour(
            "is started first, finished once and let go once",
            because: "a file that is closed twice, or a last batch that is sent twice, is somebody else's"
        ) { trial, findings in
            for clock in StageHarness.Clock.allCases {
                let witness = Witness()
                var harness = trial.harness(4)
                witness.watch(&harness)
                if clock == .virtual { _ = try trial.run(harness) } else { _ = try trial.runBriefly(harness) }
                let life = witness.seen
                findings.expect(life.oddities.isEmpty, "\(life.oddities.sorted())")
                findings.expect(life.finished == 1, "finished \(life.finished) times")
                findings.expect(life.discarded == life.made, "\(life.made) made, \(life.discarded) let go")
            }
        },
        Behaviour("ends when it is stopped before it began", because: "who presses Ctrl-C at once means it") {
            trial,
            findings in
            let run = try trial.harness().start()
            run.stop()
            run.advance(steps: 100_000)
            findings.expectSuccess(run.end())
        },
        Behaviour("drains what is under way when it is stopped", because: "a deployment must not cost items") {
            trial,
            findings in
            let run = try trial.harness(every: .milliseconds(10)).start()
            run.advance(to: .milliseconds(155), steps: 500)
            run.stop()
            run.advance(to: .seconds(86_400), steps: 100_000)
            let result = run.end()
            findings.expectSuccess(result)
            findings.expect(result.books.dropped[.cancelled] == 0, "items were cancelled")
        },
        Behaviour("counts what is cut off as cancelled", because: "an item without a fate is a lost item") {
            trial,
            findings in
            for steps in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] {
                var harness = trial.harness(every: .microseconds(700))
                harness.seed = UInt64(steps)
                let run = try harness.start()
                run.advance(to: .seconds(2), steps: steps)
                let held = run.result.numbers.stages.reduce(0) { $0 + $1.books.held }
                let result = run.end(dropping: .cancelled)
                findings.expectBalance(result)
                let cancelled = result.numbers.stages.reduce(0) { $0 + $1.books.dropped[.cancelled] }
                findings.expect(cancelled >= held, "held \(held) and cancelled \(cancelled) after \(steps) steps")
                let left = result.numbers.stages.filter { $0.books.held > 0 }.map(\.name)
                findings.expect(left.isEmpty, "\(left) still hold items after \(steps) steps")
            }
        },
        Behaviour(
            "ends when what feeds it dies",
            because: "a dead camera must not keep the archive of the others open",
            for: consumers
        ) { trial, findings in
            for input in trial.type.inputs {
                var harness = trial.harness(every: .milliseconds(1))
                harness.fault(.kill, at: .milliseconds(15), on: "feed_\(input.name)")
                findings.expectEnd(try trial.run(harness))
            }
        },
        Behaviour("lets go of every payload at its end", because: "what leaks an item an hour stops within the year") {
            trial,
            findings in
            let (witness, counter) = (Witness(), Tracked.Counter())
            for isCancelled in [false, true] {
                var harness = trial.harness { input in
                    (0..<20).map { number in
                        guard case .any = input.payload else { return trial.item(number, of: input) }
                        return .payload(Tracked(trial.document(number), counter), key: "\(number % 3)")
                    }
                }
                witness.watch(&harness)
                if isCancelled {
                    let run = try harness.start()
                    run.advance(to: .seconds(1), steps: 8)
                    _ = run.end(dropping: .cancelled)
                } else {
                    _ = try trial.run(harness)
                }
            }
            findings.expect(counter.living == 0, "\(counter.living) payloads are alive after the run")
            findings.expect(witness.seen.made == witness.seen.discarded, "an instance was not let go")
        },
        Behaviour(
            "does nothing while nothing comes",
            because: "a graph that waits must not keep a processor awake",
            for: consumers
        ) { trial, findings in
            var harness = trial.harness(0)
            for input in trial.type.inputs {
                harness.feed(input.name, (0..<3).map { trial.item($0, of: input) }, ends: false)
            }
            harness.dropFirstFeeds(of: trial.type)
            let run = try harness.start()
            run.advance(to: .seconds(600))
            let before = run.steps
            run.advance(to: .seconds(4200))
            findings.expect(run.steps - before < 5, "\(run.steps - before) steps in an hour without an item")
            run.stop()
            run.advance()
            findings.expectBalance(run.end())
        },
        Behaviour(
            "begins as well after a year without an item",
            because: "times are counted from the start, and runs are long",
            for: consumers
        ) { trial, findings in
            let late = trial.harness { input in
                (0..<Trial.usual).map {
                    trial.item($0, of: input, key: ["a", "b", "c"][$0 % 3], at: .seconds(365 * 86_400))
                }
            }
            let result = try trial.run(late)
            findings.expectSuccess(result)
            findings.expectSame(result, try trial.run(trial.harness()), of: trial)
        },
    ]
}
