import Testing

@testable import PipeCore

/// What is told of single items beside what happened, and beside the books.
@Suite(.serialized)
struct FollowingTests {
    /// A cell's run, and what is said of each item that its sources have made.
    private struct Followed {
        var outcome: RunOutcome
        var witness: Witness
        var stories: [ItemStory] = []
        /// Items of which nothing is known.
        var unknown = 0
    }

    private func follow(_ cell: EngineCell, onWorkers: Bool) -> Followed {
        let witness = Witness()
        var options = EngineOptions.seeded(cell.seed)
        options.followsAll = true
        let engine: Engine
        let outcome: RunOutcome
        if onWorkers {
            let run = Run(cell.plan(witness), options, workers: WorkerSettings(count: cell.workers))
            run.start()
            _ = run.wait(until: .seconds(60))
            outcome = run.finish()
            engine = run.engine
        } else {
            let run = SimulatedRun(cell.plan(witness), options)
            run.advance(to: cell.ending == .stop || cell.ending == .cancel ? cell.stopTime : nil, steps: 100_000)
            if cell.ending == .stop {
                run.stop()
                run.advance(steps: 100_000)
            }
            outcome = run.finish(dropping: .cancelled)
            engine = run.engine
        }
        var followed = Followed(outcome: outcome, witness: witness)
        for (source, made) in witness.made {
            let name = engine.nodes[Int(source)].fullName
            for sequence in 0..<made {
                if let story = engine.story(of: .number(source: name, sequence: sequence)) {
                    followed.stories.append(story)
                } else {
                    followed.unknown += 1
                }
            }
        }
        return followed
    }

    private func expectTruth(_ cell: EngineCell, _ followed: Followed) {
        struct Arrival: Hashable {
            var sink: String
            var source: String
            var sequence: Int
        }
        let steps = followed.stories.flatMap { story in story.steps.map { (story: story, step: $0) } }
        #expect(!steps.contains { $0.step.fate == .forgotten }, "\(cell)")
        let stages = followed.outcome.numbers.stages
        var told: [Arrival: Int] = [:]
        for (story, step) in steps where step.fate == .arrived {
            told[Arrival(sink: step.stage, source: story.source, sequence: story.sequence), default: 0] += 1
        }
        var seen: [Arrival: Int] = [:]
        for arrival in followed.witness.arrivals {
            let source = stages[Int(arrival.source)].name
            seen[Arrival(sink: arrival.sink, source: source, sequence: arrival.sequence), default: 0] += 1
        }
        let differences = Set(told.keys).union(seen.keys).filter { told[$0] != seen[$0] }
        let texts = differences.map {
            "\($0.source):\($0.sequence) came to \($0.sink) \(seen[$0] ?? 0), told \(told[$0] ?? 0)"
        }
        #expect(texts == [], "\(cell)")
        for link in followed.outcome.numbers.links {
            var lost = DropCounts()
            for (_, step) in steps {
                if case .lost(let reason) = step.fate, step.link ?? step.stage + ".intake" == link.name {
                    lost[reason] += 1
                }
            }
            #expect(lost == link.books.dropped, "\(cell): \(link.name)")
        }
        for stage in stages {
            let here = steps.filter { $0.step.stage == stage.name }.map(\.step.fate)
            let dropped = here.count { if case .dropped = $0 { true } else { false } }
            #expect(dropped <= stage.books.dropped.total, "\(cell): \(stage.name)")
            // What a stage keeps it may fail on without a word of which it was.
            let unclear = here.count { $0 == .kept }
            let failed = here.count { $0 == .failed }
            #expect(failed...(failed + unclear) ~= stage.books.failed, "\(cell): \(stage.name)")
        }
        #expect(!steps.contains { $0.step.fate == .waits || $0.step.fate == .isWorkedOn }, "\(cell)")
    }

    @Test(arguments: WhenFull.allCases)
    func `of each item is told what became of it`(whenFull: WhenFull) {
        var stories = 0
        for cell in EngineCell.all where cell.whenFull == whenFull {
            let followed = follow(cell, onWorkers: false)
            expectTruth(cell, followed)
            stories += followed.stories.count
        }
        #expect(stories > 10_000)
    }

    @Test(arguments: WhenFull.allCases)
    func `on workers too`(whenFull: WhenFull) {
        for cell in EngineCell.all
        where cell.whenFull == whenFull && cell.ending != .stop && cell.ending != .cancel {
            expectTruth(cell, follow(cell, onWorkers: true))
        }
    }

    @Test func `replicas are no matter`() throws {
        var options = EngineOptions.seeded(3)
        options.followsAll = true
        let run = run(through: 3, items: 300, options, workers: 3)
        for sequence in 0..<300 {
            let story = try #require(run.story(of: .number(source: "source", sequence: sequence)))
            #expect(story.steps.map(\.stage) == ["source", "wide", "sink"])
            #expect(story.steps.map(\.fate) == [.passedOn, .passedOn, .arrived])
            for step in story.steps.dropFirst() {
                #expect(try step.sent <= #require(step.begin) && #require(step.begin) <= #require(step.end))
            }
        }
    }

    /// Batches with some of them, whole ones and parts of them, on each way that a batch can take.
    @Test(arguments: [1, 3], [3, 64, 1024])
    func `whoever is followed among many is followed to the end`(replicas: Int, capacity: Int) {
        for (workers, fuses) in [(1, true), (1, false), (2, true), (2, false)] {
            let made = 20_000
            let run = run(
                through: replicas,
                items: made,
                .seeded(5),
                workers: workers,
                capacity: capacity,
                fuses: fuses
            )
            var cursor = NoteCursor()
            var told: [String: [ItemNote.Event: Int]] = [:]
            for note in run.notes(&cursor) {
                told[note.stage, default: [:]][note.note.event, default: 0] += note.note.count
            }
            let followed = told["source"]?[.sent(port: 0)] ?? 0
            #expect(followed >= 4 * 64 && followed < made / 2)
            #expect(told["wide"] == [.worked: followed, .sent(port: 0): followed])
            #expect(told["sink"] == [.worked: followed])
            #expect(cursor.missed == 0)
        }
    }

    /// A run that has ended, from a source through a stage with so many replicas to a sink.
    private func run(
        through replicas: Int,
        items: Int,
        _ options: EngineOptions,
        workers: Int,
        capacity: Int = 64,
        fuses: Bool = true
    ) -> Run {
        let witness = Witness()
        var plan = Plan()
        let stages = [
            TestStage(name: "source", work: .source(items)), TestStage(name: "wide", work: .pass),
            TestStage(name: "sink", work: .sink),
        ]
        plan.stages = stages.map { $0.plan(witness, .counted, onMade: { _ in }) }
        plan.stages[1].replicas = replicas
        var policy = LinkPolicy()
        policy.capacity = capacity
        plan.links = (0...1).map {
            LinkPlan(
                name: "\($0)",
                from: .init(stage: $0, port: 0),
                to: .init(stage: $0 + 1, port: 0),
                policy: policy
            )
        }
        let run = Run(plan, options, workers: WorkerSettings(count: workers), fuses: fuses)
        run.start()
        #expect(run.wait(until: .seconds(60)))
        _ = run.finish()
        return run
    }

    /// A source that is slow is followed item by item, a fast one a hundredth of the way.
    @Test func `of each source a bounded share is followed`() {
        var slow = Sampling(.seeded(0))
        var fast = slow
        var counts = (slow: 0, fast: 0)
        for sequence in 0..<80_000 {
            slow.look(at: sequence * 20_000_000, next: sequence)
            if sequence >= slow.next {
                counts.slow += 1
                slow.follow(sequence, now: sequence * 20_000_000)
            }
            fast.look(at: sequence * 100, next: sequence)
            if sequence >= fast.next {
                counts.fast += 1
                fast.follow(sequence, now: sequence * 100)
            }
        }
        #expect(counts.slow == 80_000)
        #expect(counts.fast == 832)  // the last row is cut off
    }

    @Test func `notes are bounded, and the oldest go`() {
        var ring = NoteRing(among: 1 << 17)
        defer { ring.deallocate() }
        let header = Header(sequence: 0, captured: .zero, sent: .zero, key: .none, source: 0)
        for number in 0..<1000 {
            var header = header
            header.sequence = number
            ring.append(ItemNote(header, .failed, from: number, to: number))
        }
        #expect(ring.after(0).map(\.sequence) == Array(744..<1000))
        #expect(ring.after(998).map(\.sequence) == [998, 999])
        #expect(ring.after(1000).isEmpty)
        #expect(ring.oldest?.sequence == 744 && ring.hasForgotten)
    }
}
