/// Where a server listens, and what it stays within.
public struct ServerSettings: Sendable {
    public var host: String
    public var port: UInt16
    /// Names that clients may call it by, beside its own address.
    public var names: [String] = []
    /// Connections at a time; more wait until one is free.
    public var connections = 200
    /// Streams at a time, fewer than connections, so that a question is answered while all watch; one more gets 503.
    public var streams: Int { max(1, connections * 3 / 4) }
    /// For the line and the headers of a request.
    public var headerBytes = 32 << 10
    public var bodyBytes = 16 << 10
    /// From the first byte of a connection, or of the next request on it, to the last of the request.
    public var requestTime = Duration.seconds(10)
    /// A connection on which nothing moves is closed.
    public var idleTime = Duration.seconds(15)
    /// What the system keeps for a client.
    public var sendBuffer = 256 << 10
    /// What it takes before that is on its way. Little, so that what a slow client gets is not old.
    public var unsentBytes = 16 << 10
    /// How often `tick` is called, and streams are asked again that had nothing.
    public var interval = Duration.milliseconds(500)

    public init(host: String = "127.0.0.1", port: UInt16 = 0) {
        self.host = host
        self.port = port
    }
}

/// Why a server cannot begin.
public struct HTTPServerError: Error, CustomStringConvertible {
    public let message: String
    public let hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    public var description: String { message }
}
