import Glibc
import MefServer
import PipeCore
import PipeKit

/// Serves recordings to the Python clients of a laboratory, as long as the run goes on.
struct MefServing: Source {
    static let info = StageInfo(
        "mef_server",
        "Serves MEF 3 sessions over gRPC, and tells what it has done.",
        example: """
            roots: [/data]
            address: 127.0.0.1:50051
            every: 1s
            """,
        details: """
            It speaks both generations of the protocol of the BNEL servers, so their Python clients work unchanged. With
            'environment: true' it takes the names that those servers know: PORT, N_PREFETCH, MAX_WORKERS, TILE_CACHE_MB
            and so on, and they win. When the run is stopped, calls in progress have 'drain' to come to their end.
            """
    )

    @Output("What it has done so far and holds now.", .optional) var numbers: Sender<Document>

    @Option("Directories below which sessions may be opened; paths that lead elsewhere do not exist for clients.")
    var roots: [InputDirectory]
    @Option("Where it listens. Without 'certificate' and 'token' it should be on this machine.")
    var address = ListenAddress(Address(host: "127.0.0.1", port: 50051))
    @Option("Put before the paths that clients ask for.") var prefix = ""
    @Option("Opens protected sessions; clients cannot give one.") var password: Secret?
    @Option("Memory for decoded samples.", in: ByteCount.mebibytes(1)...) var cache = ByteCount.mebibytes(512)
    @Option("Samples that nobody has asked for so long are dropped.", in: .seconds(1)...) var keep = Duration.seconds(
        1800
    )
    @Option("Windows read ahead in the direction that a client moves in.", in: 0...64) var ahead = 2
    @Option("Threads that decode; 0 is one a processor.", in: 0...1024) var threads = 0
    @Option("Clients at once; others are told to try again.", in: 1...100_000) var maxClients = 64
    @Option("Sessions open at once.", in: 1...100_000) var maxFiles = 256
    @Option("A certificate as a PEM file; connections are then encrypted.") var certificate: InputFile?
    @Option("The private key of the certificate.") var key: InputFile?
    @Option("Who calls must know it; the published clients cannot.") var token: Secret?
    @Option("Take over what the environment names of the original servers say.") var environment = false
    @Option("How often 'numbers' are sent.", in: .milliseconds(10)...) var every = Duration.seconds(10)
    @Option("For calls in progress to come to their end when the run is stopped.", in: .zero...Duration.seconds(3600))
    var drain = Duration.seconds(5)

    func check(_ report: inout Diagnostics) {
        if roots.isEmpty, $roots.isStated {
            report.error(.missingValue, at: $roots, "without a directory nothing could be opened", hint: "name one")
        }
        if $certificate.isStated != $key.isStated {
            report.error(
                .missingKey,
                at: $certificate.isStated ? $certificate : $key,
                "a certificate and its private key belong together",
                hint: $key.isStated ? "add 'certificate'" : "add 'key'"
            )
        }
    }

    private var server: MefServer?
    private var next = Instant.never
    private static let (starts, stops) = (0, 1)

    mutating func start(_ context: StageContext) throws {
        var configuration = Configuration(roots: roots.map(\.path.absolute))
        configuration.address = address.written
        configuration.prefix = prefix
        configuration.password = password?.reveal()
        configuration.token = token?.reveal()
        configuration.cacheBytes = cache.bytes
        configuration.tileLifetime = keep
        configuration.prefetchAhead = ahead
        configuration.threads = threads
        configuration.maxClients = maxClients
        configuration.maxOpenFiles = maxFiles
        if environment {
            let ignored = try configuration.apply(environment: Self.variables)
            if !ignored.isEmpty { context.log(.info, "mean nothing here: \(ignored.joined(separator: ", "))") }
        }
        let (certificate, key) = (certificate?.path.absolute, key?.path.absolute)
        let complete = configuration
        context.submit(Self.starts) {
            var configuration = complete
            if let certificate, let key {
                configuration.tls = .init(certificate: try textFile(certificate), key: try textFile(key))
            }
            return try MefServer(configuration)
        }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        guard let server, numbers.isLinked else { return .later }
        if context.now < next { return .at(next) }
        numbers.send(Document(server.statistics.json))
        next = context.now + every
        return .at(next)
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        let result = try completion.result.get()
        if let started = result as? MefServer {
            server = started
            next = context.now + every
            let host = address.address.host
            context.log(.info, "serves \(roots.map(\.path.written).joined(separator: ", ")) at \(host):\(started.port)")
        } else {
            server = nil
            if let isIdle = result as? Bool, !isIdle { context.log(.warning, "calls in progress were cut off") }
        }
    }

    /// The calls in progress are answered by the server's own threads; the run waits for them here.
    mutating func finish(_ context: StageContext) {
        guard let server else { return }
        let drain = drain
        context.submit(Self.stops, Effort(deadline: drain + .seconds(10))) { server.stop(within: drain) }
        context.wake(after: Self.look)
    }

    /// A source is not waited for by its operations, so it looks whether they have ended.
    mutating func wake(_ context: StageContext) { if server != nil { context.wake(after: Self.look) } }

    private static let look = Duration.milliseconds(20)

    /// An instance that is given up lets its server go, which closes the port.
    mutating func stopped() { server = nil }

    private static var variables: [String: String] {
        var all: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let sign = text.firstIndex(of: "=") {
                all[String(text[..<sign])] = String(text[text.index(after: sign)...])
            }
            next = next.successor()
        }
        return all
    }
}

/// A file of a few kilobytes, such as a certificate.
private func textFile(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else {
        throw StageError("'\(path)' cannot be opened: \(String(cString: strerror(errno)).lowercased())")
    }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0, count < bytes.count else { throw StageError("'\(path)' cannot be read as a PEM file") }
    return String(decoding: bytes[..<count], as: UTF8.self)
}

extension Statistics {
    /// The numbers by the names that graphs use.
    fileprivate var json: JSON {
        [
            "calls": .integer(calls), "active_calls": .integer(activeCalls), "active_clients": .integer(activeClients),
            "refused_calls": .integer(refusedCalls), "open_files": .integer(openFiles), "values": .integer(values),
            "tile_hits": .integer(tileHits), "tile_misses": .integer(tileMisses), "tile_joins": .integer(tileJoins),
            "prefetched": .integer(prefetched), "prefetch_hits": .integer(prefetchHits),
            "evictions": .integer(evictions), "tiles": .integer(tiles), "tile_bytes": .integer(tileBytes),
            "damaged": .integer(damaged),
        ]
    }
}
