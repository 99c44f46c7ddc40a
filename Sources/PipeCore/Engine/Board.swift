/// What stages show to those who watch a run: a panel for each that shows something. It is bounded, and nobody who looks at
/// it holds up the stage that writes. There is one on virtual time as well, so that tests see what a page would show.
public final class Board: @unchecked Sendable {  // what changes is guarded by `lock`
    private let lock = Lock()
    private var all: [Panel] = []
    private var told: (@Sendable () -> Void)?

    public init() {}

    /// The panels, in the order in which they were put up.
    public var panels: [Panel] { lock.locked { all } }

    /// The panel of a stage copy. One that is started anew goes on with its own.
    public func panel(_ name: String, _ setup: Panel.Setup) -> Panel {
        lock.locked {
            if let known = all.first(where: { $0.name == name && $0.setup == setup }) { return known }
            all.removeAll { $0.name == name }
            let panel = Panel(name, setup) { [weak self] in self?.tell() }
            all.append(panel)
            return panel
        }
    }

    /// Who is told when a panel has something new: on the thread of the stage, so it must not wait.
    public func watch(_ told: (@Sendable () -> Void)?) { lock.locked { self.told = told } }

    private func tell() { lock.locked { told }?() }
}

/// What one stage copy shows: its latest picture, or its last documents.
public final class Panel: @unchecked Sendable {  // what changes is guarded by `lock`
    public struct Setup: Sendable, Hashable {
        public var title: String
        /// A path of its own under which a server gives it, beside the one that it has by its name.
        public var path: String?
        public var form = Form.events
        /// The names of the numbers that are plotted, in the order of an entry's.
        public var series: [String] = []
        /// Documents that are kept, and the most bytes of them.
        public var keep = 600
        public var maxBytes = ByteCount.mebibytes(4)

        public init(title: String) { self.title = title }
    }

    /// How documents are served under a panel's own path.
    public enum Form: String, Sendable {
        /// One event each.
        case events
        /// Twice a second all that is plotted, with its times.
        case telemetry
    }

    public enum Content: Sendable {
        /// A picture as a file holds it: the first bytes of a buffer that nobody writes any more.
        case picture(PooledBuffer, count: Int, type: String)
        /// The text of a JSON value, and the numbers of it that are plotted.
        case document([UInt8], numbers: [Double?])
    }

    /// One item that was shown. Entries are numbered from 1.
    public struct Entry: Sendable {
        public let number: Int
        /// When it was captured: seconds since 1970.
        public let date: Double
        /// From capture until it was shown.
        public let age: Duration
        public let content: Content
    }

    public let name: String
    public let setup: Setup
    private let lock = Lock()
    private let tell: @Sendable () -> Void
    /// What is kept stands from `head` on; the places before it are empty, and go many at once.
    private var places: [Entry?] = []
    private var head = 0
    private var bytes = 0
    private var shown = 0

    init(_ name: String, _ setup: Setup, tell: @escaping @Sendable () -> Void) {
        self.name = name
        self.setup = setup
        self.tell = tell
    }

    /// Shows something; what finds no room any more goes, the oldest first. A picture takes the place of all before it.
    public func show(_ content: Content, date: Double, age: Duration) {
        lock.locked {
            shown += 1
            if case .picture = content { while kept > 0 { dropOldest() } }
            places.append(Entry(number: shown, date: date, age: age, content: content))
            bytes += content.byteCount
            while kept > setup.keep || (bytes > setup.maxBytes.bytes && kept > 1) { dropOldest() }
            if head > 64, head > places.count / 2 {
                places.removeFirst(head)
                head = 0
            }
        }
        tell()
    }

    private var kept: Int { places.count - head }

    private func dropOldest() {
        bytes -= places[head]?.content.byteCount ?? 0
        places[head] = nil
        head += 1
    }

    /// How many were shown since the run began.
    public var count: Int { lock.locked { shown } }
    public var latest: Entry? { lock.locked { places.last ?? nil } }

    /// Those that are kept and came after a number, the oldest first, `limit` at most; and how many in between are gone.
    public func entries(after number: Int, limit: Int = .max) -> (entries: [Entry], missed: Int) {
        lock.locked {
            guard kept > 0, number < shown else { return ([], 0) }
            let first = shown - kept + 1
            let begin = head + max(0, number + 1 - first)
            return (places[begin...].prefix(limit).compactMap { $0 }, max(0, first - 1 - number))
        }
    }
}

extension Panel.Content {
    var byteCount: Int {
        switch self {
        case .picture(_, let count, _): count
        case .document(let text, let numbers): text.count + 16 * numbers.count
        }
    }
}
