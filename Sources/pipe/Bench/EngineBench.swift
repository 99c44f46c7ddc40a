import PipeCore
import PipeKit

/// Sixteen bytes: what the peers of the benchmarks send.
struct Ticket: Payload {
    static let payload = PayloadInfo("ticket", "Sixteen bytes.", worstCase: ByteCount(16))
    var number: Int
    var check: Int
    var described: JSON { ["number": .integer(number)] }
}

struct BenchSource: Source {
    static let info = StageInfo("bench_source", "Sends tickets as fast as they are taken.", example: "")
    @Output("Tickets.") var tickets: Sender<Ticket>
    private var next = 0

    mutating func produce(_ room: Int, _ context: StageContext) throws -> Production {
        for number in next..<next + room { tickets.send(Ticket(number: number, check: number &* 31)) }
        next += room
        return .more
    }
}

struct BenchPass: Consumer {
    static let info = StageInfo("bench_pass", "Passes tickets on.", example: "")
    @Input("Tickets.") var tickets: Receiver<Ticket>
    @Output("The same.") var passed: Sender<Ticket>

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws { passed.send(item) }
}

struct BenchSink: Consumer {
    static let info = StageInfo("bench_sink", "Counts and checks tickets.", example: "")
    @Input("Tickets.", .many) var tickets: Receiver<Ticket>
    private var sum = 0

    mutating func process(_ item: consuming Item<Ticket>, _ context: StageContext) throws {
        sum &+= item.payload.number ^ item.payload.check
    }
}
