/// What a client asks, of any method.
struct Request: Sendable {
    enum Method: Int32, Sendable, CaseIterable {
        case openFile, closeFile, fileInfo, listOpenFiles
        case setSignalSegmentSize, getSignalSegment, setActiveChannels, getActiveChannels, getNumberOfSegments
        case getSignalRange, getEnvelope
    }

    var method: Method
    var path = ""
    /// The name the client has given itself, or nothing.
    var client = ""
    /// The connection it came over.
    var peer = ""
    var token = ""
    var names: [String] = []
    /// Seconds of a segment, or its index.
    var number: Int64 = 0
    var start: Int64?
    var end: Int64?
    var wantsCacheRate = false
    var wantsPoints = false

    /// Who it is: by name if it has one, by connection otherwise.
    var caller: String { client.isEmpty ? peer : client }
}

/// A message to a client.
enum Reply: ~Copyable, Sendable {
    /// The one message of a method that answers with one.
    case answer(Answer)
    /// A part of a signal.
    case chunk(Chunk)
    /// What ends a stream of signal in place of a part of it.
    case chunkError(path: String, message: String)
    /// Blocks of a channel.
    case envelope(Envelope)

    struct Answer: Sendable {
        var path: String
        /// `nil` leaves the field out, which is not the same as no text.
        var error: String? = ""
        var isOpened = false
        var info: OpenFile.Info?
        /// Whether the client knows the rates it is served at.
        var hasServedRates = false
        var number: Int64 = 0
        var names: [UInt8] = []
    }

    struct Chunk: ~Copyable, Sendable {
        var path: String
        var block: Block
        var rows: Int
        var columns: Int
        var time: TimeWindow
        var rate: Double
        var names: [UInt8]
        var type: SignalWindow.Format
    }

    struct Envelope: Sendable {
        var path: String
        var error: String?
        var channel = ""
        var starts: [Int64] = []
        var ends: [Int64] = []
        var minima: [Double] = []
        var maxima: [Double] = []
    }
}

/// Where the messages of a call go, one after another.
protocol ReplySink: Sendable {
    /// Sends a message and waits until it is on its way. Throws when the call is over.
    func send(_ reply: consuming Reply) async throws
}

/// A call that is refused outside the protocol, with a status of gRPC.
struct Refusal: Error {
    var code: Int32
    var message: String

    static let unauthenticated = Refusal(code: 16, message: "the token is missing or wrong")
}
