import Glibc
public import PipeCore
public import PipeKit
import Sockets

/// Talks to a run. Every wait has an end: a run that does not answer is an error, and not a client that stands.
public final class ControlClient {
    public struct Failure: Error, CustomStringConvertible {
        public let message: String
        public let hint: String?
        /// The run has closed the conversation.
        public var isEnd = false

        public var description: String { message }
    }

    private let socket: Socket
    /// To be polled together with others.
    public var descriptor: Int32 { socket.descriptor }
    private var unread: [UInt8] = []
    private var nextID = 1
    /// A run answers with all its numbers at most.
    private static let mostBytes = 64 << 20

    public init(_ entry: RunSockets.Entry) throws(Failure) {
        guard let address = SocketAddress(path: entry.path) else {
            throw Failure(message: "'\(entry.path)' is too long a name for a socket", hint: nil)
        }
        socket = try Self.connect([address], entry.name)
    }

    public init(_ address: Address, token: String) throws(Failure) {
        let addresses: [SocketAddress]
        do {
            addresses = try SocketAddress.resolve(address, .stream)
        } catch {
            throw Failure(message: "\(error)", hint: nil)
        }
        socket = try Self.connect(addresses, address.written)
        _ = try ask("hello", ["token": .string(token)])
    }

    private static func connect(_ addresses: [SocketAddress], _ name: String) throws(Failure) -> Socket {
        var problem = ""
        for address in addresses {
            guard let socket = try? Socket(address.family, .stream, "the run") else { continue }
            if socket.connect(to: address) { return socket }
            if errno == EINPROGRESS, wait(socket, for: POLLOUT, .seconds(5)), socket.pendingError == 0 { return socket }
            problem = String(cString: strerror(errno)).lowercased()
        }
        throw Failure(message: "the run \(name) cannot be reached: \(problem)", hint: "'pipe status' lists the runs")
    }

    private static func wait(_ socket: Socket, for events: Int32, _ patience: Duration) -> Bool {
        var entry = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
        let milliseconds = Int32(clamping: patience.nanoseconds / 1_000_000)
        while true {
            let ready = poll(&entry, 1, milliseconds)
            if ready < 0, errno == EINTR { continue }
            return ready > 0
        }
    }

    // MARK: Questions

    /// Asks, and waits for the one answer.
    public func ask(_ verb: String, _ arguments: JSON = [:], within patience: Duration = .seconds(10)) throws(Failure)
        -> JSON
    {
        let id = try send(verb, arguments)
        while true {
            guard let line = try next(within: patience) else {
                throw Failure(message: "the run does not answer", hint: "is it stopped? 'pipe status' lists the runs")
            }
            if case .answer(let of, let value) = line, of == id { return value }
        }
    }

    public enum Line {
        case event(JSON)
        /// The last of a stream.
        case answer(of: Int, JSON)
    }

    /// Sends a question, and returns its number.
    @discardableResult
    public func send(_ verb: String, _ arguments: JSON) throws(Failure) -> Int {
        let id = nextID
        nextID += 1
        guard case .object(let members) = arguments else { preconditionFailure("arguments are an object") }
        let line = JSON.object([.init("id", .integer(id)), .init("do", .string(verb))] + members).text() + "\n"
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EAGAIN {
                guard Self.wait(socket, for: POLLOUT, .seconds(10)) else { throw gone }
            } else if errno != EINTR {
                throw gone
            }
        }
        return id
    }

    private var gone: Failure { Failure(message: "the run has ended", hint: nil, isEnd: true) }

    /// The next line; nil where none comes in time.
    public func next(within patience: Duration) throws(Failure) -> Line? {
        let deadline = ContinuousClock.now + patience
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unread[..<end]
                defer { unread.removeFirst(end + 1) }
                return try read(Array(line))
            }
            guard unread.count < Self.mostBytes else { throw Failure(message: "the answer is too long", hint: nil) }
            let left = deadline - ContinuousClock.now
            guard Self.wait(socket, for: POLLIN, max(left, .zero)) else { return nil }
            let count = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
                let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
                if count > 0 { unread.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            }
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { throw gone }
        }
    }

    private func read(_ line: [UInt8]) throws(Failure) -> Line {
        guard let json = try? JSON(parsing: line) else {
            throw Failure(message: "what answers is no run of pipe", hint: nil)
        }
        if let error = json["error"] {
            throw Failure(message: error["message"]?.string ?? "the run refuses", hint: error["hint"]?.string)
        }
        if let event = json["event"] { return .event(event) }
        guard let value = json["ok"] else { throw Failure(message: "what answers is no run of pipe", hint: nil) }
        guard case .integer(let id)? = json["id"] else { return .answer(of: 0, value) }
        return .answer(of: id, value)
    }
}
