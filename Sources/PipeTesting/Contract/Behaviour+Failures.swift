import PipeCore
import PipeKit

extension Behaviour {
    private static let moments: [Duration] = [
        .zero, .nanoseconds(1), .microseconds(400), .milliseconds(5), .microseconds(20_500), .milliseconds(39),
        .milliseconds(41), .milliseconds(900),
    ]
    private static let restart = ["restart": "{ max: 1000, backoff: 1ms }"]

    /// What a stage does when it fails, or what is around it.
    static let failures: [Behaviour] = [
        Behaviour("may die at any moment", because: "the graph goes on, and says what was lost") { trial, findings in
            for moment in moments {
                var harness = trial.harness(every: .milliseconds(1))
                harness.fault(.kill, at: moment)
                let result = try trial.run(harness)
                findings.expectEnd(result)
                let isSaid = result.stage(StageHarness.subject).state != .failed || !result.troubles.isEmpty
                findings.expect(isSaid, "nobody said that it died after \(moment)")
            }
        },
        Behaviour("begins anew after it died at any moment", because: "that is what a restart is for") {
            trial,
            findings in
            for moment in moments {
                var harness = trial.harness(every: .milliseconds(1), setting: restart)
                harness.fault(.kill, at: moment)
                let result = try trial.run(harness)
                findings.expectSuccess(result)
                let fed = trial.type.inputs.reduce(0) { $0 + ($1.arity == .many ? 2 : 1) * Trial.usual }
                findings.expect(result.books.in == fed, "it took \(result.books.in) of \(fed) after \(moment)")
                findings.expect(result.stage(StageHarness.subject).restarts <= 1, "it was started anew twice")
            }
        },
        Behaviour("is let go once for each life", because: "a life that failed had files and threads too") {
            trial,
            findings in
            let witness = Witness()
            var harness = trial.harness(every: .milliseconds(1), setting: restart)
            for number in 1..<6 { harness.fault(.kill, at: .milliseconds(number * 6)) }
            witness.watch(&harness)
            findings.expectSuccess(try trial.run(harness))
            let life = witness.seen
            findings.expect(life.oddities.isEmpty, "\(life.oddities.sorted())")
            findings.expect(life.made == life.discarded, "\(life.made) made, \(life.discarded) let go")
            findings.expect(life.finished <= life.made, "finished \(life.finished) times in \(life.made) lives")
        },
        Behaviour("gives up after so many failures", because: "a restart that never helps hides a fault") {
            trial,
            findings in
            var harness = trial.harness(every: .milliseconds(1), setting: ["restart": "{ max: 2, backoff: 1ms }"])
            for number in 1..<6 { harness.fault(.kill, at: .milliseconds(number * 6)) }
            let result = try trial.run(harness)
            findings.expectEnd(result)
            findings.expect(result.stage(StageHarness.subject).restarts <= 2, "it was started anew too often")
        },
        Behaviour("counts each item that it is told to fail on", because: "skipped is not forgotten", for: consumers) {
            trial,
            findings in
            let clean = try trial.run(trial.harness())
            var harness = trial.harness()
            harness.fault(.error(0.3))
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            findings.expect(result.books.failed > clean.books.failed, "it failed on \(result.books.failed) items")
        },
        Behaviour(
            "sets the items that it fails on aside",
            because: "what failed is looked at by a person",
            for: consumers
        ) { trial, findings in
            var harness = trial.harness(setting: ["on_error": "dead_letter"])
            harness.fault(.error(0.3))
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            let aside = result["dead_letter"].count
            findings.expect(aside == result.books.failed, "\(result.books.failed) failed, \(aside) were set aside")
            findings.expect(aside > 0, "it failed on nothing")
        },
        Behaviour("fails for good where an error is to be one", because: "half a result is no result", for: consumers) {
            trial,
            findings in
            var harness = trial.harness(setting: ["on_error": "fail"])
            harness.fault(.error(1))
            let result = try trial.run(harness)
            findings.expectEnd(result)
            findings.expect(!result.troubles.isEmpty, "nobody said so")
        },
        Behaviour("stands a neighbour that dies", because: "one dead display stops no recording", for: senders) {
            trial,
            findings in
            for output in trial.type.outputs {
                var harness = trial.harness(every: .milliseconds(1))
                harness.fan = 2
                harness.fault(.kill, at: .milliseconds(12), on: "take_\(output.name)")
                let result = try trial.run(harness)
                findings.expectEnd(result)
                let (first, second) = (result[output.name].count, result.copies[output.name]?.first?.count ?? 0)
                findings.expect(second >= first, "\(output.name): who lives got \(second) items, who died \(first)")
            }
        },
        Behaviour("ends when nobody is left to take from it", because: "work for nobody is waste", for: senders) {
            trial,
            findings in
            var harness = trial.harness(every: .milliseconds(1))
            for output in trial.type.outputs { harness.fault(.kill, at: .milliseconds(12), on: "take_\(output.name)") }
            let run = try harness.start()
            run.advance(to: .seconds(3600), steps: 100_000)
            findings.expectEnd(run.end())
        },
        Behaviour("takes a lost connection like any failure", because: "connections are lost") { trial, findings in
            var harness = trial.harness(every: .milliseconds(1), setting: restart)
            harness.fault(.loseConnection, at: .milliseconds(7))
            harness.fault(.loseConnection, at: .milliseconds(23))
            findings.expectSuccess(try trial.run(harness))
        },
    ]

    /// What the world around a stage does.
    static let world: [Behaviour] = [
        Behaviour("does the same when the date jumps", because: "clocks are set while graphs run", for: consumers) {
            trial,
            findings in
            let result = try trial.run(trial.harness(every: .milliseconds(1)))
            for jump in [Duration.seconds(86_400), .seconds(-86_400), .seconds(3_000_000_000)] {
                var harness = trial.harness(every: .milliseconds(1))
                harness.fault(.jumpClock(jump), at: .milliseconds(10))
                harness.fault(
                    .jumpClock(.milliseconds(1)),
                    at: .milliseconds(12),
                    on: "feed_\(trial.type.inputs[0].name)"
                )
                findings.expectSame(result, try trial.run(harness), of: trial)
            }
        },
        Behaviour(
            "accounts for what a full disk did not take",
            because: "disks are full at night",
            for: { trial in
                trial.type.fields.options.contains { option in
                    switch option.kind {
                    case .path(.writesFile), .path(.writesDirectory): true
                    default: false
                    }
                }
            }
        ) { trial, findings in
            var harness = trial.harness(every: .milliseconds(100))
            harness.fault(.fillDisk(.seconds(2)), at: .milliseconds(500))
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            findings.expect(result.books.failed > 0, "nothing failed while the disk was full")
            findings.expect(!result.files.values.allSatisfy(\.isEmpty), "nothing was written when it had room again")
            harness = trial.harness(every: .milliseconds(100), setting: ["on_error": "fail"].merging(restart) { $1 })
            harness.fault(.fillDisk(.seconds(2)), at: .milliseconds(500))
            findings.expectSuccess(try trial.run(harness))
        },
        Behaviour("stands being slow", because: "another process may have the processor") { trial, findings in
            var harness = trial.harness(every: .milliseconds(1))
            harness.fault(.slow(.milliseconds(20)))
            findings.expectSuccess(try trial.run(harness))
        },
        Behaviour("is not taken for stalled while it works", because: "a false alarm is the last that is heard") {
            trial,
            findings in
            let harness = trial.harness(every: .milliseconds(1), setting: ["expect_item_within": "1h"])
            findings.expect(try trial.run(harness).stage(StageHarness.subject).stalls == 0, "it was")
        },
    ]
}
