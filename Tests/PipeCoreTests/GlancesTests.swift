import Testing

@testable import PipeCore

/// Which batches are looked at, and what is said of those that are not.
struct GlancesTests {
    /// The places of those that were looked at, of batches that are taken at these times.
    private func seen(_ glances: inout Glances, at times: some Sequence<Int>) -> [Int] {
        times.enumerated().filter { glances.looks(at: $0.element) }.map(\.offset)
    }

    @Test func `each batch is looked at, up to a hundred thousand a second`() {
        var glances = Glances(seesAll: false)
        #expect(seen(&glances, at: (0..<1000).map { $0 * 10_500 }).count == 1000)
    }

    @Test func `a burst is looked at as a whole where there are not many`() {
        var glances = Glances(seesAll: false)
        let bursts = (0..<200).flatMap { burst in (0..<16).map { burst * 3_000_000 + $0 * 500 } }
        #expect(seen(&glances, at: bursts).count == bursts.count)
    }

    @Test func `of more than that each thirteenth is`() {
        var glances = Glances(seesAll: false)
        let places = seen(&glances, at: (0..<10_000).map { $0 * 1000 })
        let steps = Set(zip(places, places.dropFirst()).dropFirst(100).map { $1 - $0 })
        #expect(steps == [13])
        // No place of a burst of sixteen is seen more often than another.
        let phases = places.suffix(160).reduce(into: [Int: Int]()) { $0[$1 % 16, default: 0] += 1 }
        #expect(phases.count == 16 && Set(phases.values) == [10])
    }

    @Test func `what comes after a pause is looked at`() {
        var glances = Glances(seesAll: false)
        _ = seen(&glances, at: (0..<1000).map { $0 * 1000 })
        #expect(seen(&glances, at: [2_000_000, 2_001_000, 4_000_000]) == [0, 2])
    }

    @Test func `where all is to be seen all is`() {
        var glances = Glances(seesAll: true)
        #expect(seen(&glances, at: (0..<1000).map { $0 * 10 }).count == 1000)
    }

    @Test func `so many more are as many records of the last`() {
        let live = LiveHistogram()
        defer { live.deallocate() }
        var exact = Histogram()
        for (time, more) in [(500, 0), (90_000, 12), (17, 3), (17, 0), (4_000_000, 64)] {
            live.record(time, times: 64)
            live.recordMore(times: more)
            exact.record(time, times: 64 + more)
            #expect(live.histogram() == exact)
            var further = exact
            further.record(time, times: 5)
            #expect(live.histogram(more: 5) == further)
        }
    }

    /// Faster than each batch is looked at: what is told of times is still told of each item, and never of less than before.
    @Test(arguments: [1, 2], [true, false])
    func `histograms count what the books count`(workers: Int, fuses: Bool) {
        var plan = Plan()
        let made = 400_000
        func source(_ name: String) -> StagePlan {
            StagePlan(name: name, isSource: true, inputs: 0, outputs: 1) { outputs in
                let left = Box<Int>()
                left.value = made
                return StageBody(produce: { room, _ in
                    let rest = left.value ?? 0
                    for value in 0..<min(room, rest) {
                        outputs.pointee.make(
                            Number(value: value),
                            PayloadType.kind(of: Number.self),
                            key: .none,
                            captured: nil
                        )
                    }
                    left.value = rest - min(room, rest)
                    return left.value == 0 ? .ended : .more
                })
            }
        }
        plan.stages = [
            source("one"), source("two"),
            StagePlan(name: "pass", inputs: 1, outputs: 1) { outputs in
                StageBody(eachItem: { item, _ in outputs.pointee.send(item, 0) })
            },
            StagePlan(name: "sink", inputs: 1, outputs: 0) { _ in StageBody(eachItem: { _, _ in }) },
        ]
        for (from, to) in [(0, 2), (1, 3), (2, 3)] {
            let link = LinkPlan(
                name: "\(from)→\(to)",
                from: .init(stage: from, port: 0),
                to: .init(stage: to, port: 0),
                policy: LinkPolicy()
            )
            plan.links.append(link)
        }
        let run = Run(plan, .seeded(1), workers: WorkerSettings(count: workers), fuses: fuses)
        run.start()
        var told: [Int] = []
        while !run.wait(until: run.time + .microseconds(300)) {
            let numbers = run.numbers
            let counts =
                numbers.stages.flatMap { [$0.wait.count, $0.service.count] } + numbers.paths.map(\.latency.count)
            #expect(zip(told, counts).allSatisfy { $0 <= $1 }, "counts went back: \(told), \(counts)")
            told = counts
            guard run.time < .seconds(60) else { break }
        }
        let numbers = run.finish().numbers
        #expect(numbers.imbalances(hasEnded: true) == [])
        for stage in numbers.stages where !stage.isSource {
            #expect(stage.books.in == (stage.name == "sink" ? 2 : 1) * made)
            #expect(stage.wait.count == stage.books.in)
            #expect(stage.service.count == stage.books.in)
        }
        #expect(numbers.paths.reduce(0) { $0 + $1.latency.count } == 2 * made)
    }
}
