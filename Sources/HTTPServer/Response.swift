/// What a client is answered.
public struct Response: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Made for the client when its answer begins, and not for a HEAD.
        case stream(@Sendable () -> any ClientStream)
    }

    public var status: Int
    public var type: String
    public var headers: [(name: String, value: String)] = []
    public var body: Body

    public init(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status, Array(text.utf8), type: type)
    }

    public init(_ status: Int, _ bytes: [UInt8], type: String) {
        (self.status, self.type, body) = (status, type, .bytes(bytes))
    }

    public init(stream: @escaping @Sendable () -> any ClientStream, type: String) {
        (status, self.type, body) = (200, type, .stream(stream))
    }

    public func with(_ name: String, _ value: String) -> Response {
        var other = self
        other.headers.append((name, value))
        return other
    }
}

/// An answer that goes on: one for each client, asked by the server's thread alone.
///
/// The server asks for more when the client has taken what it got before. So what a client holds up is one step, and what
/// it misses meanwhile is for the stream to leave out.
public protocol ClientStream: AnyObject, Sendable {
    func next() -> StreamStep
}

public enum StreamStep: Sendable {
    case send([Piece])
    /// Nothing now: the server asks again after its `wake`, and at each of its ticks.
    case later
    case end
}

/// Bytes that nobody changes, in memory that lives as long as the piece.
public struct Piece: @unchecked Sendable {  // the owner keeps the bytes, and nobody writes them
    public let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject?

    public init(_ bytes: [UInt8]) {
        let memory = OwnedBytes(bytes)
        (self.bytes, owner) = (UnsafeRawBufferPointer(memory.bytes), memory)
    }

    /// Bytes in the memory of an object that is kept meanwhile.
    public init(_ bytes: UnsafeRawBufferPointer, of owner: some AnyObject & Sendable) {
        (self.bytes, self.owner) = (bytes, owner)
    }
}

private final class OwnedBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ content: [UInt8]) {
        bytes = .allocate(byteCount: content.count, alignment: 1)
        bytes.copyBytes(from: content)
    }

    deinit { bytes.deallocate() }
}
