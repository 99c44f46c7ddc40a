import Glibc
import PipeCore
import PipeKit
import Synchronization

/// What the sinks of a run say that they took: the books must say the same.
enum Taken {
    static let items = Atomic<Int>(0)

    static func add(_ count: UInt64) { items.add(Int(count), ordering: .relaxed) }
}

/// Sixteen bytes: what the peers send.
struct Ticket: Payload {
    static let payload = PayloadInfo("ticket", "Sixteen bytes.", worstCase: ByteCount(16))

    var number: UInt64
    var check: UInt64
    var described: JSON { ["number": .integer(Int(truncatingIfNeeded: number))] }

    init(_ number: UInt64) {
        self.number = number
        check = Ticket.check(number)
    }

    static func check(_ number: UInt64) -> UInt64 { number &* 0x9E37_79B9_7F4A_7C15 }
}

/// A megabyte by reference; number and check stand in its first words.
struct BenchFrame: Payload {
    static let payload = PayloadInfo("bench_frame", "A megabyte.", worstCase: .mebibytes(1))

    let buffer: PooledBuffer
    var byteCount: Int { buffer.bytes.count }
    var described: JSON { .null }
}

struct TicketSource: Source {
    static let info = StageInfo("source", "Sends tickets as fast as they are taken.", example: "")
    @Output("Tickets.") var tickets: Sender<Ticket>
    private var next: UInt64 = 0

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        for _ in 0..<room {
            tickets.send(Ticket(next))
            next &+= 1
        }
        return .more
    }
}

/// A ticket every millisecond, at points on the clock. A point that was missed by more is not made up.
struct PacedSource: Source {
    static let info = StageInfo("paced_source", "Sends a ticket every millisecond.", example: "")
    @Output("Tickets.") var tickets: Sender<Ticket>
    private var pace = PointsOnTheClock(every: 1_000_000)
    private var next: UInt64 = 0

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        if let wait = pace.wait(context.now) { return .at(wait) }
        tickets.send(Ticket(next))
        next += 1
        return .more
    }
}

/// Two thousand tickets a second.
struct FloodSource: Source {
    static let info = StageInfo("flood_source", "Sends 2 000 tickets a second.", example: "")
    @Output("Tickets.") var tickets: Sender<Ticket>
    private var pace = PointsOnTheClock(every: 500_000)
    private var next: UInt64 = 0

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        if let wait = pace.wait(context.now) { return .at(wait) }
        tickets.send(Ticket(next))
        next += 1
        return .more
    }
}

private struct PointsOnTheClock {
    let every: Int
    private var due: Int?

    init(every: Int) { self.every = every }

    /// Until when to wait; nil when it is time.
    mutating func wait(_ now: Instant) -> Instant? {
        let point = due ?? now.nanoseconds
        guard now.nanoseconds >= point else { return Instant(nanoseconds: point) }
        let next = point + every
        due = now.nanoseconds > next ? now.nanoseconds + every : next
        return nil
    }
}

/// Adds one to the check, so that the sink sees that it ran.
struct TicketStep: Consumer {
    static let info = StageInfo("step", "Adds one to the check.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    @Output("The same.") var passed: Sender<Ticket>

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) {
        item.payload.check &+= 1
        passed.send(item)
    }
}

/// Ten thousand steps of xorshift64 for each ticket: about 20 µs.
struct HardStep: Consumer {
    static let info = StageInfo("hard_step", "Works for 20 µs.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    @Output("The same.") var passed: Sender<Ticket>

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) {
        item.payload.check = HardStep.work(item.payload.check)
        passed.send(item)
    }

    static func work(_ start: UInt64) -> UInt64 {
        var value = start | 1
        for _ in 0..<10_000 {
            value ^= value << 13
            value ^= value >> 7
            value ^= value << 17
        }
        return value
    }
}

/// Takes tickets in order, each with the checks of the steps that it passed.
struct TicketSink: Consumer {
    static let info = StageInfo("sink", "Checks tickets.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    private var next: UInt64 = 0
    private var steps: UInt64?

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws {
        let ticket = item.payload
        let seen = ticket.check &- Ticket.check(ticket.number)
        guard ticket.number == next, seen == steps ?? seen, seen < 16 else {
            throw StageError("wrong: ticket \(ticket.number) where \(next) was due")
        }
        steps = seen
        next &+= 1
    }

    mutating func finish(_ context: StageContext) { Taken.add(next) }
}

/// Takes tickets of several sources, each in order.
struct PlainSink: Consumer {
    static let info = StageInfo("sink", "Checks tickets.", example: "")
    @Input("Tickets.", .many) var tickets: Receiver<Ticket>
    private var next = [UInt64](repeating: 0, count: 8)

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws {
        let (ticket, source) = (item.payload, Int(item.header.source) & 7)
        guard ticket.number == next[source], ticket.check == Ticket.check(ticket.number) else {
            throw StageError("wrong: ticket \(ticket.number) where \(next[source]) was due")
        }
        next[source] &+= 1
    }

    mutating func finish(_ context: StageContext) { Taken.add(next.reduce(0, +)) }
}

/// Takes results of one stage or several in a row in order, and sums them up.
struct OrderedSink: Consumer {
    static let info = StageInfo("ordered_sink", "Checks results.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    private var next: UInt64 = 0
    private var steps: Int?
    private var sum: UInt64 = 0

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws {
        let ticket = item.payload
        guard ticket.number == next else { throw StageError("wrong: ticket \(ticket.number) where \(next) was due") }
        if ticket.number & 1023 == 0 {
            let seen = Self.steps(to: ticket)
            guard let seen, seen == steps ?? seen else {
                throw StageError("wrong: the result of ticket \(ticket.number)")
            }
            steps = seen
        }
        sum ^= ticket.check
        next &+= 1
    }

    /// How many hard steps lead to what the ticket has.
    private static func steps(to ticket: Ticket) -> Int? {
        var value = Ticket.check(ticket.number)
        return (1...3).first { _ in
            value = HardStep.work(value)
            return value == ticket.check
        }
    }

    mutating func finish(_ context: StageContext) { Taken.add(next) }
}

/// Is busy for a millisecond, by the clock, with each ticket. Nothing that is newer may be lost for what is older.
struct BusySink: Consumer {
    static let info = StageInfo("busy_sink", "Works for 1 ms.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    private var last: UInt64?
    private var taken: UInt64 = 0

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws {
        let ticket = item.payload
        guard last.map({ ticket.number > $0 }) ?? true, ticket.check == Ticket.check(ticket.number) else {
            throw StageError("wrong: ticket \(ticket.number) after \(last ?? 0)")
        }
        last = ticket.number
        taken += 1
        let end = monotonic() + 1_000_000
        while monotonic() < end {}
    }

    private func monotonic() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    mutating func finish(_ context: StageContext) { Taken.add(taken) }
}

struct FrameSource: Source {
    static let info = StageInfo("frame_source", "Sends frames.", example: "")
    @Output("Frames.") var frames: Sender<BenchFrame>
    private var next: UInt64 = 0
    private let pool = BufferPool(size: .mebibytes(1), keeping: .mebibytes(1024))

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        for _ in 0..<room {
            let buffer = pool.take()
            buffer.bytes.storeBytes(of: next, as: UInt64.self)
            buffer.bytes.storeBytes(of: Ticket.check(next), toByteOffset: 8, as: UInt64.self)
            frames.send(BenchFrame(buffer: buffer))
            next &+= 1
        }
        return .more
    }
}

struct FrameStep: Consumer {
    static let info = StageInfo("frame_step", "Passes frames on.", example: "")
    @Input("Frames.") var frames: Receiver<BenchFrame>
    @Output("The same.") var passed: Sender<BenchFrame>

    mutating func process(_ item: consuming Item<BenchFrame>, _ context: StageContext) { passed.send(item) }
}

struct FrameSink: Consumer {
    static let info = StageInfo("frame_sink", "Checks frames.", example: "")
    @Input("Frames.") var frames: Receiver<BenchFrame>
    private var next: UInt64 = 0

    mutating func process(_ item: consuming Item<BenchFrame>, _ context: StageContext) throws {
        let bytes = item.payload.buffer.bytes
        let number = bytes.load(as: UInt64.self)
        guard number == next, bytes.load(fromByteOffset: 8, as: UInt64.self) == Ticket.check(number) else {
            throw StageError("wrong: frame \(number) where \(next) was due")
        }
        next &+= 1
    }

    mutating func finish(_ context: StageContext) { Taken.add(next) }
}
