import FoundationEssentials
import Frames
import Glibc
import PipeCore
import PipeKit
import Sockets
import Testing

@testable import Camera

/// The pictures beside the tests, made by another library: 24 × 16 pixels each.
let pictures = String(#filePath.dropLast("Support.swift".count)) + "Pictures"

func picture(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: "\(pictures)/\(name)")))
}

func encoded(_ bytes: [UInt8]) throws -> EncodedFrame {
    try #require(EncodedFrame(bytes, in: BufferPools(keeping: ByteCount(0))))
}

/// Bytes as a camera sends them: the length, the highest byte first, and the picture.
func framed(_ picture: [UInt8]) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: picture.count >> $0) } + picture
}

/// The values of a frame, whatever a pixel takes.
func values(_ frame: Frame) -> [Int] {
    frame.format == .grey16
        ? frame.bytes.bindMemory(to: UInt16.self).map(Int.init) : frame.bytes.map(Int.init)
}

/// What the pictures hold: 7x + 5y of 8 bit, 1000x + 37y of 16.
func grey8() -> [Int] { (0..<16).flatMap { y in (0..<24).map { x in x * 7 + y * 5 } } }
func grey16() -> [Int] { (0..<16).flatMap { y in (0..<24).map { x in x * 1000 + y * 37 } } }

/// A client as plain as a client can be: a socket that blocks.
final class TestClient {
    let descriptor: Int32
    private var isClosed = false

    init(port: UInt16, from source: String? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        if let source {
            let own = try #require(try SocketAddress.resolve(Address(host: source, port: 0), .stream).first)
            try #require(own.withPointer { bind(descriptor, $0, own.length) } == 0)
        }
        let peer = try #require(try SocketAddress.resolve(Address(host: "127.0.0.1", port: port), .stream).first)
        guard peer.withPointer({ connect(descriptor, $0, peer.length) }) == 0 else {
            throw SystemFailure.error("no connection")
        }
    }

    deinit { close() }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0, "\(String(cString: strerror(errno)))")
            sent += count
        }
    }

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What the server sends before it closes; half a minute at most.
    func awaitEnd() throws -> String {
        var text: [UInt8] = []
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            try #require(poll(&wanted, 1, 30_000) == 1, "the server did not close")
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count <= 0 { return String(decoding: text, as: UTF8.self) }
            text += bytes.prefix(count)
        }
    }
}

/// A thread that can be waited for.
struct TestThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ body: @escaping () -> Void) {
        let failure = pthread_create(
            &thread,
            nil,
            { argument in
                argument.map { Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            },
            Unmanaged.passRetained(Body(body)).toOpaque()
        )
        precondition(failure == 0)
    }

    func join() { pthread_join(thread, nil) }
}
