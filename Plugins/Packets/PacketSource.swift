import PipeCore
import PipeKit

/// Makes packets as a crowd of clients would send them: paced, numbered, stamped with their time.
struct PacketSource: Source {
    static let info = StageInfo(
        "packet_source",
        "Makes paced packets, for trials and load.",
        example: """
            clients: 3
            rate: 10kHz
            count: 1000
            header: { sequence: 0, timestamp: 8 }
            """,
        traits: .repeats
    )

    @Output("Packets of each client in turn.") var packets: Sender<PacketBatch>

    @Option("Clients that are played.", in: 1...10_000) var clients = 1
    @Option("Packets a second of each client.", in: Rate(perHour: 1)...) var rate = Rate(perSecond: 10_000)
    @Option("Packets of each client; without it, as many as come until the run ends.", in: 1...) var count: Int?
    @Option("The size of a packet.", in: 1...1024) var packetBytes = 32
    @Option("Packets in an item; without it, what comes in 5 ms at the rate.", in: 1...256) var batch: Int?
    @Option("Where packets say their number and time; without it, they are all alike.") var header: PacketHeader?

    func check(_ report: inout Diagnostics) {
        if let header, header.extent > packetBytes {
            report.error(
                .outOfRange,
                at: $header,
                "a header of \(header.extent) bytes does not fit into packets of \(packetBytes)",
                hint: "raise 'packet_bytes', or move the header"
            )
        }
    }

    func claims(_ claims: inout Claims) { claims.bounds($packets, to: ByteCount(packetsInItem * packetBytes)) }

    private var packetsInItem: Int { batch ?? max(1, min(256, Int(rate.perSecond / 200))) }

    private var played: [PacketClient] = []
    private var pool: BufferPool?
    /// Items made so far; they go to the clients in turn.
    private var made = 0
    private var pace: Pace?

    mutating func start(_ context: StageContext) {
        played = (0..<clients).map { PacketClient("client-\($0)", .fixed(packetBytes)) }
        pool = BufferPool(size: ByteCount(packetsInItem * packetBytes), keeping: .mebibytes(1))
        pace = Pace(Rate(perSecond: rate.perSecond * Double(clients) / Double(packetsInItem)), from: context.now)
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        for _ in 0..<room {
            guard let pace, let pool else { return .ended }
            let (client, first) = (played[made % clients], made / clients * packetsInItem)
            let number = min(packetsInItem, (count ?? .max) - first)
            guard number > 0 else { return .ended }
            if pace.due > context.now { return .at(pace.due) }
            let buffer = pool.take()
            fill(buffer.bytes, number, from: first, context)
            packets.send(
                PacketBatch(of: client, in: buffer, at: 0, bytes: number * packetBytes, packets: number),
                key: Key(client.name),
                captured: pace.due
            )
            made += 1
            self.pace?.advance()
        }
        return .more
    }

    private func fill(_ bytes: UnsafeMutableRawBufferPointer, _ number: Int, from first: Int, _ context: StageContext) {
        // What the original client sends.
        bytes.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "X"))
        guard let header else { return }
        let time = Int(context.date * 1e9)
        for packet in 0..<number {
            let place = packet * packetBytes
            header.write(
                sequence: first + packet,
                timestamp: time,
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[place..<(place + packetBytes)])
            )
        }
    }
}
