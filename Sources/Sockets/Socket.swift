package import CLinux
import Glibc
package import PipeCore
package import PipeKit

/// A socket that does not block, closed with the last reference to it.
package final class Socket: @unchecked Sendable {  // a number; its owner decides which thread uses it
    package private(set) var descriptor: Int32

    package init(taking descriptor: Int32) { self.descriptor = descriptor }

    package init(_ family: Int32, _ kind: SocketKind, _ purpose: @autoclosure () -> String) throws {
        descriptor = socket(family, kind.type | O_NONBLOCK | O_CLOEXEC, 0)
        if descriptor < 0 { throw SystemFailure.error("\(purpose()): no socket") }
    }

    deinit { close() }

    package func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    package func set(_ level: Int32, _ option: Int32, _ value: Int32 = 1) {
        var value = value
        // What the system refuses here changes how fast it is, and nothing else.
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// As the original server set its connections.
    package func tune(_ buffers: SocketBuffers) {
        set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: buffers.receive.bytes))
        set(SOL_SOCKET, SO_SNDBUF, Int32(clamping: buffers.send.bytes))
        set(SOL_SOCKET, SO_KEEPALIVE)
        set(Int32(IPPROTO_TCP), TCP_NODELAY)
    }

    /// Acknowledges what is read with what comes next, and not by a packet of its own for each read, until the system has
    /// waited in vain for something to come.
    package func acknowledgeLater() { set(Int32(IPPROTO_TCP), TCP_QUICKACK, 0) }

    package var boundAddress: SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return SocketAddress(storage: storage, length: length)
    }

    package func bind(to address: SocketAddress) -> Bool {
        address.withPointer { Glibc.bind(descriptor, $0, address.length) == 0 }
    }

    package func connect(to address: SocketAddress) -> Bool {
        address.withPointer { Glibc.connect(descriptor, $0, address.length) == 0 }
    }

    /// What went wrong on it since this was asked last.
    package var pendingError: Int32 {
        var failure: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
        return failure
    }
}

package enum SocketKind {
    case stream, datagram

    fileprivate var type: Int32 { Int32((self == .stream ? SOCK_STREAM : SOCK_DGRAM).rawValue) }
}

package struct SocketBuffers: Sendable {
    package var receive: ByteCount
    package var send: ByteCount

    package init(receive: ByteCount = .kibibytes(128), send: ByteCount = .kibibytes(128)) {
        (self.receive, self.send) = (receive, send)
    }
}

/// What the system said.
package enum SystemFailure {
    package static func error(_ what: String, _ code: Int32 = errno, hint: String? = nil) -> StageError {
        StageError("\(what): \(String(cString: strerror(code)).lowercased())", hint: hint)
    }
}

/// An address as the system has it.
package struct SocketAddress: Hashable, @unchecked Sendable {  // plain bytes
    package private(set) var storage: sockaddr_storage
    package let length: socklen_t

    package init(storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// Addresses that a name stands for. It may ask the network.
    package static func resolve(_ address: Address, _ kind: SocketKind, passive: Bool = false) throws -> [SocketAddress]
    {
        var hints = addrinfo()
        hints.ai_socktype = kind.type
        hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard failure == 0 else {
            throw StageError(
                "'\(address.host)' is no address: \(String(cString: gai_strerror(failure)).lowercased())",
                hint: "check the name, or write the number"
            )
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let source = entry.ai_addr, Int(entry.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size {
                var storage = sockaddr_storage()
                withUnsafeMutableBytes(of: &storage) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Int(entry.ai_addrlen)))
                }
                found.append(SocketAddress(storage: storage, length: entry.ai_addrlen))
            }
            next = entry.ai_next
        }
        return found
    }

    /// A unix socket; nil where the path is too long for one.
    package init?(path: String) {
        var address = sockaddr_un()
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { target in withUnsafeBytes(of: &address) { target.copyMemory(from: $0) } }
        self.init(storage: storage, length: socklen_t(MemoryLayout<sockaddr_un>.size))
    }

    package var family: Int32 { Int32(storage.ss_family) }

    package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }

    package var port: UInt16 {
        withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
    }

    /// The bytes of the IP address: 4 or 16, none of a unix socket. An IPv4 address in IPv6 form is taken for what it is.
    package var ip: [UInt8] {
        let bytes = withUnsafeBytes(of: storage) { bytes -> [UInt8] in
            switch family {
            case AF_INET: Array(bytes[4..<8])
            case AF_INET6: Array(bytes[8..<24])
            default: []
            }
        }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
        return bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
    }

    /// `127.0.0.1:8888`, `[::1]:8888`
    package var text: String { Address(host: Self.text(ofIP: ip), port: port).written }

    package static func text(ofIP ip: [UInt8]) -> String {
        if ip.count == 4 { return ip.map(String.init).joined(separator: ".") }
        guard ip.count == 16 else { return "" }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        ip.withUnsafeBytes { _ = inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN)) }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The bytes that tell it from others.
    private var words: (UInt64, UInt64) {
        withUnsafeBytes(of: storage) { bytes in
            family == AF_INET
                ? (0, UInt64(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                : (
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                )
        }
    }

    package static func == (a: SocketAddress, b: SocketAddress) -> Bool {
        a.family == b.family && a.port == b.port && a.words == b.words
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(port)
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or a single one.
package struct AddressRange: OptionValue, Hashable {
    package let ip: [UInt8]
    package let bits: Int

    package static var kind: OptionKind {
        .text(name: "addresses", rule: "an IP address, or a range such as 10.0.0.0/8 or fd00::/8")
    }

    package static func read(_ node: Node, _ reader: Reader) -> AddressRange? {
        guard let text = reader.text(node, wanted: "a range of addresses") else { return nil }
        if let range = AddressRange(text.text) { return range }
        reader.wrongType(text, wanted: "a range of addresses", hint: "write 10.0.0.0/8, fd00::/8 or a single address")
        return nil
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        var bytes = [UInt8](repeating: 0, count: 16)
        let host = String(parts.first ?? "")
        let isV4 = inet_pton(AF_INET, host, &bytes) == 1
        guard parts.count <= 2, isV4 || inet_pton(AF_INET6, host, &bytes) == 1 else { return nil }
        ip = Array(bytes.prefix(isV4 ? 4 : 16))
        guard parts.count == 2 else {
            bits = ip.count * 8
            return
        }
        guard let bits = Int(parts[1]), parts[1].allSatisfy(\.isNumber), (0...ip.count * 8).contains(bits) else {
            return nil
        }
        self.bits = bits
    }

    package func contains(_ other: [UInt8]) -> Bool {
        guard other.count == ip.count else { return false }
        let whole = bits / 8
        guard other.prefix(whole) == ip.prefix(whole) else { return false }
        let rest = bits % 8
        return rest == 0 || (other[whole] ^ ip[whole]) >> (8 - rest) == 0
    }

    package var written: String { "\(SocketAddress.text(ofIP: ip))/\(bits)" }
}
