import Glibc
import PipeCore
import PipeKit

/// Clients that send numbered 32-byte packets at a rate, all from the calling thread, so that the load costs little.
struct PacketLoad {
    static let packetBytes = 32
    /// As the original clients did: what comes in 5 ms.
    static func batch(at rate: Double) -> Int { max(1, min(1024, Int(rate / 200))) }

    let clients: Int
    let rate: Double

    struct Result {
        var sent = 0
        /// A client's socket took nothing for a second.
        var isStuck = false
        var seconds = 0.0
    }

    private var sockets: [Int32] = []

    /// Connects all clients.
    init(clients: Int, rate: Double, port: UInt16) throws {
        (self.clients, self.rate) = (clients, rate)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        for _ in 0..<clients {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard descriptor >= 0, status == 0 else {
                let reason = String(cString: strerror(errno)).lowercased()
                close()
                throw StageError(
                    "client \(sockets.count) cannot connect: \(reason)",
                    hint: "raise the number of open files (ulimit -n)"
                )
            }
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        }
    }

    /// Sends for so long. `sample` is called once a second.
    func send(for seconds: Double, sample: () -> Void) -> Result {
        var result = Result()
        let batch = Self.batch(at: rate)
        var numbers = [Int](repeating: 0, count: clients)
        var bytes = [UInt8](repeating: UInt8(ascii: "X"), count: batch * Self.packetBytes)
        let start = Self.now(CLOCK_MONOTONIC)
        let interval = 1e9 * Double(batch) / rate / Double(clients)
        var turn = 0
        var nextSample = start + 1_000_000_000
        while !result.isStuck {
            let due = start + Int(Double(turn) * interval)
            guard due < start + Int(seconds * 1e9) else { break }
            Self.sleep(until: due)
            if due >= nextSample {
                sample()
                nextSample += 1_000_000_000
            }
            let client = turn % clients
            Self.fill(&bytes, batch, from: numbers[client])
            let sent = Self.send(bytes, on: sockets[client]) / Self.packetBytes
            numbers[client] += sent
            result.sent += sent
            result.isStuck = sent < batch
            turn += 1
        }
        result.seconds = Double(Self.now(CLOCK_MONOTONIC) - start) * 1e-9
        return result
    }

    /// Says that no more will come, and waits until the server has taken all and closed; half a minute at most.
    func end() {
        let deadline = Self.now(CLOCK_MONOTONIC) + 30_000_000_000
        for descriptor in sockets { shutdown(descriptor, Int32(SHUT_WR)) }
        for descriptor in sockets {
            var closed = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = (deadline - Self.now(CLOCK_MONOTONIC)) / 1_000_000
            guard left > 0, poll(&closed, 1, Int32(left)) > 0 else { break }
        }
        close()
    }

    private func close() { for descriptor in sockets where descriptor >= 0 { Glibc.close(descriptor) } }

    private static func fill(_ bytes: inout [UInt8], _ batch: Int, from first: Int) {
        let time = now(CLOCK_REALTIME)
        bytes.withUnsafeMutableBytes { bytes in
            for packet in 0..<batch {
                bytes.storeBytes(of: first + packet, toByteOffset: packet * packetBytes, as: Int.self)
                bytes.storeBytes(of: time, toByteOffset: packet * packetBytes + 8, as: Int.self)
            }
        }
    }

    /// All of it, or what went before the socket was full for a second.
    private static func send(_ bytes: [UInt8], on descriptor: Int32) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor,
                    $0.baseAddress.map { $0 + sent },
                    bytes.count - sent,
                    Int32(MSG_DONTWAIT)
                )
            }
            if count > 0 {
                sent += count
                continue
            }
            var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard errno == EAGAIN, poll(&room, 1, 1000) > 0 else { break }
        }
        return sent
    }

    private static func now(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private static func sleep(until nanoseconds: Int) {
        var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
    }
}
