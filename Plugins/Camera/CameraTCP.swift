import Frames
import PipeCore
import PipeKit
import Sockets

/// Takes pictures that cameras send: a length of four bytes, the highest first, and an encoded picture, again and again.
///
/// What is not taken in time stays with the cameras: the stage reads only as much as its links have room for, and TCP holds
/// them up. A link with `when_full: latest` sheds instead, and counts.
struct CameraTCP: Source {
    static let info = StageInfo(
        "camera_tcp",
        "Takes encoded pictures of many cameras over TCP.",
        example: """
            address: 127.0.0.1:0
            """,
        details: """
            An item is one picture as it came; its key is the client's address and port. Who was refused, and a picture that
            did not come whole, counts as failed, and the log says why: 'too_many_clients', 'not_allowed', 'too_long', 'empty',
            'cut', 'stalled', 'no_room', 'stopped'. Memory follows the bytes that came, not the length that was announced.
            """
    )

    @Output("Pictures as they came: JPEG, PNG, TIFF, whatever it is.") var pictures: Sender<EncodedFrame>

    @Option("Where it listens; port 0 is any that is free, and the log says which.") var address: ListenAddress
    @Option(
        "Who announces a longer picture is let go.",
        in: ByteCount(1)...ByteCount.gibibytes(1)
    )
    var maxFrameBytes = ByteCount.mebibytes(64)
    @Option("Memory of all pictures that are not whole yet.", in: .kibibytes(64)...ByteCount.gibibytes(64))
    var maxPending = ByteCount.mebibytes(256)
    @Option("Clients at a time; one more is turned away.", in: 1...100_000) var maxClients = 256
    @Option("Who falls silent in the midst of a picture for so long is let go.", in: Duration.milliseconds(10)...)
    var stallTimeout = Duration.seconds(10)
    @Option("Who sends nothing for so long is let go; without it, nobody is.", in: Duration.milliseconds(10)...)
    var idleTimeout: Duration?
    @Option("Addresses that may connect; all, where none is stated.") var allow: [AddressRange] = []
    @Option("The system's buffer for what a client sends.", in: .kibibytes(4)...ByteCount.mebibytes(64))
    var receiveBuffer = ByteCount.kibibytes(256)

    func check(_ report: inout Diagnostics) {
        if maxPending < maxFrameBytes {
            report.error(
                .outOfRange,
                at: $maxPending.isStated ? $maxPending : $maxFrameBytes,
                "a picture of \(maxFrameBytes) never comes whole in \(maxPending)",
                hint: "make 'max_pending' larger than 'max_frame_bytes'"
            )
        }
    }

    func claims(_ claims: inout Claims) { claims.bounds($pictures, to: maxFrameBytes) }

    private var server: FrameServer?
    private var isOpen = false
    private var isWaiting = true
    private var refusals = RefusalLog()

    mutating func start(_ context: StageContext) {
        let host = address.address
        var settings = FrameServer.Settings()
        settings.maxFrameBytes = maxFrameBytes
        // A buffer is up to a quarter larger than what it holds.
        settings.maxPending = maxPending.plus(ByteCount(maxFrameBytes.bytes / 4))
        settings.maxClients = maxClients
        settings.stallTimeout = stallTimeout
        settings.idleTimeout = idleTimeout
        settings.allow = allow
        settings.receiveBuffer = receiveBuffer
        let server = FrameServer(settings) { try SocketAddress.resolve(host, .stream, passive: true) }
        self.server = server
        context.waitForWorld { try server.open() }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isWaiting = false
        let result = try completion.result.get()
        if !isOpen, let address = result as? String {
            isOpen = true
            context.log(.info, "listens on \(address)")
        }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        guard !isWaiting, let server else { return .later }
        let output = pictures
        let turn = server.turn(room, context.now) { output.send($0, key: $1) }
        settle(turn, context)
        guard turn.isDrained else { return .more }
        isWaiting = true
        let patience = server.patience
        context.waitForWorld { server.wait(atMost: patience) }
        return .later
    }

    private mutating func settle(_ turn: FrameServer.Turn, _ context: StageContext) {
        guard !turn.refused.isEmpty else { return }
        context.reject(turn.refused.count)
        for (why, client) in turn.refused { refusals.note(why, of: client) }
        refusals.tell(context)
    }

    mutating func wake(_ context: StageContext) { refusals.tell(context) }

    mutating func finish(_ context: StageContext) {
        guard isOpen, let server else { return }
        let output = pictures
        settle(server.finish(context.now) { output.send($0, key: $1) }, context)
        refusals.tell(context, isLast: true)
    }

    mutating func stopped() { server?.stop() }
}
