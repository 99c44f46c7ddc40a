import PipeCore
import PipeKit
import Sockets

/// Takes packets that come in datagrams. UDP holds nobody up: what the system drops for want of room is counted as failed.
struct UDPPackets: Source {
    static let info = StageInfo(
        "udp_packets",
        "Takes packets of many clients over UDP.",
        example: """
            address: 127.0.0.1:0
            packet_bytes: 32
            """,
        details: """
            An item is the whole packets of one datagram; its key is the sender's address and port. A datagram that ends
            within a packet, or whose sender is not let in, counts as failed, as does one that the system dropped for want
            of room.
            """
    )

    @Output("Packets as they come, and who comes and goes.") var packets: Sender<PacketBatch>

    @Option("Where it listens; port 0 is any that is free, and the log says which.") var address: ListenAddress
    @Option("The size of a packet.", in: 1...65_507) var packetBytes = 32
    @Option("How packets are told apart, where they are not of one size.") var framing: FramingOptions?
    @Option("Senders at a time; packets of one more are left out.", in: 1...1_000_000) var maxClients = 1000
    @Option("A sender that is silent for so long is gone.", in: Duration.milliseconds(10)...)
    var idleTimeout = Duration.seconds(60)
    @Option(
        "How long packets may wait to be read together with others.",
        in: .microseconds(100)...Duration.seconds(1)
    )
    var latency = Duration.milliseconds(3)
    @Option("Addresses that may send; all, where none is stated.") var allow: [AddressRange] = []
    @Option("The system's buffer for all that comes.", in: .kibibytes(4)...ByteCount.mebibytes(64))
    var receiveBuffer = ByteCount.mebibytes(4)

    func check(_ report: inout Diagnostics) { checkFraming(&report, framing, $packetBytes) }
    func claims(_ claims: inout Claims) { claims.bounds($packets, to: PacketBatch.mostBytes) }

    private var turns: Turns?

    mutating func start(_ context: StageContext) {
        var settings = DatagramServer.Settings()
        settings.framing = framing?.framing ?? .fixed(packetBytes)
        settings.maxClients = maxClients
        settings.idleTimeout = idleTimeout
        settings.allow = allow
        settings.buffers.receive = receiveBuffer
        let host = address.address
        let server = DatagramServer(settings) { try SocketAddress.resolve(host, .datagram, passive: true) }
        turns = Turns(server, latency: latency)
        turns?.start(context)
    }

    mutating func produce(_ room: Int, _ context: StageContext) throws -> Production {
        let output = packets
        return turns?.produce(room, context, output) ?? .later
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        try turns?.completed(completion, context)
    }

    mutating func finish(_ context: StageContext) { turns?.finish(context, packets) }
    mutating func stopped() { turns?.stopped() }
}
