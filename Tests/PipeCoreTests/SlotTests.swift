import Testing

@testable import PipeCore

struct SlotTests {
    private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: 2)
    private let census = Census()

    private func header(_ sequence: Int) -> Header {
        Header(sequence: sequence, captured: .zero, sent: .zero, key: "key", source: 3)
    }

    private func fill(_ payload: consuming some Payload) {
        slots.initialize(to: Slot(header: header(7)))
        payload.put(into: slots)
    }

    @Test func `a header is 56 bytes and a slot 80, whatever it carries`() {
        #expect(MemoryLayout<Header>.stride == 56)
        #expect(MemoryLayout<Slot>.stride == 80)
        #expect(Number.isInPlace && Tracked.isInPlace && !Bulky.isInPlace)
    }

    @Test func `what is sent is what is taken`() {
        fill(Number(value: 5))
        #expect(slots.pointee.header.bytes == 8)
        #expect(Item<Number>(taking: slots).payload == Number(value: 5))
        fill(Text("hello"))
        #expect(slots.pointee.header.bytes == 5)
        let item = Item<Text>(taking: slots)
        #expect(item.payload.value == "hello")
        #expect(item.sequence == 7 && item.key == "key" && item.header.source == 3)
    }

    @Test(arguments: Carriage.allCases)
    func `a copy lives on its own, and each life ends once`(carriage: Carriage) {
        fill(AnyPayload(carriage.make(9, census)))
        let one = carriage == .plain ? 0 : 1
        #expect(census.living == one)
        slots.copy(to: slots + 1)
        #expect(census.living == one)  // they share what the payload refers to
        slots.destroy()
        #expect(census.living == one)
        #expect(PayloadType[slots[1].header.kind].described(slots + 1) == 9)
        let taken = Item<AnyPayload>(taking: slots + 1)
        #expect(taken.payload.described == 9 && taken.sequence == 7)
        withExtendedLifetime(taken) { #expect(census.living == one) }
    }

    @Test(arguments: Carriage.allCases)
    func `a payload whose type is not known is that payload`(carriage: Carriage) {
        fill(AnyPayload(carriage.make(4, census)))
        let kind = slots.pointee.header.kind
        let any = Item<AnyPayload>(taking: slots)
        switch carriage {
        case .plain: #expect(any.payload.value is Number && kind == PayloadType.kind(of: Number.self))
        case .counted: #expect(any.payload.value is Tracked && kind == PayloadType.kind(of: Tracked.self))
        case .boxed: #expect(any.payload.value is Bulky && kind == PayloadType.kind(of: Bulky.self))
        }
    }

    @Test func `nothing is left when slots are gone`() {
        for carriage in Carriage.allCases {
            fill(AnyPayload(carriage.make(1, census)))
            slots.copy(to: slots + 1)
            slots.destroy()
            (slots + 1).destroy()
        }
        #expect(census.living == 0)
    }

    @Test func `a type has one number, and a number one type`() {
        let kinds = [
            PayloadType.kind(of: Number.self), PayloadType.kind(of: Tracked.self), PayloadType.kind(of: Bulky.self),
        ]
        #expect(Set(kinds).count == 3 && !kinds.contains(0))
        #expect(kinds[0] == PayloadType.kind(of: Number.self))
        #expect(PayloadType[kinds[1]].info == Tracked.payload)
        #expect(PayloadType.named("test_bulky") === PayloadType.of(Bulky.self))
        #expect(PayloadType.named("no such payload") == nil)
    }

    @Test func `gaps join where one follows the other, for one reason`() {
        func gap(_ first: Int, _ count: Int, _ reason: DropReason = .overflow, key: Key = "key") -> Slot {
            var header = header(first)
            header.key = key
            return Slot(gapAt: header, count: count, reason: reason)
        }
        var whole = gap(5, 2)
        let joins = [
            whole.extend(with: gap(7, 3)),
            // Before it, over it and beyond it; for another reason; of another key; no gap at all.
            whole.extend(with: gap(4, 1)),
            whole.extend(with: gap(9, 1)),
            whole.extend(with: gap(11, 1)),
            whole.extend(with: gap(10, 1, .rate)),
            whole.extend(with: gap(10, 1, key: "other")),
            {
                var item = header(10)
                item.kind = 1
                return whole.extend(with: Slot(header: item))
            }(),
        ]
        #expect(joins == [true, false, false, false, false, false, false])
        #expect(whole.gap == Gap(source: 3, key: "key", first: 5, count: 5, reason: .overflow))
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `a ring keeps its order while it grows`(seed: UInt64) {
        var chance = RandomSource(seed: seed)
        var ring = Ring()
        var model: [Int] = []
        var batch = Node.allocateBatch()
        var exchanges = 0
        defer { batch.deallocate() }
        var next = 0
        func make(_ place: UnsafeMutablePointer<Slot>) {
            place.initialize(to: Slot(header: header(next)))
            Tracked(value: next, token: census.token()).put(into: place)
            next += 1
        }
        for _ in 0..<60 {
            if ring.count == 0, chance.share() < 0.2 { ring.shrink() }
            // Whole batches, and what they are misplaced by.
            let number = chance.share() < 0.5 ? Node.batch : Int.random(in: 0...Node.batch, using: &chance)
            switch Int.random(in: 0..<8, using: &chance) {
            case 0:
                model.append(next)
                make(ring.pushBack())
            case 2:
                model += next..<next + number
                for index in 0..<number { make(batch + index) }
                ring.moveIn(batch, number)
            case 3 where !model.isEmpty:
                ring.popFront().destroy()
                model.removeFirst()
            case 4:
                for index in 0..<number { make(batch + index) }
                if ring.exchange(&batch, number) {
                    model += next - number..<next
                    exchanges += 1
                } else {
                    for index in 0..<number { (batch + index).destroy() }
                }
            case 5, 6:
                let number = min(number, model.count)
                guard ring.exchangeOut(&batch, number) else { continue }
                exchanges += 1
                #expect((0..<number).map { batch[$0].header.sequence } == Array(model.prefix(number)))
                for index in 0..<number { (batch + index).destroy() }
                model.removeFirst(number)
            default:
                let number = min(number, model.count)
                ring.moveOut(to: batch, number)
                #expect((0..<number).map { batch[$0].header.sequence } == Array(model.prefix(number)))
                for index in 0..<number { (batch + index).destroy() }
                model.removeFirst(number)
            }
            #expect((0..<ring.count).map { ring.slot($0).pointee.header.sequence } == model)
            #expect(census.living == model.count)
        }
        while ring.count > 0 { ring.popFront().destroy() }
        ring.deallocate()
        #expect(census.living == 0)
    }
}

/// Rows of slots that were sent at one time.
struct SentRowTests {
    @Test func `the end of a row is found wherever it is`() {
        var chance = RandomSource(seed: 5)
        for _ in 0..<2000 {
            let count = Int.random(in: 1...64, using: &chance)
            var times: [Int] = [0]
            while times.count < count { times.append(times[times.count - 1] + (chance.share() < 0.1 ? 1 : 0)) }
            let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
            defer { slots.deallocate() }
            for (index, time) in times.enumerated() {
                let sent = Instant(nanoseconds: time)
                (slots + index).begin(Header(sequence: index, captured: .zero, sent: sent, key: .none, source: 0))
            }
            var index = 0
            while index < count {
                let end = slots.endOfSent(Instant(nanoseconds: times[index]), from: index, count)
                #expect(end == times[index...].firstIndex { $0 != times[index] } ?? count, "\(times) from \(index)")
                guard end > index else { return }
                index = end
            }
        }
    }
}
