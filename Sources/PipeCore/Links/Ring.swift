/// Slots in a circle, oldest first. It grows to what it must hold, so that a link with room for a million items costs
/// nothing until they come. Its owner bounds it, and frees it.
struct Ring {
    private var slots: UnsafeMutablePointer<Slot>
    private var capacity: Int  // a power of two
    private var head = 0
    private(set) var count = 0

    init() {
        capacity = 8
        slots = .allocate(capacity: capacity)
    }

    /// The ring must be empty.
    func deallocate() {
        precondition(count == 0, "a ring is freed with \(count) slots in it")
        slots.deallocate()
    }

    /// The slot at a position from the oldest.
    func slot(_ position: Int) -> UnsafeMutablePointer<Slot> { slots + ((head &+ position) & (capacity &- 1)) }

    /// The place behind the newest, which the caller fills.
    mutating func pushBack() -> UnsafeMutablePointer<Slot> {
        reserve(count + 1)
        count += 1
        return slot(count - 1)
    }

    /// The oldest, which the caller empties before anything else happens here.
    mutating func popFront() -> UnsafeMutablePointer<Slot> {
        let oldest = slot(0)
        head = (head &+ 1) & (capacity &- 1)
        count -= 1
        return oldest
    }

    mutating func moveIn(_ source: UnsafeMutablePointer<Slot>, _ number: Int) {
        reserve(count + number)
        let start = (head &+ count) & (capacity &- 1)
        let first = min(number, capacity - start)
        (slots + start).moveInitialize(from: source, count: first)
        slots.moveInitialize(from: source + first, count: number - first)
        count += number
    }

    mutating func moveOut(to target: UnsafeMutablePointer<Slot>, _ number: Int) {
        let first = min(number, capacity - head)
        target.moveInitialize(from: slots + head, count: first)
        (target + first).moveInitialize(from: slots, count: number - first)
        head = (head &+ number) & (capacity &- 1)
        count -= number
    }

    /// Takes a batch by exchanging memory, where nothing else stands here and both are of one size.
    mutating func exchange(_ batch: inout UnsafeMutablePointer<Slot>, _ number: Int) -> Bool {
        guard count == 0, capacity == Node.batch else { return false }
        swap(&slots, &batch)
        (head, count) = (0, number)
        return true
    }

    /// Gives all that stands here by exchanging memory, where it stands at the start and both are of one size.
    mutating func exchangeOut(_ batch: inout UnsafeMutablePointer<Slot>, _ number: Int) -> Bool {
        guard head == 0, number == count, capacity == Node.batch else { return false }
        swap(&slots, &batch)
        count = 0
        return true
    }

    private mutating func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        var larger = capacity
        while larger < needed { larger *= 2 }
        // What may be exchanged for a batch's memory must be as large.
        let target = UnsafeMutablePointer<Slot>.allocate(capacity: larger + Node.batchMemory - Node.batch)
        let held = count
        moveOut(to: target, held)
        slots.deallocate()
        (slots, capacity, head, count) = (target, larger, 0, held)
    }
}
