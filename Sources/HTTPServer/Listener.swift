import Glibc

/// A socket that listens. Whoever takes its descriptor closes it.
struct Listener {
    let descriptor: Int32
    let port: UInt16
    let isLoopback: Bool

    init(_ host: String, _ port: UInt16) throws(HTTPServerError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard failure == 0, let first = found else {
            throw HTTPServerError("'\(host)' is not known: \(String(cString: gai_strerror(failure)).lowercased())")
        }
        var problem = ""
        for address in sequence(first: first, next: { $0.pointee.ai_next }) {
            let descriptor = socket(
                address.pointee.ai_family,
                Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC,
                0
            )
            guard descriptor >= 0 else {
                problem = String(cString: strerror(errno))
                continue
            }
            // The port of a run that has just ended is free for the next.
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            if Glibc.bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0,
                listen(descriptor, 128) == 0
            {
                self.descriptor = descriptor
                (self.port, isLoopback) = Listener.place(of: descriptor)
                return
            }
            problem = String(cString: strerror(errno))
            close(descriptor)
        }
        let name = host.contains(":") ? "[\(host)]" : host
        throw HTTPServerError(
            "cannot listen on \(name):\(port): \(problem.lowercased())",
            hint: "choose another port, or 0 for any that is free"
        )
    }

    private static func place(of descriptor: Int32) -> (port: UInt16, isLoopback: Bool) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let known = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
        }
        guard known else { return (0, false) }
        return withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self)
                return (UInt16(bigEndian: address.sin_port), UInt32(bigEndian: address.sin_addr.s_addr) >> 24 == 127)
            case AF_INET6:
                let address = bytes.loadUnaligned(as: sockaddr_in6.self)
                var one = in6addr_loopback
                let own = address.sin6_addr
                let isLoopback = withUnsafeBytes(of: &one) { wanted in
                    withUnsafeBytes(of: own) { $0.elementsEqual(wanted) }
                }
                return (UInt16(bigEndian: address.sin6_port), isLoopback)
            default: return (0, false)
            }
        }
    }
}
