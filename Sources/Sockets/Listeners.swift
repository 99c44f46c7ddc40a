import CLinux
import Glibc
import PipeCore

/// Sockets that a server listens on, and who calls on them. One thread at a time uses it.
package final class Listeners {
    package enum Caller {
        case socket(Socket, SocketAddress)
        /// The process has no descriptor left: who called was turned away, or would be told of again and again.
        case turnedAway(SocketAddress)
    }

    package private(set) var sockets: [Socket] = []
    /// Given up for a moment where the process has no descriptor left, to turn a caller away.
    private var spare: Socket?

    package init() {}

    package func add(_ socket: Socket) {
        sockets.append(socket)
        if spare == nil { spare = Self.makeSpare() }
    }

    /// Listens on as many of these addresses as it can, and says on which; an error where it can on none.
    package func listen(on addresses: [SocketAddress], backlog: Int32, _ prepare: (Socket) -> Void) throws -> String {
        var problem: StageError?
        var texts: [String] = []
        for address in addresses {
            let listener = try Socket(address.family, .stream, "listening on \(address.text)")
            listener.set(SOL_SOCKET, SO_REUSEADDR)
            if address.family == AF_INET6 { listener.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
            prepare(listener)
            guard listener.bind(to: address), Glibc.listen(listener.descriptor, backlog) == 0 else {
                problem = SystemFailure.error(
                    "'\(address.text)' cannot be listened on",
                    hint: "is another server there? 'ss -ltnp' tells"
                )
                continue
            }
            texts.append(listener.boundAddress.text)
            add(listener)
        }
        if sockets.isEmpty { throw problem ?? StageError("there is no address to listen on") }
        return texts.joined(separator: " and ")
    }

    /// The next who waits at one of the sockets; nil where nobody does.
    package func next(at number: Int) -> Caller? {
        while true {
            var storage = sockaddr_storage()
            let descriptor = cpipe_accept(sockets[number].descriptor, &storage)
            if descriptor >= 0 { return .socket(Socket(taking: descriptor), address(storage)) }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE: return turnAway(number).map { .turnedAway($0) }
            default: return nil
            }
        }
    }

    private func turnAway(_ number: Int) -> SocketAddress? {
        spare?.close()
        defer { spare = Self.makeSpare() }
        var storage = sockaddr_storage()
        let descriptor = cpipe_accept(sockets[number].descriptor, &storage)
        guard descriptor >= 0 else { return nil }
        Glibc.close(descriptor)
        return address(storage)
    }

    private func address(_ storage: sockaddr_storage) -> SocketAddress {
        SocketAddress(storage: storage, length: socklen_t(MemoryLayout<sockaddr_storage>.size))
    }

    private static func makeSpare() -> Socket { Socket(taking: open("/dev/null", O_RDONLY | O_CLOEXEC)) }

    package func close() { sockets = [] }
}
