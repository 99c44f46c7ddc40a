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
        precondition(request.path.utf8.first == UInt8(ascii: "/"), "\(request.path)")
        return nil
    }
    // The fuzzer's alarm clock would interrupt what waits here; who waits has a limit of its own.
    var alarm = sigset_t()
    sigaddset(&alarm, SIGALRM)
    pthread_sigmask(SIG_BLOCK, &alarm, nil)
    let server = HTTPServer(ServerSettings()) { [routes] in routes.answer($0) }
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
///
/// Nobody waits for the answer to the bytes: half a request has none, and is kept for seconds. The server's one thread has
/// most often come to it when it answers the question behind it.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let client = connection()
    _ = send(client, start, count, Int32(MSG_NOSIGNAL))
    shutdown(client, Int32(SHUT_WR))
    let other = connection()
    let question = Array("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    _ = send(other, question, question.count, Int32(MSG_NOSIGNAL))
    let plain = String(decoding: answer(other) { $0.suffix(6).elementsEqual("hello\n".utf8) }, as: UTF8.self)
    guard plain.hasPrefix("HTTP/1.1 200"), plain.hasSuffix("\r\n\r\nhello\n") else { fatalError("no answer: \(plain)") }
    let answer = answer(client, flags: Int32(MSG_DONTWAIT)) { _ in false }
    guard answer.isEmpty || answer.starts(with: "HTTP/1.".utf8) else {
        fatalError("\(String(decoding: answer, as: UTF8.self))")
    }
    return 0
}

private func connection() -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // Gone at once when we close it first: thousands of connections a second would use up all ports.
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard connected else { fatalError("no connection: \(String(cString: strerror(errno)))") }
    return descriptor
}

/// What comes until it is enough, or there is no more; closes the connection.
private func answer(_ descriptor: Int32, flags: Int32 = 0, until isWhole: ([UInt8]) -> Bool) -> [UInt8] {
    defer { close(descriptor) }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while !isWhole(answer), case let count = recv(descriptor, &buffer, buffer.count, flags), count > 0 {
        answer += buffer[..<count]
    }
    return answer
}
