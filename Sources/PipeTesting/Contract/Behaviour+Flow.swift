import PipeCore
import PipeKit

extension Behaviour {
    /// That neither batches, nor neighbours, nor links change what a stage does.
    static let flow: [Behaviour] = [
        Behaviour("does the same in two runs of one seed", because: "a failure that cannot be repeated is not mended") {
            trial,
            findings in
            let (one, two) = (try trial.run(trial.harness()), try trial.run(trial.harness()))
            findings.expectSame(one, two, of: trial)
            findings.expect(one.times == two.times, "the times differ")
        },
        Behaviour("does the same whatever the size of batches", because: "batches are the engine's, and no meaning") {
            trial,
            findings in
            var harness = trial.harness()
            let result = try trial.run(harness)
            for seed in 2..<8 {
                harness.seed = UInt64(seed)
                findings.expectSame(result, try trial.run(harness), of: trial)
            }
        },
        Behaviour(
            "does the same one at a time as all at once",
            because: "a graph is tried on a file and runs on a camera",
            for: consumers
        ) { trial, findings in
            let result = try trial.run(trial.harness(every: .milliseconds(1)))
            findings.expectSame(try trial.run(trial.harness()), result, of: trial)
        },
        Behaviour("does the same over links that hold one item", because: "memory may be short") { trial, findings in
            let result = try trial.run(trial.harness())
            var harness = trial.harness()
            harness.tune = { plan in for place in plan.links.indices { plan.links[place].policy.capacity = 1 } }
            findings.expectSame(result, try trial.run(harness), of: trial)
            harness.tune = { plan in
                for place in plan.links.indices { plan.links[place].policy.maxBytes = ByteCount(1) }
            }
            findings.expectSame(result, try trial.run(harness), of: trial)
        },
        Behaviour(
            "does the same before a slow stage",
            because: "a slow disk slows a run and changes nothing",
            for: senders
        ) {
            trial,
            findings in
            var slow = trial.harness()
            for output in trial.type.outputs { slow.fault(.slow(.milliseconds(2)), on: "take_\(output.name)") }
            findings.expectSame(try trial.run(trial.harness()), try trial.run(slow), of: trial)
        },
        Behaviour("does the same before a stage that stands for a minute", because: "networks do", for: transforms) {
            trial,
            findings in
            var stalled = trial.harness()
            for output in trial.type.outputs {
                stalled.fault(.stall(.seconds(60)), at: .microseconds(10), on: "take_\(output.name)")
            }
            let result = try trial.run(stalled)
            findings.expectSuccess(result)
            findings.expectSame(try trial.run(trial.harness()), result, of: trial)
        },
        Behaviour("does the same after it was stalled itself", because: "a machine that swaps must not change results")
        {
            trial,
            findings in
            var stalled = trial.harness()
            stalled.fault(.stall(.milliseconds(50)), at: .microseconds(10))
            let result = try trial.run(stalled)
            findings.expectSuccess(result)
            guard !trial.type.isSource else { return }
            findings.expectSame(try trial.run(trial.harness()), result, of: trial)
        },
        Behaviour("does the same with real threads", because: "what is tested on virtual time is run on real time") {
            trial,
            findings in
            let harness = trial.harness(8)
            let result = try trial.runBriefly(harness)
            findings.expectSuccess(result)
            if trial.type.isSource {
                let wanted = try trial.run(harness)
                for (name, items) in result.outputs {
                    let values = zip(items, wanted[name]).prefix { $0.value == $1.value }
                    let common = min(items.count, wanted[name].count)
                    findings.expect(values.count(where: { _ in true }) == common, "\(name) differs")
                }
            } else {
                findings.expectSame(try trial.run(harness), result, of: trial)
            }
        },
        Behaviour(
            "sends the same to each of two links",
            because: "a recording shows what the display showed",
            for: senders
        ) {
            trial,
            findings in
            var harness = trial.harness()
            harness.fan = 2
            harness.fault(.slow(.milliseconds(1)), on: "take_\(trial.type.outputs[0].name)_2")
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            for (name, copies) in result.copies {
                let values = result.values(name)
                for copy in copies { findings.expect(copy.map(\.value) == values, "\(name) differs between its links") }
            }
        },
        Behaviour(
            "needs no link at an optional output",
            because: "what is optional is left out",
            for: { $0.type.outputs.contains { $0.arity == .optional } }
        ) { trial, findings in
            var harness = trial.harness()
            harness.unlinked = Set(trial.type.outputs.filter { $0.arity == .optional }.map(\.name))
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            for output in trial.type.outputs where !harness.unlinked.contains(output.name) {
                let linked = try trial.run(trial.harness())
                findings.expect(result.values(output.name) == linked.values(output.name), "\(output.name) differs")
            }
        },
        Behaviour("shares nothing with another stage of its type", because: "two cameras are two cameras") {
            trial,
            findings in
            let alone = try trial.run(trial.harness())
            var pair = trial.harness()
            pair.options.append(OptionText(pair.options[0]).apart(trial.type).text)
            let result = try trial.run(pair)
            findings.expectSuccess(result)
            for output in trial.type.outputs {
                for name in [output.name, output.name + HarnessGraph.copySuffix(1)] {
                    var (one, two) = (alone.values(output.name), result.values(name))
                    if trial.type.isSource { (one, two) = (one.begin(two.count), two.begin(one.count)) }
                    findings.expect(one.sameItems(as: two), "\(name) has \(two.count) items, and alone \(one.count)")
                }
            }
            for (path, bytes) in alone.files {
                for file in [path, path.replacing("/contract/", with: "/contract/other/")] {
                    func lines(_ bytes: [UInt8]?) -> Int { bytes?.count { $0 == UInt8(ascii: "\n") } ?? 0 }
                    findings.expect(lines(result.files[file]) == lines(bytes), "\(file) differs")
                }
            }
        },
        Behaviour("keeps the order of a key", because: "an order is paid before it is sent", for: transforms) {
            trial,
            findings in
            for seed in 1..<4 {
                var harness = trial.harness()
                harness.seed = UInt64(seed)
                findings.expectOrder(try trial.run(harness))
            }
        },
        Behaviour(
            "keeps books and order as one of three replicas",
            because: "work is shared when it is too much",
            for: { transforms($0) && $0.type.inputs.count == 1 && $0.type.inputs[0].arity != .many }
        ) { trial, findings in
            for seed in 1..<4 {
                var harness = trial.harness(setting: ["replicas": "3"])
                harness.seed = UInt64(seed)
                guard (try? harness.start()) != nil else { return }  // not every stage can be shared
                let result = try trial.run(harness)
                findings.expectSuccess(result)
                findings.expectOrder(result)
                harness.fault(.kill, at: .microseconds(20))
                findings.expectEnd(try trial.run(harness))
            }
        },
        Behaviour("balances at every moment", because: "a table that adds up only at the end is no table") {
            trial,
            findings in
            let run = try trial.harness(12, every: .microseconds(50)).start()
            for _ in 0..<120 {
                run.advance(to: .seconds(2), steps: 1)
                findings.expectBalance(run.result)
            }
            _ = run.end()
        },
        Behaviour(
            "bounds what it holds",
            because: "memory must be bounded by design, not by luck",
            for: consumers
        ) { trial, findings in
            // One input has plenty, and each item another key; the others stay open, and have nothing.
            var harness = trial.harness(0)
            for (place, input) in trial.type.inputs.enumerated() {
                var item = trial.item(0, of: input)
                let items = (0..<(place == 0 ? 6000 : 0)).map { number in
                    item.key = "\(number)"
                    return item
                }
                harness.feed(input.name, items, ends: false)
            }
            harness.dropFirstFeeds(of: trial.type)
            let run = try harness.start()
            run.advance(to: .milliseconds(100), steps: 800)
            let held = run.result.books.held
            findings.expect(held <= 5000, "it holds \(held) items")
            findings.expectBalance(run.end(dropping: .cancelled))
        },
        Behaviour("stands links that drop on both sides", because: "freshness is bought with drops", for: consumers) {
            trial,
            findings in
            var harness = trial.harness()
            harness.tune = { plan in
                for place in plan.links.indices {
                    plan.links[place].policy.capacity = 1
                    plan.links[place].policy.whenFull = [.dropOldest, .latest, .dropNewest][place % 3]
                }
            }
            harness.fault(.slow(.milliseconds(1)))
            for output in trial.type.outputs { harness.fault(.slow(.milliseconds(3)), on: "take_\(output.name)") }
            findings.expectSuccess(try trial.run(harness))
        },
    ]
}

extension StageResult {
    /// When each item came out.
    fileprivate var times: [String: [Int]] { outputs.mapValues { $0.map(\.at.nanoseconds) } }
}

extension [JSON] {
    fileprivate func begin(_ count: Int) -> [JSON] { Array(prefix(count)) }

    fileprivate func sameItems(as other: [JSON]) -> Bool {
        map { $0.text() }.sorted() == other.map { $0.text() }.sorted()
    }
}
