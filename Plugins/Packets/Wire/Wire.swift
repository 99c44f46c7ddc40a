import CLinux
import Glibc
import PipeCore
import PipeKit
import Sockets
import Synchronization

/// A connection that packets are sent on. Nothing of it waits but `finish`.
protocol Wire: AnyObject, Sendable {
    /// Writes what it has room for of up to `iovecs.count` pieces.
    func write(_ pieces: UnsafeMutableBufferPointer<iovec>) -> WireOutcome
    /// Bytes written that the peer's system has not said to have; nil where that cannot be told.
    var unconfirmed: Int? { get }
    /// Why nothing can be sent on it any more; nil where it stands.
    var end: String? { get }
    /// Says that nothing more will come, and waits until the peer has taken all and closed.
    func finish(within patience: Duration) throws
}

enum WireOutcome {
    case wrote(Int)
    case full
    case broken(String)
}

/// A TCP connection, with TLS or without.
final class SocketWire: Wire, @unchecked Sendable {  // the socket is the kernel's to guard; TLS is the stage's alone
    private let socket: Socket
    private let tls: TLSSession?
    /// With TLS: up to where plain bytes had been written when so many bytes had left.
    private var marks: [(plain: Int, left: Int)] = []
    private var plain = 0

    struct Settings: Sendable {
        var address: Address
        var timeout: Duration
        var sendBuffer: ByteCount
        var token: [UInt8]?
    }

    /// Connects, shakes hands and says who it is; each within the time.
    init(_ settings: Settings, tls makeTLS: () throws -> TLSContext?, name: String?) throws {
        let deadline = ContinuousClock.now + settings.timeout
        let context = try makeTLS()
        let socket = try Self.connect(settings, deadline)
        self.socket = socket
        tls = try context.map { try TLSSession($0, socket.descriptor, expecting: name ?? settings.address.host) }
        try shakeHands(deadline)
        if let token = settings.token { try send(token + [UInt8(ascii: "\n")], deadline) }
    }

    private static func connect(_ settings: Settings, _ deadline: ContinuousClock.Instant) throws -> Socket {
        var problem = StageError("'\(settings.address.written)' is no address")
        for address in try SocketAddress.resolve(settings.address, .stream) {
            let socket = try Socket(address.family, .stream, "calling \(address.text)")
            socket.tune(SocketBuffers(send: settings.sendBuffer))
            if socket.connect(to: address) { return socket }
            var failure = errno
            if failure == EINPROGRESS {
                failure = isReady(socket.descriptor, POLLOUT, deadline) ? socket.pendingError : ETIMEDOUT
            }
            if failure == 0 { return socket }
            problem = SystemFailure.error("'\(address.text)' cannot be reached", failure)
        }
        throw problem
    }

    private func shakeHands(_ deadline: ContinuousClock.Instant) throws {
        guard let tls else { return }
        while true {
            let wanted: Int32
            switch tls.shakeHands() {
            case .done: return
            case .wantsToRead: wanted = POLLIN
            case .wantsToWrite: wanted = POLLOUT
            case .ended, .failed: throw tls.failure
            }
            guard Self.isReady(socket.descriptor, wanted, deadline) else {
                throw StageError("the TLS handshake took too long", hint: "does the server speak TLS on this port?")
            }
        }
    }

    private func send(_ bytes: [UInt8], _ deadline: ContinuousClock.Instant) throws {
        var sent = 0
        while sent < bytes.count {
            let outcome = bytes.withUnsafeBytes { writeOne(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            switch outcome {
            case .wrote(let count): sent += count
            case .broken(let why): throw StageError("the token could not be sent: \(why)")
            case .full:
                guard Self.isReady(socket.descriptor, POLLOUT, deadline) else {
                    throw StageError("the token could not be sent in time")
                }
            }
        }
        plain = 0
        marks = []
    }

    private static func isReady(_ descriptor: Int32, _ events: Int32, _ deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline).nanoseconds / 1_000_000
            guard left > 0 else { return false }
            var wanted = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&wanted, 1, Int32(clamping: left))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }

    // MARK: Writing

    func write(_ pieces: UnsafeMutableBufferPointer<iovec>) -> WireOutcome {
        if tls != nil {
            return pieces.first.map { writeOne(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len)) }
                ?? .wrote(0)
        }
        var message = msghdr()
        message.msg_iov = pieces.baseAddress
        message.msg_iovlen = pieces.count
        let count = sendmsg(socket.descriptor, &message, Self.flags)
        return outcome(count)
    }

    private static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)

    private func outcome(_ count: Int) -> WireOutcome {
        if count >= 0 {
            plain += count
            return .wrote(count)
        }
        if errno == EAGAIN || errno == ENOBUFS { return .full }
        return errno == EINTR ? .wrote(0) : .broken(String(cString: strerror(errno)).lowercased())
    }

    private func writeOne(_ bytes: UnsafeRawBufferPointer) -> WireOutcome {
        guard let tls else { return outcome(Glibc.send(socket.descriptor, bytes.baseAddress, bytes.count, Self.flags)) }
        switch tls.write(bytes) {
        case .done(let count):
            plain += count
            marks.append((plain, tls.written))
            return .wrote(count)
        case .wantsToRead, .wantsToWrite: return .full
        case .ended: return .broken("the peer has closed it")
        case .failed: return .broken(tls.failure.message)
        }
    }

    var unconfirmed: Int? {
        let waiting = Int(cpipe_unacknowledged(socket.descriptor))
        guard waiting >= 0 else { return nil }
        guard let tls else { return min(plain, waiting) }
        let confirmed = tls.written - waiting
        let last = marks.last { $0.left <= confirmed }
        marks.removeAll { $0.left < confirmed && $0.plain < (last?.plain ?? 0) }
        return plain - (last?.plain ?? 0)
    }

    // MARK: The end

    var end: String? {
        var byte: UInt8 = 0
        let count = recv(socket.descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK))
        if count == 0 { return "the peer has closed it" }
        if count > 0 || errno == EAGAIN || errno == EINTR { return nil }
        return String(cString: strerror(errno)).lowercased()
    }

    func finish(within patience: Duration) throws {
        let deadline = ContinuousClock.now + patience
        tls?.end()
        shutdown(socket.descriptor, Int32(SHUT_WR))
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count == 0 { return }
            if count > 0 || errno == EINTR { continue }
            guard errno == EAGAIN else { throw SystemFailure.error("the peer did not take all") }
            guard Self.isReady(socket.descriptor, POLLIN, deadline) else {
                throw StageError("the peer did not close in time")
            }
        }
    }
}

/// The peer of a run on virtual time: it takes what comes, and confirms each write when it is asked again.
final class SimulatedWire: Wire {
    private let last = Mutex(0)

    func write(_ pieces: UnsafeMutableBufferPointer<iovec>) -> WireOutcome {
        let count = pieces.reduce(0) { $0 + $1.iov_len }
        last.withLock { $0 = count }
        return .wrote(count)
    }

    var unconfirmed: Int? {
        last.withLock { last in
            defer { last = 0 }
            return last
        }
    }

    var end: String? { nil }
    func finish(within patience: Duration) {}
}
