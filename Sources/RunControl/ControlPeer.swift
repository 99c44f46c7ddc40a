import CLinux
import Glibc
import PipeCore
import Sockets

/// One client. It may leave its answers unread and send what it likes: what is kept of either is bounded.
final class ControlPeer {
    let socket: Socket
    unowned let loop: ControlLoop
    /// Until when it must have shown the token; nil once it has, or where none is wanted.
    private var mustProveItselfBy: ContinuousClock.Instant?
    private var inbox: [UInt8] = []
    private var outbox: [UInt8] = []
    private var written = 0
    private var streams: [any ControlStream] = []
    private var refusals = 0
    private(set) var isOver = false
    /// It said all that it had to say; what it asked for it still gets.
    private var hasFinished = false
    /// It is told why, and then goes.
    private var isLeaving = false
    var watchesWriting = false

    /// A stream's events wait for a client to read up to here; beyond, they are shed.
    private static let mostWaiting = 1 << 20
    private static let mostRefusals = 32
    private static let mostStreams = 16

    init(_ socket: Socket, _ loop: ControlLoop, mustProveItselfBy deadline: ContinuousClock.Instant?) {
        self.socket = socket
        self.loop = loop
        mustProveItselfBy = deadline
    }

    var wantsToWrite: Bool { written < outbox.count }

    var nextDue: ContinuousClock.Instant? {
        (streams.compactMap(\.nextDue) + [mustProveItselfBy].compactMap { $0 }).min()
    }

    /// Whether a stream may add an event now, or is to shed it.
    var hasRoom: Bool { outbox.count - written < Self.mostWaiting }

    // MARK: Reading

    func read() {
        guard !isOver, !hasFinished, !isLeaving else { return drainUnread() }
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if count == 0 {
                hasFinished = true
            } else if errno != EAGAIN, errno != EINTR {
                isOver = true
            }
        }
        leaveIfDone()
    }

    /// What comes behind the end is thrown away, so that a client that writes on can read why it was closed.
    private func drainUnread() {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { isOver = true }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            guard inbox.count + part.count <= Request.mostBytes else { return tooLong() }
            inbox.append(contentsOf: part)
            let line = inbox
            inbox.removeAll(keepingCapacity: true)
            if !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { obey(line) }
            if isLeaving { return }
        }
        let rest = bytes.lastIndex(of: UInt8(ascii: "\n")).map { bytes[($0 + 1)...] } ?? bytes[...]
        guard inbox.count + rest.count <= Request.mostBytes else { return tooLong() }
        inbox.append(contentsOf: rest)
    }

    private func tooLong() {
        refuse(.null, "a line is longer than \(Request.mostBytes >> 10) KiB")
        leave()
    }

    private func obey(_ line: [UInt8]) {
        var id = JSON.null
        do throws(Request.Refusal) {
            let request = try Request(line)
            id = request.id
            if mustProveItselfBy != nil {
                guard request.verb == "hello" else {
                    throw .message("show the token first: {\"do\": \"hello\", \"token\": …}")
                }
                guard isToken(try request.text("token")) else {
                    refuse(id, "this is not the token of the run")
                    return leave()
                }
                mustProveItselfBy = nil
            }
            try perform(request)
        } catch {
            switch error {
            case .message(let message, let hint): refuse(id, message, hint: hint)
            }
        }
    }

    private func isToken(_ text: String?) -> Bool {
        guard let token = loop.token, let text else { return false }
        return cpipe_is_secret(text, text.utf8.count, token, token.utf8.count)
    }

    func refuse(_ id: JSON, _ message: String, hint: String? = nil) {
        loop.refused += 1
        refusals += 1
        say(Answer.refusal(id, message, hint: hint))
        if refusals >= Self.mostRefusals { leave() }
    }

    private func leave() {
        isLeaving = true
        for stream in streams { stream.end() }
        streams = []
        leaveIfDone()
    }

    // MARK: Streams

    func add(_ stream: any ControlStream) throws(Request.Refusal) {
        guard streams.count < Self.mostStreams else {
            stream.end()
            throw .message("\(Self.mostStreams) streams are open already", hint: "cancel one")
        }
        streams.append(stream)
    }

    /// Ends the streams of this number; false where there is none.
    func cancel(_ id: JSON) -> Bool {
        let ended = streams.filter { $0.id == id }
        for stream in ended { stream.end() }
        streams.removeAll { $0.id == id }
        return !ended.isEmpty
    }

    /// Does what is due.
    func advance() {
        if let deadline = mustProveItselfBy, .now >= deadline, !isLeaving {
            refuse(.null, "the token was not shown in time")
            leave()
        }
        guard !isOver else { return }
        for stream in streams { stream.advance(self) }
        streams.removeAll(where: \.isOver)
        leaveIfDone()
    }

    private func leaveIfDone() {
        if hasFinished || isLeaving, streams.isEmpty, !wantsToWrite { isOver = true }
    }

    // MARK: Writing

    func say(_ json: JSON) {
        guard !isOver else { return }
        // A client that asks and asks and never reads is not answered for ever.
        guard outbox.count - written < 16 * Self.mostWaiting else {
            loop.refused += 1
            isOver = true
            return
        }
        outbox.append(contentsOf: json.text().utf8)
        outbox.append(UInt8(ascii: "\n"))
        write()
    }

    func write() {
        while written < outbox.count, !isOver {
            let count = outbox.withUnsafeBytes {
                let rest = UnsafeRawBufferPointer(rebasing: $0[written...])
                return send(socket.descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                isOver = true
            }
        }
        if written == outbox.count || written > Self.mostWaiting {
            outbox.removeFirst(written)
            written = 0
        }
        leaveIfDone()
    }

    func close() {
        for stream in streams { stream.end() }
        streams = []
        socket.close()
        isOver = true
    }
}
