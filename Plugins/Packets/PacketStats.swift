import Glibc
import PipeCore
import PipeKit

/// Counts packets: in all and of each client, with rate, loss and latency where packets have a header.
///
/// Rates are over the time from the first to the last packets that came, so that an idle hour does not lower them.
struct PacketStats: Consumer {
    static let info = StageInfo(
        "packet_stats",
        "Counts packets, in all and of each client.",
        example: """
            from: server
            every: 10s
            """,
        traits: .neverStalls,
        details: """
            A client that has gone is in the next report for the last time, with its final numbers. 'latency' is from the
            time in the packet to when this stage takes it, by the clocks of both machines. With 'log: original' it says
            what the server that pipe took the place of said, in the same words, so that tools that read them go on.
            """
    )

    @Input("Packets, and who comes and goes.") var packets: Receiver<PacketBatch>
    @Output("Reports: one each interval in which something came, and one at the end.", .optional)
    var reports: Sender<Document>

    @Option("How often it reports.", in: .milliseconds(10)...) var every = Duration.seconds(10)
    @Option("Where packets say their number and time; without it neither loss nor latency is known.")
    var header: PacketHeader?
    @Option("Clients that a report lists.", in: 0...100_000) var list = 100
    @Option("What is told in the log.") var log = Log.nothing

    enum Log: String, Choice {
        case nothing, totals, original

        var summary: String {
            switch self {
            case .nothing: "Nothing."
            case .totals: "A line for each report."
            case .original: "Who comes and goes, and totals, in the words of the original server."
            }
        }
    }

    private var books = PacketBooks()
    private var lastCaptured: Instant?
    private var isTimed = false

    mutating func start(_ context: StageContext) {
        books = PacketBooks(header?.layout)
        if log == .original { context.log(.info, "Started worker process 0 (PID: \(getpid()))") }
    }

    mutating func process(_ item: consuming Item<PacketBatch>, _ context: StageContext) {
        let batch = item.payload
        let key = item.key.isEmpty ? batch.client.key : item.key
        lastCaptured = item.captured
        switch batch.event {
        case .packets: books.count(batch, key, captured: item.captured) { Int(context.date * 1e9) }
        case .opened:
            books.open(batch.client, key)
            if log == .original { tellArrival(batch.client.name, context) }
        case .closed(let reason, let trailing):
            books.close(batch.client, key, reason, trailing)
            if log == .original, !reason.isRefusal {
                context.log(.info, "Client \(batch.client.name) disconnected from worker 0")
            }
        }
        if !isTimed {
            isTimed = true
            context.wake(after: every)
        }
    }

    private func tellArrival(_ name: String, _ context: StageContext) {
        let colon = name.lastIndex(of: ":") ?? name.endIndex
        context.log(.info, "New connection from ('\(name[..<colon])', \(name[colon...].dropFirst()))")
        context.log(.info, "Worker 0 handling client \(name)")
    }

    mutating func wake(_ context: StageContext) {
        isTimed = false
        report("interval", context)
    }

    mutating func finish(_ context: StageContext) { report("end", context) }

    private mutating func report(_ event: String, _ context: StageContext) {
        let total = books.total
        switch log {
        case .nothing: break
        case .totals:
            context.log(
                .info,
                "\(total.packets) packets, \(books.connected) clients, \(shortest(total.rate.rounded()))/s, lost \(total.lost)"
            )
        case .original:
            context.log(
                .info,
                "Total: \(total.packets) packets, \(total.bytes) bytes, Rate: \(shortest(total.rate.rounded())) packets/sec"
            )
        }
        if reports.isLinked {
            reports.send(Document(books.report(event, listing: list)), captured: lastCaptured ?? context.now)
        }
        books.forgetGone()
    }
}
