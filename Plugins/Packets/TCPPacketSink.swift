import Glibc
import PipeCore
import PipeKit

/// Sends packets to a server over TCP, and knows of each what became of it.
///
/// A packet counts as sent when the peer's system has confirmed its last byte. When the connection is lost, what was not
/// confirmed is sent again on the next, from the beginning of a packet.
struct TCPPacketSink: Consumer {
    static let info = StageInfo(
        "tcp_packet_sink",
        "Sends packets to a server over TCP.",
        example: """
            from: packets
            address: 127.0.0.1:8888
            drain: 100ms
            """,
        traits: .heedsWorld,
        details: """
            It connects at once, and again when the connection is lost: at first at once, then after half a second, and
            half as long again each time, up to two seconds. Items are held until their packets are confirmed; what is not
            when 'drain' is over counts as failed. The peer may lose what its system has confirmed and its program has not
            read; numbered packets tell it that.
            """
    )

    @Input("What is sent.") var packets: Receiver<PacketBatch>
    @Output("What became of the packets: one document when the connection is lost, and one at the end.", .optional)
    var books: Sender<Document>

    @Option("The server.") var address: Address
    @Option("The most packets a second.", in: Rate(perHour: 1)...) var rate: Rate?
    @Option(
        "How long packets may wait to be sent together with others.",
        in: .zero...Duration.seconds(10)
    )
    var latency = Duration.zero
    @Option("What may wait while the server takes nothing.", in: .kibibytes(1)...ByteCount.gibibytes(1))
    var buffer = ByteCount.mebibytes(1)
    @Option("What becomes of packets that find no room there.") var whenFull = Full.block
    @Option("How long it may take to connect.", in: Duration.milliseconds(10)...Duration.seconds(3600))
    var timeout = Duration.seconds(5)
    @Option("Attempts to connect before it fails; without it, it goes on for ever.", in: 1...) var attempts: Int?
    @Option("At the end, how long to wait until all is confirmed.", in: Duration.zero...Duration.seconds(3600))
    var drain = Duration.seconds(5)
    @Option("A line that is sent first, for servers that want one.") var token: Secret?
    @Option("Encrypts, and makes sure who the server is.") var tls: TLSClientOptions?
    @Option("The system's buffer for what is sent.", in: .kibibytes(4)...ByteCount.mebibytes(64))
    var sendBuffer = ByteCount.kibibytes(128)

    enum Full: String, Choice {
        case block
        case dropOldest = "drop_oldest"
        case dropNewest = "drop_newest"

        var summary: String {
            switch self {
            case .block: "They wait in the link."
            case .dropOldest: "The oldest that wait are dropped."
            case .dropNewest: "What comes is dropped."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if let token { checkToken(&report, token, $token, most: 65_536) }
        if address.port == 0 {
            report.error(.outOfRange, at: $address, "there is no port 0 to connect to", hint: "use the server's port")
        }
    }

    private var queue = SendQueue()
    private var wire: (any Wire)?
    /// Which connection it is: what waits of an earlier one bring is of no meaning.
    private var connection = 0
    private var isFull = false
    private var isPaused = false
    private var isConnecting = false
    private var failures = 0
    private var retry: Instant?
    private var flushed = Instant.zero
    /// What was on its way when that was asked last.
    private var lastOnTheWay = 0
    private var confirmWait = Self.firstConfirm
    private var paced: Instant?
    /// The time by which all must be done.
    private var deadline: Instant?
    private var isClosing = false
    private var isOver = false
    private var counts = Counts()
    private var lastCaptured: Instant?
    private var pieces = UnsafeMutableBufferPointer<iovec>(start: nil, count: 0)

    private struct Counts {
        var packets = 0
        var dropped = 0
        var unsent = 0
        var connections = 0
    }

    /// An operation that connects; one that closes has the number of its connection.
    private static let connecting = 0
    private static let worthWriting = 64 << 10
    /// The system's buffer holds what a fast peer takes in about this time.
    private static let fullWait = Duration.milliseconds(1)
    private static let (firstConfirm, lastConfirm) = (Duration.milliseconds(10), Duration.milliseconds(320))

    mutating func start(_ context: StageContext) {
        pieces = .allocate(capacity: 64)
        pieces.initialize(repeating: iovec())
        connect(context)
    }

    // MARK: Connecting

    private mutating func connect(_ context: StageContext) {
        guard !isConnecting, !isOver, wire == nil else { return }
        isConnecting = true
        retry = nil
        guard !context.isSimulated else {
            return context.submit(Self.connecting) { SimulatedWire() }
        }
        let settings = SocketWire.Settings(
            address: address,
            timeout: timeout,
            sendBuffer: sendBuffer,
            token: token.map { Array($0.reveal().utf8) }
        )
        let tls = tls
        context.submit(Self.connecting, Effort(deadline: timeout + .seconds(10))) {
            try SocketWire(settings, tls: { try tls?.context() }, name: tls?.name)
        }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        switch completion.token {
        case Self.connecting:
            isConnecting = false
            switch completion.result {
            case .success(let made): connected(made as? any Wire, context)
            case .failure(let error): missed(error, context)
            }
        case counts.connections: closed(completion.result, context)
        default: break
        }
        arm(context)
    }

    private mutating func connected(_ made: (any Wire)?, _ context: StageContext) {
        guard let made, !isOver else { return }
        if failures > 0 { context.log(.info, "connected to \(address.written)") }
        failures = 0
        wire = made
        isFull = false
        lastOnTheWay = 0
        counts.connections += 1
        write(context)
    }

    private mutating func missed(_ error: any Error, _ context: StageContext) {
        guard !isOver else { return }
        failures += 1
        if let attempts, failures >= attempts {
            return context.die(StageError("it gave up after \(attempts) attempts: \(error)"))
        }
        // As the clients of the original did.
        let wait = min(2.0, 0.5 * pow(1.5, Double(min(failures - 1, 10))))
        retry = context.now + .seconds(wait)
        if failures == 1 { context.log(.warning, "\(error); it tries again") }
    }

    /// The connection is gone.
    private mutating func lost(_ why: String, _ context: StageContext) {
        guard let wire else { return }
        let unconfirmed = wire.unconfirmed ?? .max
        self.wire = nil
        isClosing = false
        finish(queue.broke(unconfirmed: unconfirmed), context)
        context.log(.warning, "lost the connection to \(address.written): \(why)")
        report("lost", context)
        connect(context)
    }

    mutating func disturbed(_ disturbance: Disturbance, _ context: StageContext) {
        lost("the test broke it", context)
        arm(context)
    }

    // MARK: Sending

    mutating func process(_ item: consuming Item<PacketBatch>, _ context: StageContext) {
        let (count, bytes) = (item.payload.count, item.payload.byteCount)
        guard count > 0 else { return context.drop(item) }
        counts.packets += count
        lastCaptured = item.captured
        if queue.heldBytes + bytes > buffer.bytes, queue.count > 0, !makeRoom(for: bytes, context) {
            counts.dropped += count
            return context.drop(item, .overflow)
        }
        if queue.unwrittenBytes == 0 { flushed = context.now }
        context.keep()
        queue.add(item)
        if queue.heldBytes >= buffer.bytes, whenFull == .block {
            isPaused = true
            context.pause(input: 0)
        }
        if let rate { pace(count, rate, context) }
        if latency == .zero || queue.unwrittenBytes >= Self.worthWriting { write(context) }
        arm(context)
    }

    private mutating func makeRoom(for bytes: Int, _ context: StageContext) -> Bool {
        switch whenFull {
        case .block: return true  // what still comes of a batch after the pause
        case .dropNewest: return false
        case .dropOldest:
            while queue.heldBytes + bytes > buffer.bytes, let oldest = queue.dropOldest() {
                counts.dropped += oldest.payload.count
                context.release()
                context.drop(oldest, .overflow)
            }
            return queue.heldBytes + bytes <= buffer.bytes || queue.count == 0
        }
    }

    /// Takes nothing more before these packets have had their time.
    private mutating func pace(_ count: Int, _ rate: Rate, _ context: StageContext) {
        let next = max(paced ?? context.now, context.now) + .nanoseconds(Int(Double(count) * 1e9 / rate.perSecond))
        paced = next
        context.busy(for: next - context.now)
    }

    private mutating func write(_ context: StageContext) {
        while !isFull, let wire, queue.hasUnwritten {
            let number = queue.fill(pieces)
            switch wire.write(UnsafeMutableBufferPointer(rebasing: pieces[..<number])) {
            case .wrote(let bytes): queue.wrote(bytes)
            case .full:
                isFull = true
                return
            case .broken(let why): return lost(why, context)
            }
        }
        if queue.onTheWay - lastOnTheWay >= Self.worthWriting { confirm(context) }
        endIfDone(context)
    }

    /// Asks what the peer has.
    private mutating func confirm(_ context: StageContext) {
        guard let wire, queue.onTheWay > 0, !isClosing else { return }
        if let end = wire.end { return lost(end, context) }
        guard let unconfirmed = wire.unconfirmed else { return }
        let done = queue.confirm(allBut: unconfirmed)
        lastOnTheWay = queue.onTheWay
        confirmWait = done > 0 ? Self.firstConfirm : min(Self.lastConfirm, confirmWait * 2)
        finish(done, context)
    }

    private mutating func finish(_ items: Int, _ context: StageContext) {
        context.release(items)
        if isPaused, queue.heldBytes <= buffer.bytes / 2 {
            isPaused = false
            context.resume(input: 0)
        }
    }

    // MARK: Time

    mutating func wake(_ context: StageContext) {
        if let retry, context.now >= retry { connect(context) }
        if let deadline, context.now >= deadline { return giveUp(context) }
        isFull = false
        write(context)
        confirm(context)
        endIfDone(context)
        arm(context)
    }

    private func arm(_ context: StageContext) {
        if let retry { context.wake(at: retry) }
        // Looked at now and then: a timer cannot be taken back, and would keep the stage when all is done before.
        if let deadline, !isClosing { context.wake(at: min(deadline, context.now + .milliseconds(100))) }
        guard wire != nil, !isClosing else { return }
        if isFull {
            context.wake(after: Self.fullWait)
        } else if queue.hasUnwritten {
            context.wake(at: flushed + latency)
        }
        if queue.onTheWay > 0 { context.wake(after: confirmWait) }
    }

    // MARK: The end

    mutating func finish(_ context: StageContext) {
        deadline = context.now + drain
        write(context)
        arm(context)
    }

    /// When all is written, lets the peer take it and close: that says more than any confirmation of its system.
    private mutating func endIfDone(_ context: StageContext) {
        guard let deadline, !isClosing, !queue.hasUnwritten, let wire else {
            if deadline != nil, queue.count == 0, wire == nil { giveUp(context) }
            return
        }
        isClosing = true
        let left = max(.milliseconds(1), deadline - context.now)
        context.submit(counts.connections, Effort(deadline: left + .seconds(1))) { try wire.finish(within: left) }
    }

    private mutating func closed(_ result: Result<any Sendable, any Error>, _ context: StageContext) {
        guard isClosing else { return }
        if case .failure(let error) = result { return lost("\(error)", context) }
        finish(queue.confirm(allBut: 0), context)
        wire = nil
        giveUp(context)
    }

    /// The end, for what is left too.
    private mutating func giveUp(_ context: StageContext) {
        guard deadline != nil else { return }
        deadline = nil
        retry = nil
        isOver = true
        if let wire, let unconfirmed = wire.unconfirmed { finish(queue.confirm(allBut: unconfirmed), context) }
        wire = nil
        let left = queue.giveUp()
        counts.unsent += left.packets
        report("end", context)
        guard left.items > 0 else { return }
        context.release(left.items)
        context.fail(
            left.items,
            StageError(
                "\(left.packets) packets could not be sent to \(address.written) in \(drain.text)",
                hint: "is the server there? 'drain' may give it more time"
            )
        )
    }

    private func report(_ event: String, _ context: StageContext) {
        guard books.isLinked else { return }
        let value: JSON = [
            "event": .string(event), "address": .string(address.written), "packets": .integer(counts.packets),
            "sent": .integer(queue.sent), "resent": .integer(queue.resent), "unsent": .integer(counts.unsent),
            "dropped": .integer(counts.dropped), "connections": .integer(counts.connections),
        ]
        books.send(Document(value), captured: lastCaptured ?? context.now)
    }

    mutating func stopped() {
        wire = nil
        pieces.deallocate()
    }
}
