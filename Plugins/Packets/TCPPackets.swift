import PipeCore
import PipeKit
import Sockets

/// Serves packets of any number of clients over TCP: all at once, counted to the packet.
///
/// What is not taken in time stays with the clients: the stage reads only as much as its links have room for, and TCP
/// holds them up. A link with `when_full: drop_oldest` sheds instead, and counts.
struct TCPPackets: Source {
    static let info = StageInfo(
        "tcp_packets",
        "Takes packets of many clients over TCP.",
        example: """
            address: 127.0.0.1:0
            packet_bytes: 32
            """,
        details: """
            An item is the whole packets of one read of one client; its key is the client's address and port. One without
            packets says that a client came or went, and why: 'ended', 'reset', 'idle', 'malformed', 'stopped'. One that
            was not let in counts as failed: 'too_many_clients', 'not_allowed', 'wrong_token', 'no_token', 'tls_failed'.
            """
    )

    @Output("Packets as they come, and who comes and goes.") var packets: Sender<PacketBatch>

    @Option("Where it listens; port 0 is any that is free, and the log says which.") var address: ListenAddress
    @Option("The size of a packet.", in: 1...65_536) var packetBytes = 32
    @Option("How packets are told apart, where they are not of one size.") var framing: FramingOptions?
    @Option("Clients at a time; one more is turned away.", in: 1...1_000_000) var maxClients = 1000
    @Option("A client that sends nothing for so long is let go.", in: Duration.milliseconds(10)...)
    var idleTimeout: Duration?
    @Option(
        "How long packets may wait to be read together with others; 0 reads each as it comes, which costs more.",
        in: .zero...Duration.seconds(1)
    )
    var latency = Duration.milliseconds(3)
    @Option("When the system acknowledges what was read.") var acknowledge = Acknowledge.atOnce
    @Option("Threads that read. With more than one, the system shares the clients among them.", in: 1...64)
    var threads = 1
    @Option("Addresses that may connect; all, where none is stated.") var allow: [AddressRange] = []
    @Option("The line that a client must send first.") var token: Secret?
    @Option("The longest such line that is read.", in: 1...65_536) var tokenBytes = 1024
    @Option("How long a client may take to say who it is.", in: Duration.milliseconds(10)...Duration.seconds(3600))
    var greetingTimeout = Duration.seconds(5)
    @Option("Encrypts, and shows who the server is.") var tls: TLSServerOptions?
    @Option("The system's buffer for what a client sends.", in: .kibibytes(4)...ByteCount.mebibytes(64))
    var receiveBuffer = ByteCount.kibibytes(128)

    enum Acknowledge: String, Choice {
        case atOnce = "at_once"
        case later

        var summary: String {
            switch self {
            case .atOnce: "As it is read: no client waits for it."
            case .later:
                "With what comes next, or after 40 ms. Spares the system work; one without TCP_NODELAY waits for it."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        checkFraming(&report, framing, $packetBytes)
        if let token { checkToken(&report, token, $token, most: tokenBytes) }
    }

    func claims(_ claims: inout Claims) { claims.bounds($packets, to: PacketBatch.mostBytes) }

    private var turns: Turns?
    private var shards: Shards?

    mutating func start(_ context: StageContext) {
        let (host, tls) = (address.address, tls)
        let addresses = { @Sendable in try SocketAddress.resolve(host, .stream, passive: true) }
        let makeTLS = { @Sendable in try tls?.context() }
        if threads == 1, latency > .zero {
            turns = Turns(PacketServer(settings, tls: makeTLS) { .tcp(try addresses()) }, latency: latency)
        } else {
            shards = Shards(threads, settings, latency: latency, tls: makeTLS, at: addresses)
        }
        turns?.start(context)
        shards?.start(context)
    }

    private var settings: ServerSettings {
        var settings = ServerSettings()
        settings.framing = framing?.framing ?? .fixed(packetBytes)
        settings.maxClients = maxClients
        settings.idleTimeout = idleTimeout
        settings.greetingTimeout = greetingTimeout
        settings.token = token.map { Array($0.reveal().utf8) }
        settings.tokenBytes = tokenBytes
        settings.allow = allow
        settings.buffers.receive = receiveBuffer
        settings.acknowledgesLater = acknowledge == .later
        settings.sharesPort = threads > 1
        return settings
    }

    mutating func produce(_ room: Int, _ context: StageContext) throws -> Production {
        let output = packets
        shards?.settle(context)
        return turns?.produce(room, context, output) ?? .later
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        try turns?.completed(completion, context)
        try shards?.completed(completion, context)
    }

    mutating func finish(_ context: StageContext) {
        turns?.finish(context, packets)
        shards?.settle(context)
    }

    mutating func stopped() {
        turns?.stopped()
        shards?.stopped()
    }
}

func checkFraming(_ report: inout Diagnostics, _ framing: FramingOptions?, _ packetBytes: OptionReference) {
    if framing != nil, packetBytes.isStated {
        report.error(
            .optionConflict,
            at: packetBytes,
            "with 'framing' packets are not of one size",
            hint: "remove 'packet_bytes' or 'framing'"
        )
    }
}

func checkToken(_ report: inout Diagnostics, _ token: Secret, _ option: OptionReference, most: Int) {
    let bytes = token.reveal().utf8
    if bytes.isEmpty || bytes.count > most || bytes.contains(UInt8(ascii: "\n")) {
        report.error(
            .outOfRange,
            at: option,
            "a token is one line of 1 to \(most) bytes",
            hint: "set another secret, or raise 'token_bytes'"
        )
    }
}
