import Glibc
import HTTPServer

/// Long enough that no input has it by chance.
private let token = "kZ8-never-to-be-guessed-7Qw"

/// One server for all inputs: what one of them breaks, the next shows.
private let port: UInt16 = {
    var routes = Routes()
    routes.get("/hello") { _ in Response(200, "hello\n") }
    routes.post("/echo") { Response(200, $0.body, type: "text/plain") }
    routes.post("/order") { request in
        precondition(!request.shows(token: token), "an order without the token")
        return Response(401, "")
    }
    routes.get("/stream") { _ in Response(stream: { Once() }, type: "text/event-stream") }
    routes.otherwise { request in
        precondition(request.path.hasPrefix("/"), "\(request.path)")
        return nil
    }
    let server = HTTPServer(ServerSettings()) { routes.answer($0) }
    do {
        let port = try server.start()
        _ = Unmanaged.passRetained(server)
        return port
    } catch {
        fatalError("\(error)")
    }
}()

private final class Once: ClientStream {
    func next() -> StreamStep { .end }
}

/// Sends any bytes as a client, and reads what comes back. An answer that is no HTTP, or a server that does not answer a plain
/// question afterwards, is a bug like a trap is.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let answer = exchange(Array(UnsafeBufferPointer(start: start, count: count)))
    precondition(answer.isEmpty || answer.starts(with: "HTTP/1.".utf8), "\(String(decoding: answer, as: UTF8.self))")
    let plain = exchange(Array("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
    precondition(plain.starts(with: "HTTP/1.1 200".utf8), "\(String(decoding: plain, as: UTF8.self))")
    return 0
}

private func exchange(_ bytes: [UInt8]) -> [UInt8] {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    precondition(descriptor >= 0)
    defer { close(descriptor) }
    // Gone with its last byte: thousands of connections a second would use up all ports.
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    precondition(connected, "no connection")
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { answer += buffer[..<count] }
    return answer
}
