import PipeCore

/// Whole packets of one client, as one read brought them, or a note that the client came or went.
///
/// Batches share the memory they were read into; it goes back to its pool with the last of them.
struct PacketBatch: Payload {
    static let payload = PayloadInfo(
        "packets",
        "Whole packets of one client, as one read brought them.",
        worstCase: mostBytes
    )

    /// What one read may bring, with the rest of the read before it.
    static let mostBytes = ByteCount.kibibytes(321)

    let client: PacketClient
    private let buffer: PooledBuffer?
    /// From the lowest: where the bytes begin, how many they are, how many packets (20 bits each), and the kind.
    private let word: UInt64

    private static let mask: UInt64 = 1 << 20 - 1

    private init(_ client: PacketClient, _ buffer: PooledBuffer?, _ start: Int, _ bytes: Int, _ count: Int, _ kind: Int)
    {
        precondition(start | bytes | count < 1 << 20 && start | bytes | count >= 0, "a batch of \(bytes) bytes")
        self.client = client
        self.buffer = buffer
        word = UInt64(start) | UInt64(bytes) << 20 | UInt64(count) << 40 | UInt64(kind) << 60
    }

    /// Whole packets that stand in a buffer.
    init(of client: PacketClient, in buffer: PooledBuffer, at start: Int, bytes: Int, packets: Int) {
        self.init(client, buffer, start, bytes, packets, 0)
    }

    /// The client has connected.
    init(opened client: PacketClient) { self.init(client, nil, 0, 0, 0, 1) }

    /// The client is gone, or was not let in. `trailing` bytes were the beginning of a packet.
    init(closed client: PacketClient, _ reason: Departure, trailing: Int = 0) {
        self.init(client, nil, reason.number, trailing, 0, 2)
    }

    enum Event: Hashable {
        case packets, opened
        case closed(Departure, trailing: Int)
    }

    var event: Event {
        switch word >> 60 {
        case 0: .packets
        case 1: .opened
        default: .closed(Departure.allCases[Int(word & Self.mask)], trailing: Int(word >> 20 & Self.mask))
        }
    }

    /// Packets in it.
    var count: Int { Int(word >> 40 & Self.mask) }

    /// The packets' bytes, one behind the other, with prefixes and delimiters.
    var bytes: UnsafeRawBufferPointer {
        guard let buffer, word >> 60 == 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = Int(word & Self.mask)
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<(start + byteCount)])
    }

    var byteCount: Int { word >> 60 == 0 ? Int(word >> 20 & Self.mask) : 0 }

    var described: JSON {
        var value: JSON = ["client": .string(client.name)]
        switch event {
        case .packets:
            value["packets"] = .integer(count)
            value["bytes"] = .integer(byteCount)
        case .opened: value["event"] = "opened"
        case .closed(let reason, let trailing):
            value["event"] = "closed"
            value["reason"] = .string(reason.rawValue)
            value["trailing_bytes"] = .integer(trailing)
        }
        return value
    }
}

/// Why a client is gone, or was not let in.
enum Departure: String, CaseIterable {
    /// It closed its end.
    case ended
    /// The connection broke.
    case reset
    /// Nothing came for longer than `idle_timeout`.
    case idle
    /// A packet was longer than any may be.
    case malformed
    /// The server was stopped.
    case stopped
    case tooManyClients = "too_many_clients"
    /// Its address is not in `allow`.
    case notAllowed = "not_allowed"
    case wrongToken = "wrong_token"
    /// It took too long, or too many bytes, to say who it is.
    case noToken = "no_token"
    case tlsFailed = "tls_failed"

    var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// It never was a client.
    var isRefusal: Bool { number >= Self.tooManyClients.number }
}

/// A client for as long as it is connected.
final class PacketClient: Sendable {
    let name: String
    let key: Key
    let framing: Framing

    init(_ name: String, _ framing: Framing) {
        self.name = name
        key = Key(name)
        self.framing = framing
    }
}

// What tests feed.
extension PacketBatch {
    /// `{ client: a, packets: 3 }`, with `packet_bytes` (32) each; with `sequence` they are numbered, from their first
    /// eight bytes on. `{ client: a, text: abc }` is one packet. `{ client: a, event: opened }` is a client that comes,
    /// `closed` one that goes, with `reason` and `trailing_bytes`.
    static func read(_ value: JSON) -> PacketBatch? {
        guard case .object = value else { return nil }
        let name = if case .string(let name)? = value["client"] { name } else { "client" }
        switch value["event"] {
        case .string("opened"): return PacketBatch(opened: PacketClient(name, .fixed(32)))
        case .string("closed"):
            guard case .string(let reason) = value["reason"] ?? "ended", let reason = Departure(rawValue: reason),
                let trailing = number(value["trailing_bytes"], 0, in: 0..<(1 << 18))
            else { return nil }
            return PacketBatch(closed: PacketClient(name, .fixed(32)), reason, trailing: trailing)
        case .some: return nil
        case nil: break
        }
        if case .string(let text)? = value["text"] { return made(name, of: Array(text.utf8)) }
        guard let count = number(value["packets"], 1, in: 0..<4097),
            let size = number(value["packet_bytes"], 32, in: 1..<65)
        else { return nil }
        let sequence = if case .integer(let first)? = value["sequence"] { first } else { Int?.none }
        return made(name, count: count, size: size, from: sequence)
    }

    static func sample(_ number: Int) -> PacketBatch? { made("client", count: 10, size: 32, from: number &* 10) }

    private static func number(_ value: JSON?, _ absent: Int, in range: Range<Int>) -> Int? {
        guard let value else { return absent }
        guard case .integer(let number) = value, range.contains(number) else { return nil }
        return number
    }

    private static func made(_ name: String, count: Int, size: Int, from first: Int?) -> PacketBatch? {
        var bytes = [UInt8](repeating: UInt8(ascii: "X"), count: count * size)
        if let first, size >= 8 {
            for packet in 0..<count {
                let number = UInt64(truncatingIfNeeded: first &+ packet)
                for place in 0..<8 { bytes[packet * size + place] = UInt8(truncatingIfNeeded: number >> (8 * place)) }
            }
        }
        return made(name, of: bytes, count: count, .fixed(size))
    }

    private static func made(_ name: String, of bytes: [UInt8]) -> PacketBatch? {
        made(name, of: bytes, count: bytes.isEmpty ? 0 : 1, .fixed(max(1, bytes.count)))
    }

    private static func made(_ name: String, of bytes: [UInt8], count: Int, _ framing: Framing) -> PacketBatch? {
        guard bytes.count < mostBytes.bytes else { return nil }
        let buffer = BufferPool(size: ByteCount(max(1, bytes.count)), keeping: ByteCount(0)).take()
        buffer.bytes.copyBytes(from: bytes)
        return PacketBatch(of: PacketClient(name, framing), in: buffer, at: 0, bytes: bytes.count, packets: count)
    }
}
