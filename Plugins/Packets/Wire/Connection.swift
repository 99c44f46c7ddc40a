import Glibc
import PipeCore
import Sockets

/// A client's connection.
final class Connection {
    enum Phase {
        case handshake, token, open
    }

    enum Outcome {
        /// `isFull`: there may be more.
        case bytes(Int, isFull: Bool)
        case nothing, ended, broken
    }

    let socket: Socket
    let client: PacketClient
    /// Its place in the server's table.
    let place: Int
    var tls: TLSSession?
    var phase = Phase.handshake
    /// It waits to be read again, with bytes that TLS has and the socket has not.
    var isHeld = false
    /// When something came last, or when it connected.
    var heard: Instant
    /// The beginning of a packet, and how much of it need not be looked at again.
    private(set) var carry: [UInt8] = []
    private(set) var seen = 0
    /// Idle clients are many; what they once needed for a long packet is given back.
    private static let mostKept = 4096

    init(_ socket: Socket, _ client: PacketClient, _ place: Int, _ now: Instant) {
        self.socket = socket
        self.client = client
        self.place = place
        heard = now
    }

    func keep(_ bytes: UnsafeRawBufferPointer, seen: Int) {
        self.seen = seen
        guard !bytes.isEmpty || !carry.isEmpty else { return }
        carry.removeAll(keepingCapacity: carry.capacity <= Self.mostKept)
        carry.append(contentsOf: bytes)
    }

    func read(_ target: UnsafeMutableRawPointer, _ room: Int) -> Outcome {
        if let tls { return read(target, room, tls) }
        let count = recv(socket.descriptor, target, room, Int32(MSG_DONTWAIT))
        if count > 0 { return .bytes(count, isFull: count == room) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EINTR ? .nothing : .broken
    }

    private func read(_ target: UnsafeMutableRawPointer, _ room: Int, _ tls: TLSSession) -> Outcome {
        var count = 0
        while count < room {
            switch tls.read(target + count, room - count) {
            case .done(let more):
                count += more
                continue
            case .wantsToRead, .wantsToWrite: return count > 0 ? .bytes(count, isFull: false) : .nothing
            case .ended: return count > 0 ? .bytes(count, isFull: true) : .ended
            case .failed: return count > 0 ? .bytes(count, isFull: true) : .broken
            }
        }
        return .bytes(count, isFull: true)
    }
}
