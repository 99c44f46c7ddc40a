/// What a stage may ask of the engine while it is called. It is valid for the call only.
public struct StageContext {
    @usableFromInline let cell: UnsafeMutablePointer<Cell>
    unowned(unsafe) let node: Node

    init(cell: UnsafeMutablePointer<Cell>, node: Node) {
        self.cell = cell
        self.node = node
    }

    /// The time of this step: since the run began, real or virtual.
    @inlinable public var now: Instant { Instant(nanoseconds: cell.pointee.now) }
    /// The same as a date: seconds since 1970. A test may make it jump; `now` never does.
    public var date: Double { node.date(of: now) }
    public func date(of instant: Instant) -> Double { node.date(of: instant) }

    /// Which input the item came by, in the order of declaration.
    @inlinable public var input: Int { cell.pointee.input }
    public var stage: String { node.setup.name }
    public var station: String { node.setup.station }
    /// The name of the stage copy that an item began at.
    public func source(_ header: Header) -> String { node.sourceName(header.source) }

    // MARK: The fate of items

    /// Leaves an item out, on purpose.
    @inlinable
    public func drop<Carried>(_ item: consuming Item<Carried>, _ reason: DropReason = .notChosen) {
        drop(item.header, reason)
    }

    public func drop(_ header: Header, _ reason: DropReason = .notChosen) {
        node.drop(header, reason)
    }

    /// The stage keeps the item it is working on: it is counted as held until it is released.
    public func keep() {
        precondition(cell.pointee.open > 0, "'\(stage)' keeps an item that it does not have")
        cell.pointee.close(1)
        cell.pointee.kept += 1
    }

    /// Items that were kept are in the stage's hands again: those that are neither sent nor dropped nor kept before the
    /// call returns are used up. Replicas keep the order of a key as long as items are released in the order in which
    /// they were kept.
    public func release(_ count: Int = 1) {
        precondition(cell.pointee.kept >= count, "'\(stage)' releases \(count) items and keeps \(cell.pointee.kept)")
        cell.pointee.reopen(count)
        node.lane?.release(count)
    }

    /// The stage could not do its work on an item: counted as failed, and set aside where `on_error` says so. What else
    /// the call has in hand goes on.
    public func fail<Carried>(_ item: consuming Item<Carried>, _ error: any Error) {
        precondition(cell.pointee.open > 0, "'\(stage)' fails on an item that it does not have")
        if cell.pointee.savesItems {
            cell.pointee.forget()
            cell.pointee.saved.initialize(to: Slot(header: item.header))
            item.payload.put(into: cell.pointee.saved)
            cell.pointee.hasSaved = true
        }
        if cell.pointee.leavesGaps || cell.pointee.carries { cell.pointee.current = item.header }
        node.failed(1, error)
        cell.pointee.forget()
    }

    /// Items in the stage's hands could not be worked on: counted as failed, under the stage's `on_error`.
    public func fail(_ count: Int, _ error: any Error) {
        precondition(cell.pointee.open >= count, "'\(stage)' fails on \(count) items and has \(cell.pointee.open)")
        node.failed(count, error)
    }

    /// What came from outside was not fit to become an item: it counts as taken in and failed.
    public func reject(_ count: Int = 1) {
        cell.pointee.taken += counted(count, .rejectedArrival)
        cell.pointee.failed += counted(count, .rejected)
    }

    /// The stage cannot go on. This instance takes nothing more; `restart` says whether another one follows.
    public func die(_ error: any Error) { node.die(error) }

    /// How often the stage has been started anew.
    public var restarts: Int { node.restartCount }

    /// Says how far a source has got: of its items, bytes, files. Who watches the run sees percent and the time that is left.
    public func progress(_ done: Int, of total: Int) { node.progress = Progress(done, of: total) }

    // MARK: Time

    /// Asks to be called at a time; the earliest time asked for holds.
    public func wake(at time: Instant) { cell.pointee.wake = min(cell.pointee.wake, time.nanoseconds) }
    public func wake(after duration: Duration) { wake(at: now + duration) }

    /// The stage takes nothing more before this time has passed.
    public func busy(for duration: Duration) {
        cell.pointee.busyUntil = (now + duration).nanoseconds
        cell.pointee.stops = true
    }

    /// Takes nothing from an input until it is resumed.
    public func pause(input: Int) { node.pause(input, true) }
    public func resume(input: Int) { node.pause(input, false) }
    public func pauseInputs() { for input in 0..<node.setup.inputs { pause(input: input) } }
    public func resumeInputs() { for input in 0..<node.setup.inputs { resume(input: input) } }

    /// Takes so many items in a step at most. What a stage has taken is bounded by its links no more: one that keeps large
    /// items says 1.
    public func take(atMost count: Int) { node.stepLimit = max(1, min(count, Node.batch)) }

    // MARK: The world

    /// Does blocking work outside; its result comes back to `completed` under the same token. While it goes on the stage
    /// does not end.
    public func submit(
        _ token: Int = 0,
        _ effort: Effort = Effort(),
        _ work: @escaping @Sendable () throws -> any Sendable
    ) {
        node.submit(token, effort, work)
    }

    /// Waits outside for what the world may do or not: a file that grows, a peer that calls. That it did comes back to
    /// `completed` under the same token. On virtual time it never does. `stopped` must bring the work to its end.
    public func waitForWorld(_ token: Int = 0, _ work: @escaping @Sendable () throws -> any Sendable) {
        node.submit(token, Effort(), waitsForWorld: true, work)
    }

    /// A way in for a thread of the stage's own: a camera's, a socket's.
    public func intake(_ policy: LinkPolicy) -> Intake { node.intake(policy) }

    /// Tells how many items wait in the links of an input. It may be asked from any thread, at any time: by who answers
    /// questions while the stage is not stepped.
    public func waiting(input: Int) -> @Sendable () -> Int {
        let links = node.inputs.filter { $0.port == input }.map(\.link.object)
        return { links.reduce(0) { $0 + $1.heldItems } }
    }

    /// Whether the run is on virtual time, where there is no world: what would call a peer plays it.
    public var isSimulated: Bool { !node.runner.isRealTime }

    /// Files as this run has them: on disk, or in memory in a test.
    public var files: any FileStore { node.files }

    /// A panel on which this stage copy shows what it has to those who watch the run.
    public func panel(_ setup: Panel.Setup) -> Panel { node.engine.options.board.panel(node.setup.fullName, setup) }

    /// Chance, repeatable from the run's seed.
    public func random<Value>(_ draw: (inout RandomSource) -> Value) -> Value { draw(&cell.pointee.random) }

    /// Tells something, about an item where it is about one. What is said at one place of the code more than ten times in ten
    /// seconds is counted, and left out.
    public func log(
        _ level: LogLevel,
        _ message: String,
        about item: Header? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        node.log(level, message, about: item, file: file, line: line)
    }
}

/// How hard an operation is tried.
public struct Effort: Sendable, Hashable {
    /// How long one attempt may take.
    public var deadline: Duration
    public var attempts: Int
    /// The wait before the second attempt; it doubles with each.
    public var backoff: Duration

    public init(deadline: Duration = .seconds(60), attempts: Int = 1, backoff: Duration = .milliseconds(100)) {
        self.deadline = deadline
        self.attempts = attempts
        self.backoff = backoff
    }
}

public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    /// For those who work on pipe.
    case debug
    /// Something began, ended or changed.
    case info
    /// Unexpected, and nothing was lost.
    case warning
    /// Data was lost, or a person is needed.
    case error

    public static func < (a: LogLevel, b: LogLevel) -> Bool {
        allCases.firstIndex(of: a) ?? 0 < allCases.firstIndex(of: b) ?? 0
    }
}

/// Where stages write files.
public protocol FileStore: Sendable {
    /// Opens a file to append to it, with its directory; `exclusive` fails where there is one, `fresh` empties it.
    func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile
    func rename(_ path: String, to other: String) throws
    /// Gives a file another name, unless a file has that: false then, and nothing has changed.
    func place(_ path: String, at other: String) throws -> Bool
    func remove(_ path: String) throws
    /// What stands in a directory, by name; nothing where there is no such directory.
    func list(_ directory: String) throws -> [FileEntry]
}

public struct FileEntry: Sendable, Hashable {
    public let name: String
    /// Of a file; 0 of anything else.
    public let size: Int
    public let isDirectory: Bool

    public init(name: String, size: Int, isDirectory: Bool) {
        (self.name, self.size, self.isDirectory) = (name, size, isDirectory)
    }
}

public enum FileOpening: Sendable {
    case append, fresh, exclusive
}

public protocol AppendableFile: Sendable {
    var size: Int { get throws }
    /// Writes all, or throws; what was written of it before a failure is taken back.
    func append(_ bytes: [UInt8]) throws
    /// Writes over bytes that it holds already: a header that counts what follows it.
    func overwrite(_ bytes: [UInt8], at offset: Int) throws
    func sync() throws
    func close() throws
}
