import PipeCore
import PipeKit

/// What a source of packets reads from. One thread at a time uses it, but for `open` and `stop`, which may meet.
protocol Reception: AnyObject, Sendable {
    /// Opens it, and says where it listens.
    func open() throws -> String
    /// Reads what has come, of each client in turn, and hands over about `room` batches at most.
    func turn(_ room: Int, _ now: Instant, _ emit: (PacketBatch) -> Void) -> Turn
    /// Hands over what had come before the end, and closes.
    func finish(_ now: Instant, _ emit: (PacketBatch) -> Void)
    /// Waits until something comes, until it is stopped, or for so long.
    func wait(atMost patience: Duration?)
    /// How long a wait may last: deadlines of clients must be kept. Nil where there are none.
    var patience: Duration? { get }
    /// Ends it, from any thread.
    func stop()
}

/// What one turn brought.
struct Turn {
    var batches = 0
    /// All that had come was read.
    var isDrained = true
    /// What came and was no packet.
    var rejected = 0
}

/// How a source of packets reads: by turns, a short time apart, while much comes, so that one turn finds the packets of
/// many writes; and woken by the system while little does, so that nothing waits and nobody is awake for nothing.
struct Turns {
    private let reception: any Reception
    /// In nanoseconds.
    private let latency: Int
    private var isOpen = false
    private var isWaiting = true
    /// Turns in a row that brought next to nothing.
    private var quiet = 0
    /// A wait costs a thread and a wake: about what three turns cost.
    private static let mostQuiet = 3

    init(_ reception: any Reception, latency: Duration) {
        self.reception = reception
        self.latency = latency.nanoseconds
    }

    func start(_ context: StageContext) {
        let reception = reception
        context.waitForWorld { try reception.open() }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isWaiting = false
        let result = try completion.result.get()
        if !isOpen, let address = result as? String {
            isOpen = true
            context.log(.info, "listens on \(address)")
        }
    }

    mutating func produce(
        _ room: Int,
        _ context: StageContext,
        _ output: Sender<PacketBatch>
    ) -> Production {
        guard !isWaiting else { return .later }
        let turn = reception.turn(room, context.now) { output.send($0, key: $0.client.key) }
        if turn.rejected > 0 { context.reject(turn.rejected) }
        guard turn.isDrained else {
            quiet = 0
            return .more
        }
        quiet = turn.batches > 1 ? 0 : quiet + 1
        if quiet < Self.mostQuiet { return .at(Instant(nanoseconds: context.now.nanoseconds + latency)) }
        return wait(context)
    }

    private mutating func wait(_ context: StageContext) -> Production {
        isWaiting = true
        let (reception, patience) = (reception, reception.patience)
        context.waitForWorld { reception.wait(atMost: patience) }
        return .later
    }

    func finish(_ context: StageContext, _ output: Sender<PacketBatch>) {
        guard isOpen else { return }
        reception.finish(context.now) { output.send($0, key: $0.client.key) }
    }

    func stopped() { reception.stop() }
}
