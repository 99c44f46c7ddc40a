import PipeCore
import PipeKit

extension Behaviour {
    /// What may come in.
    static let items: [Behaviour] = [
        Behaviour("stands an item of no size", because: "an empty line is a line", for: consumers) { trial, findings in
            let result = try trial.run(
                trial.harness { input in
                    guard case .payload(let info) = input.payload else {
                        return [.payload(Document(.object([]))), .payload(Document(.object([])))]
                    }
                    let type = PayloadType.named(info.name)
                    let empty = type?.read(.object([])) ?? type?.read("")
                    return empty.map { [.payload($0), .payload($0)] } ?? []
                }
            )
            findings.expectSuccess(result)
        },
        Behaviour("stands an item of a quarter of a megabyte", because: "somebody will send one", for: consumers) {
            trial,
            findings in
            let large = JSON.string(String(repeating: "x", count: 1 << 18))
            let result = try trial.run(
                trial.harness { input in
                    guard case .payload(let info) = input.payload else {
                        return [.item(["text": large]), trial.item(1, of: input)]
                    }
                    let type = PayloadType.named(info.name)
                    let giant = type?.read(["text": large]) ?? type?.read(large)
                    return (giant.map { [.payload($0)] } ?? []) + [trial.item(1, of: input)]
                }
            )
            findings.expectSuccess(result)
        },
        Behaviour("stands as many keys as items", because: "keys come from outside", for: consumers) {
            trial,
            findings in
            findings.expectSuccess(try trial.run(trial.harness(300, keys: (0..<300).map { "key \($0)" })))
        },
        Behaviour("does the same with one key as without", because: "an unused key means nothing", for: consumers) {
            trial,
            findings in
            let (one, none) = (try trial.run(trial.harness(keys: ["a"])), try trial.run(trial.harness(keys: [])))
            findings.expectSuccess(one)
            for output in trial.type.outputs {
                findings.expect(one[output.name].count == none[output.name].count, "\(output.name) differs")
            }
        },
        Behaviour("stands times of capture in any order", because: "clocks of cameras are set by hand", for: consumers)
        {
            trial,
            findings in
            let year = Duration.seconds(365 * 86_400)
            let times: [Duration] = [
                .seconds(5), .zero, .seconds(3), .zero - year * 100, year * 100, .nanoseconds(Int.min),
                .nanoseconds(Int.max), .seconds(4), .seconds(4),
            ]
            let result = try trial.run(
                trial.harness { input in
                    times.enumerated().map { number, time in
                        var fed = trial.item(number, of: input)
                        fed.captured = time
                        return fed
                    }
                }
            )
            findings.expectSuccess(result)
        },
        Behaviour("stands numbers that come twice or backwards", because: "a source may begin anew", for: consumers) {
            trial,
            findings in
            let result = try trial.run(
                trial.harness { input in
                    [3, 3, 1, 0, 0, 7, 2, Int.max - 1].enumerated().map { number, sequence in
                        var fed = trial.item(number, of: input, key: "a")
                        fed.sequence = sequence
                        return fed
                    }
                }
            )
            findings.expectSuccess(result)
        },
        Behaviour(
            "passes gaps on, or uses them",
            because: "a join behind it waits for what will not come",
            for: consumers
        ) {
            trial,
            findings in
            var harness = trial.harness { input in
                [.gap(2), trial.item(2, of: input), .gap(), .gap(1000), trial.item(4, of: input), .gap(Int.max >> 1)]
            }
            // What takes from it waits for partners, so that gaps come its way.
            harness.tune = { plan in
                for place in plan.stages.indices { plan.stages[place].awaitsPartners = true }
            }
            let result = try trial.run(harness)
            findings.expectSuccess(result)
            findings.expect(result.books.in <= 4 * trial.type.inputs.count, "a gap was taken for an item")
            guard !trial.type.awaitsPartners else { return }
            for output in trial.type.outputs {
                let missing = result.gaps[output.name] ?? []
                findings.expect(missing.contains { $0.first == 0 }, "the first gap did not come out of \(output.name)")
            }
        },
        Behaviour("sends what can be written down", because: "whatever leaves a stage may go into a file", for: senders)
        {
            trial,
            findings in
            for (name, items) in try trial.run(trial.harness()).outputs {
                for item in items {
                    let again = try? JSON(parsing: item.value.text())
                    findings.expect(again != nil, "\(name): \(item.value.text()) is no JSON")
                    findings.expect(item.payload.byteCount >= 0, "\(name): a payload of less than nothing")
                }
            }
        },
        Behaviour("sends what it declares", because: "the next stage was compiled for it", for: senders) {
            trial,
            findings in
            let result = try trial.run(trial.harness())
            for output in trial.type.outputs {
                guard case .payload(let info) = output.payload else { continue }
                for item in result[output.name] {
                    let sent = Swift.type(of: item.payload).payload.name
                    findings.expect(sent == info.name, "\(output.name) sends \(sent)")
                }
            }
        },
        Behaviour("passes on the time of capture", because: "latency is measured from there", for: transforms) {
            trial,
            findings in
            let result = try trial.run(trial.harness(every: .milliseconds(10)))
            for (name, items) in result.outputs {
                let known = Set((0..<Trial.usual).map { $0 * 1_000_000 })
                let strange = items.filter { !known.contains($0.captured.nanoseconds) }
                findings.expect(strange.isEmpty, "\(name): \(strange.count) times of capture are not of what came in")
            }
        },
    ]
}
