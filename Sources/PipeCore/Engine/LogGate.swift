/// Something that a stage or the engine tells.
public struct LogEntry: Sendable {
    /// Since the run began.
    public let at: Instant
    public let level: LogLevel
    /// The stage copy that says it; empty for the engine.
    public let stage: String
    public let message: String
    /// The item that it is about.
    public var item: (source: String, sequence: Int)?
    /// Entries of the same place in the code that were left out since the one before.
    public var leftOut = 0

    init(at: Instant, _ level: LogLevel, _ stage: String, _ message: String) {
        self.at = at
        self.level = level
        self.stage = stage
        self.message = message
    }
}

/// Lets a place in a stage's code say something ten times in ten seconds: a stage that fails on each of ten thousand items
/// tells it once, in effect, and how often.
struct LogGate {
    /// A place in the code: where its file's name stands in memory, and the line.
    struct Place: Hashable {
        private let file: UInt
        private let line: UInt

        init(_ file: StaticString, _ line: UInt) {
            self.file = file.hasPointerRepresentation ? UInt(bitPattern: file.utf8Start) : 0
            self.line = line
        }
    }

    private struct Site {
        var begin: Int
        var told = 0
        var leftOut = 0
    }

    private var sites: [Place: Site] = [:]
    private static let most = 10
    private static let window = 10_000_000_000
    private static let mostSites = 256

    /// Whether an entry may pass, and how many before it did not.
    mutating func passes(_ site: Place, now: Int) -> (Bool, leftOut: Int) {
        if sites[site] == nil, sites.count >= Self.mostSites { sites.removeAll() }
        var entry = sites[site] ?? Site(begin: now)
        defer { sites[site] = entry }
        let isOver = now - entry.begin >= Self.window
        let leftOut = isOver ? entry.leftOut : 0
        if isOver { entry = Site(begin: now) }
        guard entry.told < Self.most else {
            entry.leftOut += 1
            return (false, 0)
        }
        entry.told += 1
        return (true, leftOut)
    }

    /// What was left out and not told yet.
    var untold: Int { sites.values.reduce(0) { $0 + $1.leftOut } }
}
