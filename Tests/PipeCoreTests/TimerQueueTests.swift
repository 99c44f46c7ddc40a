import Testing

@testable import PipeCore

struct TimerQueueTests {
    private let simulator = Simulator(seed: 0, faults: [])
    private let engine: Engine

    init() {
        let witness = Witness()
        var plan = Plan()
        plan.stages = [TestStage(name: "source", work: .source(0)).plan(witness, .plain, onMade: { _ in })]
        engine = Engine(plan, .seeded(0), runner: simulator)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `timers come by time, and those of one time as they were made`(seed: UInt64) {
        var chance = RandomSource(seed: seed)
        var queue = TimerQueue()
        var waiting: [(time: Int, number: Int)] = []
        var number = 0
        for now in 0..<100 {
            for _ in 0..<Int.random(in: 0...4, using: &chance) {
                let time = now + Int.random(in: 0...20, using: &chance)
                number += 1
                queue.add(.notify(Uncounted(engine.nodes[0])), at: time)
                waiting.append((time, number))
            }
            while let entry = queue.pop(by: now) {
                let earliest = waiting.indices.min { waiting[$0] < waiting[$1] }
                guard let earliest else { return #expect(Bool(false), "a timer too many") }
                #expect((entry.time, entry.number) == waiting.remove(at: earliest))
            }
            #expect(waiting.allSatisfy { $0.time > now })
            #expect(queue.next == waiting.map(\.time).min())
        }
    }

    @Test func `a watch alone is no work`() {
        var queue = TimerQueue()
        queue.add(.watch(Uncounted(engine.nodes[0])), at: 5)
        #expect(!queue.hasWork)
        queue.add(.notify(Uncounted(engine.nodes[0])), at: 7)
        #expect(queue.hasWork)
        #expect(queue.pop(by: 4) == nil)
        #expect(queue.pop(by: 9)?.action.isWatch == true)
        #expect(queue.hasWork)
        #expect(queue.pop(by: 9)?.action.isWatch == false)
        #expect(!queue.hasWork)
        #expect(queue.next == nil)
    }
}
