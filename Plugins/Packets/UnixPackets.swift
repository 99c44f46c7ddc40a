import PipeCore
import PipeKit
import Sockets

/// Serves packets of the machine's own programs over a unix socket, as `tcp_packets` does over TCP.
struct UnixPackets: Source {
    static let info = StageInfo(
        "unix_packets",
        "Takes packets of many clients over a unix socket.",
        example: """
            path: /tmp/packets.sock
            packet_bytes: 32
            """,
        details: """
            Items are as those of tcp_packets. A client's name is the number of its process, and how many came before it:
            '4711#2'. Who may connect is a matter of the path's rights and 'mode'.
            """
    )

    @Output("Packets as they come, and who comes and goes.") var packets: Sender<PacketBatch>

    @Option("Where the socket is made. One that a dead server left there is replaced.") var path: SocketPath
    @Option("Rights of the socket, in octal.") var mode = "600"
    @Option("The size of a packet.", in: 1...65_536) var packetBytes = 32
    @Option("How packets are told apart, where they are not of one size.") var framing: FramingOptions?
    @Option("Clients at a time; one more is turned away.", in: 1...1_000_000) var maxClients = 1000
    @Option("A client that sends nothing for so long is let go.", in: Duration.milliseconds(10)...)
    var idleTimeout: Duration?
    @Option(
        "How long packets may wait to be read together with others.",
        in: .microseconds(100)...Duration.seconds(1)
    )
    var latency = Duration.milliseconds(3)
    @Option("The line that a client must send first.") var token: Secret?
    @Option("The longest such line that is read.", in: 1...65_536) var tokenBytes = 1024
    @Option("How long a client may take to say who it is.", in: Duration.milliseconds(10)...Duration.seconds(3600))
    var greetingTimeout = Duration.seconds(5)

    func check(_ report: inout Diagnostics) {
        checkFraming(&report, framing, $packetBytes)
        if let token { checkToken(&report, token, $token, most: tokenBytes) }
        if Int(mode, radix: 8).map({ !(0...0o777).contains($0) }) ?? true {
            report.error(.outOfRange, at: $mode, "'\(mode)' are no rights of a file", hint: "write them as in \"660\"")
        }
    }

    func claims(_ claims: inout Claims) { claims.bounds($packets, to: PacketBatch.mostBytes) }

    private var turns: Turns?

    mutating func start(_ context: StageContext) {
        var settings = ServerSettings()
        settings.framing = framing?.framing ?? .fixed(packetBytes)
        settings.maxClients = maxClients
        settings.idleTimeout = idleTimeout
        settings.greetingTimeout = greetingTimeout
        settings.token = token.map { Array($0.reveal().utf8) }
        settings.tokenBytes = tokenBytes
        let (path, mode) = (path.path.absolute, Int(mode, radix: 8) ?? 0o600)
        turns = Turns(PacketServer(settings) { .unix(path: path, mode: mode) }, latency: latency)
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

/// Where a socket stands among the files.
struct SocketPath: OptionValue, Hashable {
    let path: ResolvedPath

    static var kind: OptionKind { .text(name: "path", rule: "a path of 107 bytes at most") }

    static func read(_ node: Node, _ reader: Reader) -> SocketPath? {
        guard let text = reader.text(node, wanted: "the path of a socket") else { return nil }
        let path = ResolvedPath(text.text, from: text.directory)
        guard !text.text.isEmpty, SocketAddress(path: path.absolute) != nil else {
            reader.wrongType(text, wanted: "the path of a socket", hint: "use one of 107 bytes at most")
            return nil
        }
        return SocketPath(path: path)
    }

    var written: String { path.written }
}
