/// Slots in a circle, oldest first, in blocks that are as large as a batch's memory: a whole batch comes and goes by an exchange
/// of the two, and only what does not fit that is moved. It grows to what it must hold, so that a link with room for a
/// million items costs nothing until they come. Its owner bounds it, and frees it.
struct Ring {
    private typealias Block = UnsafeMutablePointer<Slot>

    private var blocks: UnsafeMutablePointer<Block>
    private var number: Int  // of blocks: 0, or a power of two
    /// The place of the oldest, counted from the first block's start.
    private var head = 0
    private(set) var count = 0

    private static let size = Node.batch
    private static let shift = size.trailingZeroBitCount

    init() {
        number = 0
        blocks = .allocate(capacity: number)
    }

    /// The ring must be empty.
    func deallocate() {
        precondition(count == 0, "a ring is freed with \(count) slots in it")
        for index in 0..<number { blocks[index].deallocate() }
        blocks.deallocate()
    }

    /// Gives all memory back. The ring must be empty; it can be filled again.
    mutating func shrink() {
        deallocate()
        self = Ring()
    }

    private var capacity: Int { number << Self.shift }

    @inline(__always)
    private func block(at place: Int) -> UnsafeMutablePointer<Block> {
        blocks + ((place &>> Self.shift) & (number &- 1))
    }

    @inline(__always)
    private func offset(_ place: Int) -> Int { place & (Self.size &- 1) }

    /// The slot at a position from the oldest.
    func slot(_ position: Int) -> UnsafeMutablePointer<Slot> {
        let place = head &+ position
        return block(at: place).pointee + offset(place)
    }

    /// The place behind the newest, which the caller fills.
    mutating func pushBack() -> UnsafeMutablePointer<Slot> {
        reserve(count + 1)
        count += 1
        return slot(count - 1)
    }

    /// The oldest, which the caller empties before anything else happens here.
    mutating func popFront() -> UnsafeMutablePointer<Slot> {
        let oldest = slot(0)
        removeFirst(1)
        return oldest
    }

    mutating func moveIn(_ source: UnsafeMutablePointer<Slot>, _ number: Int) {
        reserve(count + number)
        forEachRun(from: head &+ count, number) { $0.moveInitialize(from: source + $1, count: $2) }
        count += number
    }

    mutating func copyIn(_ source: UnsafeMutablePointer<Slot>, _ number: Int) {
        reserve(count + number)
        forEachRun(from: head &+ count, number) { place, before, run in
            for index in 0..<run { (source + before + index).copy(to: place + index) }
        }
        count += number
    }

    mutating func moveOut(to target: UnsafeMutablePointer<Slot>, _ number: Int) {
        forEachRun(from: head, number) { (target + $1).moveInitialize(from: $0, count: $2) }
        removeFirst(number)
    }

    /// Takes a batch by exchanging memory, where it begins a block and nothing of another will stand in that.
    mutating func exchange(_ batch: inout UnsafeMutablePointer<Slot>, _ number: Int) -> Bool {
        if count == 0 { head = 0 }
        guard number > 0, offset(head &+ count) == 0, count == 0 || number == Self.size else { return false }
        reserve(count + number)
        swap(&block(at: head &+ count).pointee, &batch)
        count += number
        return true
    }

    /// Gives the oldest by exchanging memory, where they stand at a block's start and nothing else does in it.
    mutating func exchangeOut(_ batch: inout UnsafeMutablePointer<Slot>, _ number: Int) -> Bool {
        guard number > 0, offset(head) == 0, number == min(count, Self.size) else { return false }
        swap(&block(at: head).pointee, &batch)
        removeFirst(number)
        return true
    }

    private mutating func removeFirst(_ number: Int) {
        head = (head &+ number) & (capacity &- 1)
        count -= number
    }

    /// The slots from a place on, as far as each stands in one block, with how many are before them.
    @inline(__always)
    private func forEachRun(from place: Int, _ number: Int, do body: (UnsafeMutablePointer<Slot>, Int, Int) -> Void) {
        var done = 0
        while done < number {
            let offset = offset(place &+ done)
            let run = min(number - done, Self.size - offset)
            body(block(at: place &+ done).pointee + offset, done, run)
            done += run
        }
    }

    private mutating func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        var larger = max(1, number)
        while larger << Self.shift < needed { larger *= 2 }
        let start = head &>> Self.shift
        let table = UnsafeMutablePointer<Block>.allocate(capacity: larger)
        for index in 0..<number { (table + index).initialize(to: blocks[(start + index) & (number - 1)]) }
        for index in number..<larger { (table + index).initialize(to: Node.allocateBatch()) }
        // The newest may stand in the block of the oldest, before them.
        let wrapped = max(0, offset(head) + count - capacity)
        if number > 0 { table[number].moveInitialize(from: table[0], count: wrapped) }
        blocks.deallocate()
        (blocks, number, head) = (table, larger, offset(head))
    }
}
