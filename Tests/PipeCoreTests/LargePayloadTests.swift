import Testing

@testable import PipeCore

/// What is large goes by reference: a sink reads it where the source wrote it.
struct LargePayloadTests {
    /// Four megabytes. Its number stands in its first word, and a copy would stand elsewhere.
    private struct Sheet: Payload {
        static let payload = PayloadInfo("test_sheet", "Four megabytes.", worstCase: .mebibytes(4))

        let buffer: PooledBuffer

        var address: Int { Int(bitPattern: buffer.bytes.baseAddress) }
        var byteCount: Int { buffer.bytes.count }
        var described: JSON { .integer(buffer.bytes.load(as: Int.self)) }
    }

    /// Where each was written, and where it was read.
    private final class Sightings: @unchecked Sendable {  // guarded by its lock
        private let lock = Lock()
        private var written: [Int: Int] = [:]
        private var read: [(number: Int, address: Int)] = []

        func wrote(_ number: Int, at address: Int) { lock.locked { written[number] = address } }
        func saw(_ sheet: Sheet) {
            let number = sheet.buffer.bytes.load(as: Int.self)
            lock.locked { read.append((number, sheet.address)) }
        }

        var count: Int { lock.locked { read.count } }
        var copies: Int { lock.locked { read.count { written[$0.number] != $0.address } } }
    }

    enum Shape: CaseIterable {
        case queued, fused, fanOut, replicas
    }

    private static let sheets = 40

    @Test(arguments: Shape.allCases)
    func `four megabytes are read where they were written`(shape: Shape) {
        let sightings = Sightings()
        let sinks = shape == .fanOut ? 3 : 1
        var plan = Plan()
        plan.stages = [source(sightings), passing(replicas: shape == .replicas ? 3 : 1)]
        plan.stages += (0..<sinks).map { sink("sink\($0)", sightings) }
        let ends = [(0, 1)] + (0..<sinks).map { (1, 2 + $0) }
        plan.links = ends.map {
            LinkPlan(name: "link", from: .init(stage: $0, port: 0), to: .init(stage: $1, port: 0), policy: LinkPolicy())
        }
        let run = Run(plan, .seeded(1), workers: WorkerSettings(count: 2), fuses: shape == .fused)
        run.start()
        #expect(run.wait(until: .seconds(60)))
        #expect(run.finish().numbers.imbalances(hasEnded: true) == [])
        #expect(sightings.count == Self.sheets * sinks)
        #expect(sightings.copies == 0)
    }

    private func source(_ sightings: Sightings) -> StagePlan {
        StagePlan(name: "source", isSource: true, inputs: 0, outputs: 1) { outboxes in
            let pool = BufferPool(size: .mebibytes(4), keeping: .mebibytes(16))
            var made = 0
            return StageBody(produce: { room, _ in
                for _ in 0..<min(room, 3) where made < Self.sheets {
                    let sheet = Sheet(buffer: pool.take())
                    sheet.buffer.bytes.storeBytes(of: made, as: Int.self)
                    sightings.wrote(made, at: sheet.address)
                    outboxes[0].make(AnyPayload(sheet), 0, key: .none, captured: nil)
                    made += 1
                }
                return made < Self.sheets ? .more : .ended
            })
        }
    }

    private func passing(replicas: Int) -> StagePlan {
        StagePlan(name: "pass", inputs: 1, outputs: 1, replicas: replicas) { outboxes in
            StageBody(eachItem: { item, _ in outboxes[0].send(item, 0) })
        }
    }

    private func sink(_ name: String, _ sightings: Sightings) -> StagePlan {
        StagePlan(name: name, inputs: 1, outputs: 0) { _ in
            StageBody(eachItem: { item, _ in
                if let sheet = item.payload.value as? Sheet { sightings.saw(sheet) }
            })
        }
    }
}
