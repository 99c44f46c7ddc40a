@testable import PipeCore

/// What a test sees of a run from within its stages, beside the engine's own numbers.
final class Witness: @unchecked Sendable {  // guarded by its lock, which the thread sanitizer knows, unlike `Mutex`
    struct Arrival: Hashable, Sendable {
        var sink: String
        var port: Int
        var source: UInt32
        var sequence: Int
    }

    private let lock = Lock()
    private var state = (arrivals: [Arrival](), missing: [Arrival](), made: [UInt32: Int]())
    let census = Census()

    /// In the order in which they came.
    var arrivals: [Arrival] { lock.locked { state.arrivals } }
    /// Items that a gap has announced as missing.
    var missing: [Arrival] { lock.locked { state.missing } }
    /// Items that each source has made.
    var made: [UInt32: Int] { lock.locked { state.made } }

    func arrived(_ arrival: Arrival) { lock.locked { state.arrivals.append(arrival) } }
    func missed(_ arrival: Arrival) { lock.locked { state.missing.append(arrival) } }

    /// Counts an item of a source; how many there are then.
    func makes(_ source: UInt32) -> Int {
        lock.locked {
            state.made[source, default: 0] += 1
            return state.made[source, default: 0]
        }
    }
}

/// What the payload of a run is: how a slot holds it differs.
enum Carriage: CaseIterable {
    case plain, counted, boxed

    func make(_ value: Int, _ census: Census) -> any Payload {
        switch self {
        case .plain: Number(value: value)
        case .counted: Tracked(value: value, token: census.token())
        case .boxed: Bulky(value: value, token: census.token())
        }
    }
}

extension StageBody {
    /// A stage that does only what is stated.
    convenience init(
        start: @escaping (StageContext) throws -> Void = { _ in },
        eachItem: ((consuming Item<AnyPayload>, StageContext) throws -> Void)? = nil,
        eachGap: ((Gap, StageContext) -> Void)? = nil,
        produce: ((Int, StageContext) throws -> Production)? = nil,
        wake: @escaping (StageContext) throws -> Void = { _ in },
        completed: @escaping (Completion, StageContext) throws -> Void = { _, _ in },
        finish: @escaping (StageContext) throws -> Void = { _ in }
    ) {
        self.init(
            start: start,
            process: { slots, count, context in
                for index in 0..<count {
                    let slot = slots + index
                    if slot.pointee.header.isGap {
                        if let eachGap { eachGap(context.takeGap(slot), context) } else { context.passOnGap(slot) }
                    } else {
                        context.open(slot)
                        do {
                            try eachItem?(Item(taking: slot), context)
                        } catch {
                            context.failedOnItem(error, at: slot)
                        }
                    }
                    context.settle()
                    if context.mustStop { return index + 1 }
                }
                return count
            },
            produce: produce ?? { _, _ in .later },
            wake: wake,
            completed: completed,
            ended: { _, _ in },
            finish: finish,
            disturb: { _, _ in },
            discard: {}
        )
    }
}

/// What a stage of a test graph does.
struct TestStage: Sendable {
    enum Work: Sendable, Hashable {
        /// Makes items, all of them or until it is stopped.
        case source(Int)
        /// Its thread, as it were, pushes so many items, and it sends them on.
        case intake(Int)
        case pass
        /// Leaves out each item whose number does not divide by this.
        case divisible(by: Int)
        /// Keeps each item until the next has come.
        case hold
        /// Works outside of the graph, and sends on when that is done.
        case operate
        case sink
        /// Gets one thing from outside that is not fit to become an item.
        case reject
    }

    var name: String
    var work: Work
    var inputs = 1
    /// Fails on what leaves this rest when its number is divided by five.
    var failsOn: Int?
    var onError = OnError.fail
    var restart: RestartPlan?
    /// It tells gaps instead of passing them on.
    var awaitsPartners = false
    /// Is occupied for so long after each item.
    var busy: Duration?

    var isSource: Bool {
        switch work {
        case .source, .intake, .reject: true
        case .pass, .divisible, .hold, .operate, .sink: false
        }
    }

    /// The last one is for dead letters, where there are any.
    var outputs: Int { (work == .sink ? 0 : 1) + (onError == .deadLetter ? 1 : 0) }

    func fails(on sequence: Int) -> Bool { failsOn == sequence % 5 }

    func plan(_ witness: Witness, _ carriage: Carriage, onMade: @escaping @Sendable (Int) -> Void) -> StagePlan {
        StagePlan(
            name: name,
            isSource: isSource,
            inputs: isSource ? 0 : inputs,
            outputs: outputs,
            onError: onError,
            restart: restart,
            awaitsPartners: awaitsPartners,
            make: { body(witness, carriage, $0, onMade) }
        )
    }

    private func body(
        _ witness: Witness,
        _ carriage: Carriage,
        _ outboxes: UnsafeMutablePointer<Outbox>,
        _ onMade: @escaping @Sendable (Int) -> Void
    ) -> StageBody {
        switch work {
        case .source(let count): source(count, witness, carriage, outboxes, onMade)
        case .intake(let count): intake(count, witness, carriage)
        case .reject: StageBody(start: { $0.reject() }, produce: { _, _ in .ended })
        case .hold: holder(outboxes)
        case .operate: outsider(outboxes)
        case .pass, .divisible, .sink: plain(witness, outboxes)
        }
    }

    private func source(
        _ count: Int,
        _ witness: Witness,
        _ carriage: Carriage,
        _ outboxes: UnsafeMutablePointer<Outbox>,
        _ onMade: @escaping @Sendable (Int) -> Void
    ) -> StageBody {
        StageBody(produce: { room, context in
            for _ in 0..<min(room, 7) {
                let source = context.node.cell.pointee.source
                guard witness.made[source, default: 0] < count else { return .ended }
                let number = witness.makes(source)
                outboxes[0].make(AnyPayload(carriage.make(number - 1, witness.census)), 0, key: .none, captured: nil)
                onMade(number)
            }
            return .more
        })
    }

    private func intake(_ count: Int, _ witness: Witness, _ carriage: Carriage) -> StageBody {
        StageBody(
            start: { context in
                let intake = context.intake(LinkPolicy())
                for number in 0..<count where intake.push(AnyPayload(carriage.make(number, witness.census))) {
                    _ = witness.makes(context.node.cell.pointee.source)
                }
                intake.close()
            },
            produce: { _, _ in .later }
        )
    }

    private func plain(_ witness: Witness, _ outboxes: UnsafeMutablePointer<Outbox>) -> StageBody {
        let eachGap = { (gap: Gap, context: StageContext) in
            for sequence in gap.first..<gap.first + gap.count {
                witness.missed(.init(sink: name, port: context.input, source: gap.source, sequence: sequence))
            }
        }
        return StageBody(
            eachItem: { item, context in
                if let busy { context.busy(for: busy) }
                let header = item.header
                if fails(on: header.sequence) { throw StageError("does not like \(header.sequence)") }
                switch work {
                case .divisible(let divisor) where header.sequence % divisor != 0: context.drop(item)
                case .sink:
                    let arrival = Witness.Arrival(
                        sink: name,
                        port: context.input,
                        source: header.source,
                        sequence: item.payload.described == .integer(header.sequence) ? header.sequence : -1
                    )
                    witness.arrived(arrival)
                default: outboxes[0].send(item, 0)
                }
            },
            eachGap: awaitsPartners ? eachGap : nil
        )
    }

    private func holder(_ outboxes: UnsafeMutablePointer<Outbox>) -> StageBody {
        var held: Item<AnyPayload>?
        func release(_ context: StageContext) {
            guard let item = held else { return }
            context.release()
            outboxes[0].send(item, 0)
            held = nil
        }
        return StageBody(
            eachItem: { item, context in
                if fails(on: item.sequence) { throw StageError("does not like \(item.sequence)") }
                context.keep()
                let newest = item
                release(context)
                held = newest
            },
            finish: release
        )
    }

    private func outsider(_ outboxes: UnsafeMutablePointer<Outbox>) -> StageBody {
        var underway: [Int: Item<AnyPayload>] = [:]
        return StageBody(
            eachItem: { item, context in
                let sequence = item.sequence
                if fails(on: sequence) { throw StageError("does not like \(sequence)") }
                context.keep()
                underway[sequence] = item
                context.submit(sequence) { sequence }
            },
            completed: { completion, context in
                guard let item = underway.removeValue(forKey: completion.token) else { return }
                context.release()
                outboxes[0].send(item, 0)
            }
        )
    }
}
