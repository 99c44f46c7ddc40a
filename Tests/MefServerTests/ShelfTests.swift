import Testing

@testable import MefServer

/// The rules of the cache, without threads.
struct ShelfTests {
    struct Key: ShelfKey, CustomStringConvertible {
        var file = 1
        var number: Int
        var bytes = 10
        var description: String { "\(number)" }
    }

    private let now = ContinuousClock().now

    private func keys(_ numbers: Int...) -> [Key] { numbers.map { Key(number: $0) } }

    @Test func `a tile is read once however many want it`() {
        let held = Held(Shelf<Key, Int>(budget: 100))
        #expect(held.ask(1, keys(1, 2), now).reads == keys(1, 2))
        #expect(held.begin(Key(number: 1)))
        // The other one was not begun, so it is asked for again; whoever begins first reads it.
        #expect(held.ask(2, keys(1, 2), now).reads == keys(2))
        #expect(held.begin(Key(number: 2)))
        #expect(!held.begin(Key(number: 2)))
        #expect(held.finish(Key(number: 1), 11, keep: true, now).complete.isEmpty)
        #expect(held.finish(Key(number: 2), 22, keep: true, now).complete == [1, 2])
        #expect(held.value.tiles(2) == [11, 22])
        #expect(held.ask(3, keys(2), now).complete == [3])
        #expect(held.value.counts.hits == 1)
        #expect(held.value.counts.joined == 2)
    }

    @Test func `what was used longest ago makes room`() {
        let held = Held(Shelf<Key, Int>(budget: 30))
        for number in 1...3 { read(held, number) }
        read(held, 1)
        read(held, 4)
        #expect(held.value.bytes == 30)
        #expect(held.ask(90, keys(1, 3, 4), now).complete == [90])
        #expect(held.value.counts.evictions == 1)
    }

    @Test func `a request without room waits in line and is not overtaken`() {
        let held = Held(Shelf<Key, Int>(budget: 30))
        #expect(held.ask(1, keys(1, 2), now).reads == keys(1, 2))
        #expect(held.ask(2, keys(3, 4), now).reads.isEmpty)
        #expect(held.ask(3, keys(5), now).reads.isEmpty)
        // Nobody waits for these any more, so they are not read.
        let order = held.giveBack(1, now)
        #expect(order.reads == keys(3, 4) + keys(5))
        #expect(!held.begin(Key(number: 1)))
        #expect(held.value.bytes == 30)
    }

    @Test func `a request larger than everything gets its turn alone`() {
        let held = Held(Shelf<Key, Int>(budget: 30))
        read(held, 1)
        #expect(held.ask(1, keys(2), now).reads == keys(2))
        let large = Key(number: 3, bytes: 500)
        #expect(held.ask(2, [large], now).reads.isEmpty)
        #expect(held.giveBack(1, now).reads == [large])
        #expect(held.begin(large))
        #expect(held.finish(large, 0, keep: true, now).complete == [2])
        _ = held.giveBack(2, now)
        #expect(held.value.bytes == 0)
    }

    @Test func `reading ahead takes no room from requests`() {
        let held = Held(Shelf<Key, Int>(budget: 30))
        _ = held.ask(1, keys(1, 2), now)
        #expect(held.offer(keys(2, 3, 4), now) == keys(3))
        // A request turns out what was not begun.
        _ = held.giveBack(1, now)
        #expect(held.ask(2, keys(5, 6, 7), now).reads == keys(5, 6, 7))
        #expect(!held.begin(Key(number: 3)))
        #expect(held.value.bytes == 30)
    }

    @Test func `a tile read ahead is counted once it is asked for`() {
        let held = Held(Shelf<Key, Int>(budget: 30))
        #expect(held.offer(keys(1), now) == keys(1))
        #expect(held.begin(Key(number: 1)))
        _ = held.finish(Key(number: 1), 1, keep: true, now)
        #expect(held.ask(1, keys(1), now).complete == [1])
        #expect(held.value.counts.aheadHits == 1)
    }

    @Test func `a closed session leaves nothing once nobody uses it`() {
        let held = Held(Shelf<Key, Int>(budget: 100))
        read(held, 1)
        _ = held.ask(5, keys(1, 2), now)
        #expect(held.begin(Key(number: 2)))
        _ = held.offer(keys(3), now)
        held.forget(file: 1)
        #expect(!held.begin(Key(number: 3)))
        #expect(held.finish(Key(number: 2), 2, keep: true, now).complete == [5])
        #expect(held.value.tiles(5) == [1, 2])
        _ = held.giveBack(5, now)
        #expect(held.value.count == 0)
        #expect(held.value.bytes == 0)
    }

    @Test func `tiles nobody asks for expire`() {
        let held = Held(Shelf<Key, Int>(budget: 100))
        read(held, 1)
        held.expire(before: now)
        #expect(held.value.count == 1)
        held.expire(before: now + .seconds(1))
        #expect(held.value.count == 0)
    }

    @Test(arguments: 1...20)
    func `whatever happens in whatever order everybody is served within the budget`(seed: UInt64) {
        var random = Seeded(seed)
        let held = Held(Shelf<Key, Int>(budget: 60))
        var open: [Int: [Key]] = [:]
        var reads: [Key] = []
        var begun: [Key] = []
        var complete = Set<Int>()
        func note(_ order: Shelf<Key, Int>.Order) {
            reads += order.reads
            complete.formUnion(order.complete)
        }
        for ticket in 1...3000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let wanted = Set(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in Int.random(in: 0..<20, using: &random) }
                )
                open[ticket] = wanted.map { Key(file: $0 % 3, number: $0) }
                note(held.ask(ticket, open[ticket] ?? [], now))
            case 2:
                reads += held.offer(
                    [Key(file: ticket % 3, number: ticket % 20)].filter { $0.file == $0.number % 3 },
                    now
                )
            case 3:
                if let key = reads.popLast(), held.begin(key) { begun.append(key) }
            case 4:
                if !begun.isEmpty {
                    let key = begun.remove(at: Int.random(in: 0..<begun.count, using: &random))
                    note(held.finish(key, key.number, keep: Bool.random(using: &random), now))
                }
            default:
                // Complete or not, as when a client goes away.
                if let ticket = open.keys.randomElement(using: &random) { giveBack(ticket) }
            }
            // Beyond the budget only by what was begun ahead of requests that then took the room.
            #expect(held.value.bytes <= 60 + 10 * begun.count)
        }
        func giveBack(_ ticket: Int) {
            if complete.contains(ticket) { #expect(held.value.tiles(ticket) == open[ticket]?.map(\.number)) }
            open[ticket] = nil
            note(held.giveBack(ticket, now))
        }
        while !reads.isEmpty || !begun.isEmpty || !open.isEmpty {
            if let key = reads.popLast() {
                if held.begin(key) { begun.append(key) }
            } else if let key = begun.popLast() {
                note(held.finish(key, key.number, keep: true, now))
            } else if let ticket = open.keys.first(where: { complete.contains($0) }) {
                giveBack(ticket)
            } else {
                Issue.record("requests \(open.keys.sorted()) wait for ever")
                return
            }
        }
        #expect(held.value.bytes <= 60)
    }

    private func read(_ held: Held<Shelf<Key, Int>>, _ number: Int) {
        let key = Key(number: number)
        _ = held.ask(1000 + number, [key], now)
        if held.begin(key) { _ = held.finish(key, number, keep: true, now) }
        _ = held.giveBack(1000 + number, now)
    }
}

/// A value for expectations, which cannot change one of their own.
final class Held<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}

extension Held where Value == Shelf<ShelfTests.Key, Int> {
    typealias Key = ShelfTests.Key

    func ask(_ ticket: Int, _ keys: [Key], _ now: ContinuousClock.Instant) -> Value.Order {
        value.ask(ticket, keys, now)
    }
    func begin(_ key: Key) -> Bool { value.begin(key) }
    func finish(_ key: Key, _ tile: Int, keep: Bool, _ now: ContinuousClock.Instant) -> Value.Order {
        value.finish(key, tile, keep: keep, now)
    }
    func giveBack(_ ticket: Int, _ now: ContinuousClock.Instant) -> Value.Order { value.giveBack(ticket, now) }
    func offer(_ keys: [Key], _ now: ContinuousClock.Instant) -> [Key] { value.offer(keys, now) }
    func forget(file: Int) { value.forget(file: file) }
    func expire(before cutoff: ContinuousClock.Instant) { value.expire(before: cutoff) }
}

/// Numbers that are the same in every run, so that a failure can be repeated by its seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
