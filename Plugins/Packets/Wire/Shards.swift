import PipeCore
import Sockets

/// Servers that share a port, each with a thread of its own. They push into one intake, and stand still while it is full.
struct Shards {
    private let servers: [PacketServer]
    private let population = Population()
    private let latency: Duration
    private var intake: Intake?

    init(
        _ count: Int,
        _ settings: ServerSettings,
        latency: Duration,
        tls: @escaping @Sendable () throws -> TLSContext?,
        at addresses: @escaping @Sendable () throws -> [SocketAddress]
    ) {
        let population = population
        let first = PacketServer(settings, population: population, tls: tls) { .tcp(try addresses()) }
        // Where the port is any, the first finds out which.
        let others = (1..<max(1, count)).map { _ in
            PacketServer(settings, population: population, tls: tls) { .tcp(first.boundAddresses) }
        }
        servers = [first] + others
        self.latency = latency
        for server in servers { server.giveThread() }
    }

    mutating func start(_ context: StageContext) {
        intake = context.intake(LinkPolicy())
        let servers = servers
        context.waitForWorld { try servers.map { try $0.open() }.first }
    }

    func completed(_ completion: Completion, _ context: StageContext) throws {
        guard let address = try completion.result.get() as? String, let intake else { return }
        context.log(.info, "listens on \(address)")
        for server in servers {
            let latency = latency
            context.waitForWorld { server.run(into: intake, latency: latency) }
        }
    }

    /// Counts who was turned away since the last call.
    func settle(_ context: StageContext) { context.reject(population.takeRejected()) }

    func stopped() { for server in servers { server.stop() } }
}
