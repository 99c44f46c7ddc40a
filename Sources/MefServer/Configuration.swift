/// How a MEF 3 server is set up.
public struct Configuration: Sendable, Hashable {
    /// A certificate and its key as PEM text.
    public struct TLS: Sendable, Hashable {
        /// The chain shown to clients.
        public var certificate: String
        /// Its private key.
        public var key: String
        /// Clients must show a certificate of this authority; `nil` lets all in.
        public var clientAuthority: String?

        /// Encrypts connections.
        public init(certificate: String, key: String, clientAuthority: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clientAuthority = clientAuthority
        }
    }

    /// Where to listen, as host:port; port 0 takes a free one. Without TLS and token keep it on this machine.
    public var address = "127.0.0.1:50051"
    /// Directories below which sessions may be opened. Paths that lead elsewhere do not exist for clients.
    public var roots: [String]
    /// Put before the paths clients ask for; `/host_root` in the containers of the original server.
    public var prefix = ""
    /// Opens protected sessions; the protocol has no way to ask for one.
    public var password: String?
    /// Encrypts connections; `nil` leaves them in clear, as the published clients expect.
    public var tls: TLS?
    /// Calls must carry it as metadata `authorization: Bearer …`; the published clients cannot.
    public var token: String?

    /// Memory for decoded samples, four bytes each. A single tile that is larger is read all the same.
    public var cacheBytes = 512 << 20
    /// Samples that are decoded and kept together, rounded to whole blocks. Four blocks decode side by side, so that a
    /// dozen of them is a good size.
    public var tileSamples = 65536
    /// The same as a length of time, if it is set.
    public var tileSeconds: Double?
    /// Tiles nobody has asked for so long are dropped.
    public var tileLifetime = Duration.seconds(1800)
    /// Windows read ahead in the direction a client moves in.
    public var prefetchAhead = 2
    /// Windows read ahead against it.
    public var prefetchBehind = 0
    /// Threads that read and decode; 0 takes as many as there are cores.
    public var threads = 0

    /// Clients with calls in progress; others are told to try again.
    public var maxClients = 64
    /// Calls in progress of all clients.
    public var maxCalls = 256
    /// Sessions open at once.
    public var maxOpenFiles = 256
    /// Clients' holds on open sessions; the one unused for longest is given up for a new one.
    public var maxHolds = 1000
    /// A hold of a client with a name that is unused so long is given up.
    public var holdLifetime = Duration.seconds(1800)
    /// Values of one answer. An answer is never in memory as a whole, but somebody has to wait for it.
    public var maxAnswerValues = 1 << 32

    /// For a client to take a message.
    public var stallTimeout = Duration.seconds(60)
    /// For a step of a call: the request to arrive, or a message to be worked out.
    public var stepTimeout = Duration.seconds(120)
    /// A connection without a sign of life is asked for one after so long, and closed after as long again.
    public var keepalive = Duration.seconds(60)
    /// A connection without calls is closed after so long; clients open it again by themselves.
    public var idleTimeout = Duration.seconds(1800)

    /// A server of the sessions below `roots`.
    public init(roots: [String]) { self.roots = roots }

    /// All that cannot be as it is, each in a sentence that names the option.
    func problems() -> [String] {
        var problems: [String] = []
        func check(_ holds: Bool, _ problem: String) { if !holds { problems.append(problem) } }
        check(!roots.isEmpty, "'roots' is empty, so that nothing could be opened: name a directory")
        check(cacheBytes >= 1 << 20, "'cacheBytes' of \(cacheBytes) is too little, give at least 1 MiB")
        check((1...1 << 24).contains(tileSamples), "'tileSamples' of \(tileSamples) is not in 1...\(1 << 24)")
        check(
            tileSeconds.map { $0 > 0 && $0 < 1e9 } ?? true,
            "'tileSeconds' of \(tileSeconds ?? 0) is no length of time"
        )
        check((0...1024).contains(threads), "'threads' of \(threads) is not in 0...1024")
        check((0...64).contains(prefetchAhead), "'prefetchAhead' of \(prefetchAhead) is not in 0...64")
        check((0...64).contains(prefetchBehind), "'prefetchBehind' of \(prefetchBehind) is not in 0...64")
        for (name, value) in [
            ("maxClients", maxClients), ("maxCalls", maxCalls), ("maxOpenFiles", maxOpenFiles), ("maxHolds", maxHolds),
        ] {
            check((1...100_000).contains(value), "'\(name)' of \(value) is not in 1...100000")
        }
        check(maxAnswerValues > 0, "'maxAnswerValues' of \(maxAnswerValues) leaves no answer")
        for (name, value) in [
            ("tileLifetime", tileLifetime), ("holdLifetime", holdLifetime), ("stallTimeout", stallTimeout),
            ("stepTimeout", stepTimeout), ("keepalive", keepalive), ("idleTimeout", idleTimeout),
        ] {
            check(
                value >= .milliseconds(10) && value <= .seconds(1_000_000),
                "'\(name)' of \(value) is not between 10 ms and 1000000 s"
            )
        }
        check(token.map { !$0.isEmpty } ?? true, "'token' is empty, which would let anybody in: leave it out or set it")
        return problems
    }
}
