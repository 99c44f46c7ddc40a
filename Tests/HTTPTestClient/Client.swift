import Glibc

/// A client as plain as a client can be: a socket that blocks, for ten seconds at most.
public final class Client {
    public let descriptor: Int32
    public private(set) var received: [UInt8] = []

    public init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(what: "no socket") }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { throw Failure(what: "no connection: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// What the server has closed may not be written to any more; that is for the reader to find out.
    public func send(_ text: String) { send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Says that nothing more will be sent.
    public func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Reads once; false at the end, after a reset, or when nothing came for ten seconds.
    public func readOnce() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        received += buffer[..<count]
        return true
    }

    /// Everything until the server closes.
    public func readToEnd() -> String {
        while readOnce() {}
        return text
    }

    /// Reads until something holds of what has come.
    public func read(until isEnough: (String) -> Bool) throws -> String {
        while !isEnough(text) {
            guard readOnce() else { throw Failure(what: "nothing more came: \(text.prefix(400))") }
        }
        return text
    }

    /// One answer with a length, and takes it out of what was received.
    public func response() throws -> (head: String, body: String) {
        let end = Array("\r\n\r\n".utf8)
        while received.firstRange(of: end) == nil {
            guard readOnce() else { throw Failure(what: "no answer: \(text.prefix(400))") }
        }
        guard let split = received.firstRange(of: end) else { throw Failure(what: "no answer") }
        let head = String(decoding: received[..<split.lowerBound], as: UTF8.self)
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last ?? "") }
        guard let count = length else { throw Failure(what: "no length: \(head)") }
        while received.count < split.upperBound + count {
            guard readOnce() else { throw Failure(what: "half an answer") }
        }
        let body = String(decoding: received[split.upperBound..<split.upperBound + count], as: UTF8.self)
        received.removeFirst(split.upperBound + count)
        return (head, body)
    }

    public var text: String { String(decoding: received, as: UTF8.self) }
}

/// What a client waited for in vain.
public struct Failure: Error, CustomStringConvertible {
    let what: String
    public var description: String { what }
}

/// Waits until something holds; ten seconds at most.
public func until(_ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        sched_yield()
    }
    return true
}
