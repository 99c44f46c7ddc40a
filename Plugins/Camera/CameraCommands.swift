import PipeCore
import PipeKit
import Sockets

/// Stands behind a camera and lets pictures pass while somebody records: what the lab's manager says START and STOP to.
///
/// A picture that passes while an experiment is named has that name as its key, so that files and lines behind it can tell.
/// 'STOP' ends a recording and never the graph: whoever reaches a port may not end a laboratory's evening.
struct CameraCommands: Consumer {
    static let info = StageInfo(
        "camera_commands",
        "Lets pictures pass while a command over TCP has said so.",
        example: """
            from: camera
            address: 127.0.0.1:0
            set: recorder
            """,
        traits: [.sheds, .remembers, .heedsWorld],
        details: """
            A connection brings one command of up to 1024 bytes and gets one line back. 'set: server' knows START, STATUS and
            STOP; 'set: recorder' knows START (one recording of 'count' pictures), START_INF, STOP, STATUS, EXP_ID:NAME, PING
            and READY. Commands are answered also while the graph stands still. On virtual time there are none.
            """
    )

    @Input("Pictures, of any kind.") var pictures: Receiver<AnyPayload>
    @Output("Those that are recorded.", like: "pictures") var recorded: Sender<AnyPayload>
    @Output("What was asked, and by whom.", .optional) var events: Sender<Document>

    @Option("Where it listens; port 0 is any that is free, and the log says which.") var address: ListenAddress
    @Option("Which of the lab's two servers it answers as.") var set = Set.recorder
    @Option("Pictures of one recording.", in: 1...1_000_000_000) var count = 100
    @Option("Whether pictures pass before anybody has said START; without it, as the original: 'server' does.")
    var records: Bool?
    @Option("Clients at a time; one more is turned away.", in: 1...1000) var maxClients = 32
    @Option("How long a client may take to say what it wants.", in: Duration.milliseconds(10)...Duration.seconds(3600))
    var timeout = Duration.seconds(5)
    @Option("Addresses that may command; all, where none is stated.") var allow: [AddressRange] = []

    enum Set: String, Choice {
        case server, recorder

        var summary: String {
            switch self {
            case .server: "The camera server: START, STATUS, STOP."
            case .recorder: "The recorder: START, START_INF, STOP, STATUS, EXP_ID:NAME, PING, READY."
            }
        }
    }

    func claims(_ claims: inout Claims) { claims.bounds($events, to: .kibibytes(2)) }

    private var desk: CommandDesk?
    private var server: CommandServer?
    private var refusals = RefusalLog()
    private static let (opens, answers, hears) = (0, 1, 2)

    mutating func start(_ context: StageContext) {
        let recorder = Recorder(
            set == .server ? .server : .recorder,
            count: count,
            records: records ?? (set == .server)
        )
        desk = CommandDesk(recorder, at: context.now, waiting: context.waiting(input: 0))
        guard !context.isSimulated else { return }
        var settings = CommandServer.Settings()
        settings.allow = allow
        settings.maxClients = maxClients
        settings.timeout = timeout
        let host = address.address
        let server = CommandServer(settings) { try SocketAddress.resolve(host, .stream, passive: true) }
        self.server = server
        context.waitForWorld(Self.opens) { try server.open() }
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        guard let desk else { return }
        var item = item
        switch desk.admit() {
        case .leftOut: context.drop(item)
        case .passes(let isLast):
            let recorder = desk.recorder
            if !recorder.experiment.isEmpty { item.header.key = Key(recorder.experiment) }
            recorded.send(item)
            if isLast { context.log(.info, "recorded \(recorder.recorded) pictures") }
        }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        let result = try completion.result.get()
        guard let desk, let server else { return }
        switch completion.token {
        case Self.opens:
            if let address = result as? String, !address.isEmpty { context.log(.info, "listens on \(address)") }
            context.waitForWorld(Self.answers) {
                server.run({ desk.answer($0) }, { desk.tell($0) })
                desk.close()
                return true
            }
            hear(desk, context)
        case Self.hears:
            guard let happened = result as? [CommandServer.Event], !happened.isEmpty else { return }
            for event in happened { tell(event, context) }
            refusals.tell(context)
            hear(desk, context)
        default: break
        }
    }

    private func hear(_ desk: CommandDesk, _ context: StageContext) {
        context.waitForWorld(Self.hears) { desk.hear() }
    }

    private mutating func tell(_ event: CommandServer.Event, _ context: StageContext) {
        switch event {
        case .command(let line, let client):
            // What somebody sends is not written to a log as it is.
            let shown = String(line.prefix(80).map { $0.isASCII && !$0.isNewline && $0 >= " " ? $0 : "?" })
            // A manager that asks for the state each second is no news.
            context.log(Command(line).changes ? .info : .debug, "'\(shown)' of \(client)")
            events.send(Document(["event": "command", "command": .string(shown), "client": .string(client)]))
        case .refused(let why, let client):
            refusals.note(why.rawValue, why.meaning, of: client)
            events.send(
                Document(["event": "refused", "reason": .string(why.rawValue), "client": .string(client)])
            )
        }
    }

    mutating func wake(_ context: StageContext) { refusals.tell(context) }

    mutating func finish(_ context: StageContext) {
        refusals.tell(context, isLast: true)
        letGo()
    }

    mutating func stopped() { letGo() }

    private func letGo() {
        server?.stop()
        desk?.close()
    }
}
