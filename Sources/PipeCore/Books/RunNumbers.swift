/// All numbers of a run at one moment. The table, the report, the tests and whatever shows numbers later read this one
/// type, so that no two of them can disagree.
public struct RunNumbers: Sendable {
    public var at: Instant
    public var stages: [StageNumbers]
    public var links: [LinkNumbers]
    public var paths: [PathNumbers]

    public init(at: Instant, stages: [StageNumbers], links: [LinkNumbers], paths: [PathNumbers]) {
        self.at = at
        self.stages = stages
        self.links = links
        self.paths = paths
    }
}

/// One link, or several copies of one taken together.
public struct LinkNumbers: Sendable, Hashable {
    public var name: String
    public var station: String
    public var from: LinkPlan.End
    public var to: LinkPlan.End
    /// The way in for a thread of a source's own: it leads from outside to the source, which both ends name.
    public var isIntake: Bool
    public var books: LinkBooks
    public var capacity: Int
    public var bytes: Int
    public var isEnded: Bool
    /// What its sender had sent when the link began, and when it was cut: stations come and go.
    public var sentBefore = 0
    public var sentUntil: Int?
}

/// One stage copy, or all copies of a stage taken together.
public struct StageNumbers: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case running
        /// Its output has no room.
        case blocked
        /// It failed, and waits to be started anew.
        case restarting
        /// It has had no item for longer than `expect_item_within`.
        case stalled
        case ended
        /// It failed for good.
        case failed
    }

    public var name: String
    public var station: String
    public var isSource: Bool
    public var isSink: Bool
    public var state: State
    public var books: StageBooks
    /// Items sent by each output.
    public var sent: [Int]
    public var restarts: Int
    public var stalls: Int
    /// Time that it worked.
    public var busy: Duration
    /// What all of its time was spent on.
    public var times: StageTimes
    /// Copies that share its work: replicas, and stations where they are taken together.
    public var copies = 1
    /// From being sent to being taken.
    public var wait: Histogram
    /// The work on one item.
    public var service: Histogram
    /// How it failed last.
    public var failure: String?
    /// How far a source has got, if it knows its end.
    public var progress: Progress?
    /// Items a second that a source would make if nothing held it up; nil where it does not pace itself.
    public var pace: Double?

    /// Items that came out of it: those sent, or for a sink those it is done with.
    public var out: Int { isSink ? books.done : books.sent }
}

/// What the time of a stage copy went to; of several copies the sum.
public struct StageTimes: Sendable, Hashable {
    /// Nothing had come for it; a source waited for its time, or for the world.
    public var idle = Duration.zero
    /// Something was to be done, and no worker was free.
    public var ready = Duration.zero
    /// Its outputs had no room.
    public var blocked = Duration.zero
    /// It worked, or waited for what it had begun.
    public var working = Duration.zero

    public init() {}

    public var total: Duration { idle + ready + blocked + working }

    public static func += (a: inout StageTimes, b: StageTimes) {
        a.idle += b.idle
        a.ready += b.ready
        a.blocked += b.blocked
        a.working += b.working
    }

    /// What came since an earlier look.
    public static func - (a: StageTimes, b: StageTimes) -> StageTimes {
        var result = StageTimes()
        result.idle = max(.zero, a.idle - b.idle)
        result.ready = max(.zero, a.ready - b.ready)
        result.blocked = max(.zero, a.blocked - b.blocked)
        result.working = max(.zero, a.working - b.working)
        return result
    }
}

/// How much of its work a source has done: of its items, bytes, files.
public struct Progress: Sendable, Hashable {
    public var done: Int
    public var total: Int

    public init(_ done: Int, of total: Int) {
        self.done = done
        self.total = total
    }

    public var share: Double { total > 0 ? min(1, max(0, Double(done) / Double(total))) : 1 }

    static func += (a: inout Progress, b: Progress) {
        a.done += b.done
        a.total += b.total
    }
}

/// From capture at a source to arrival at a sink.
public struct PathNumbers: Sendable, Hashable {
    public var source: String
    public var sink: String
    public var latency: Histogram
}

// Numbers that were taken elsewhere begin empty.
extension StageNumbers {
    public init(name: String, station: String, isSource: Bool, isSink: Bool, state: State) {
        self.init(
            name: name,
            station: station,
            isSource: isSource,
            isSink: isSink,
            state: state,
            books: StageBooks(),
            sent: [],
            restarts: 0,
            stalls: 0,
            busy: .zero,
            times: StageTimes(),
            wait: Histogram(),
            service: Histogram()
        )
    }
}

extension LinkNumbers {
    public init(name: String, station: String, from: LinkPlan.End, to: LinkPlan.End, isIntake: Bool) {
        self.init(
            name: name,
            station: station,
            from: from,
            to: to,
            isIntake: isIntake,
            books: LinkBooks(),
            capacity: 0,
            bytes: 0,
            isEnded: false
        )
    }
}

extension PathNumbers {
    public init(from source: String, to sink: String, latency: Histogram) {
        self.init(source: source, sink: sink, latency: latency)
    }
}

extension RunNumbers {
    /// Where the books do not add up, in words: nothing, or the engine is wrong.
    ///
    /// While a run goes on, each link and each stage is balanced in itself, and a source has sent what it has made. When
    /// it has ended, what a stage has sent is what its links got, and what its links gave is what the stage took.
    public func imbalances(hasEnded: Bool) -> [String] {
        var found: [String] = []
        for link in links where !link.books.isBalanced {
            let books = link.books
            found.append(
                "link \(link.fullName): in \(books.in), but out \(books.out) + dropped \(books.dropped.total)"
                    + " + held \(books.held)"
            )
        }
        for stage in stages where !stage.books.isBalanced {
            let books = stage.books
            found.append(
                "stage \(stage.fullName): in \(books.in), but done \(books.done) + dropped \(books.dropped.total)"
                    + " + failed \(books.failed) + held \(books.held)"
            )
        }
        for stage in stages where stage.isSource && stage.books.made != stage.books.sent {
            found.append("source \(stage.fullName): made \(stage.books.made), but sent \(stage.books.sent)")
        }
        guard hasEnded else { return found }
        var taken = [Int](repeating: 0, count: stages.count)
        for link in links where !link.isIntake {
            taken[link.to.stage] += link.books.out
            let sent = (link.sentUntil ?? stages[link.from.stage].sent[link.from.port]) - link.sentBefore
            if link.books.in != sent {
                found.append("link \(link.fullName): in \(link.books.in), but its sender sent \(sent)")
            }
        }
        for (index, stage) in stages.enumerated() where !stage.isSource && stage.books.in != taken[index] {
            found.append("stage \(stage.fullName): in \(stage.books.in), but its links gave \(taken[index])")
        }
        return found
    }

    /// How far the run has got: as far as the slowest of its sources; nil where one of them has no end that it knows.
    public var progress: Double? {
        var least = 1.0
        for source in stages where source.isSource && ![.ended, .failed].contains(source.state) {
            guard let share = source.progress?.share else { return nil }
            least = min(least, share)
        }
        return least
    }

    /// The copies of each stage and each link taken together.
    public var merged: RunNumbers {
        var result = RunNumbers(at: at, stages: [], links: [], paths: [])
        var places: [String: Int] = [:]
        for stage in stages {
            if let place = places[stage.name] {
                result.stages[place].add(stage)
            } else {
                places[stage.name] = result.stages.count
                result.stages.append(stage)
                result.stages[result.stages.count - 1].station = ""
            }
        }
        places = [:]
        for link in links {
            if let place = places[link.name] {
                result.links[place].add(link)
            } else {
                places[link.name] = result.links.count
                result.links.append(link)
                result.links[result.links.count - 1].station = ""
            }
        }
        places = [:]
        for path in paths {
            func name(_ text: String) -> String { String(text.prefix { $0 != "/" }) }
            let (source, sink) = (name(path.source), name(path.sink))
            if let place = places["\(source)/\(sink)"] {
                result.paths[place].latency += path.latency
            } else {
                places["\(source)/\(sink)"] = result.paths.count
                result.paths.append(PathNumbers(source: source, sink: sink, latency: path.latency))
            }
        }
        return result
    }
}

extension LinkNumbers {
    public var fullName: String { station.isEmpty ? name : "\(name)/\(station)" }
    fileprivate mutating func add(_ other: LinkNumbers) {
        books += other.books
        capacity += other.capacity
        bytes += other.bytes
        isEnded = isEnded && other.isEnded
    }
}

extension StageNumbers {
    public var fullName: String { station.isEmpty ? name : "\(name)/\(station)" }

    mutating func add(_ other: StageNumbers) {
        if other.state.weight > state.weight { state = other.state }
        books += other.books
        for port in sent.indices where port < other.sent.count { sent[port] += other.sent[port] }
        restarts += other.restarts
        stalls += other.stalls
        busy += other.busy
        times += other.times
        copies += other.copies
        wait += other.wait
        service += other.service
        failure = failure ?? other.failure
        if let more = other.pace, let mine = pace { pace = mine + more } else { pace = nil }
        if let more = other.progress, progress != nil { progress? += more } else { progress = nil }
    }
}

extension StageNumbers.State {
    /// Of several copies the one that a person should know of.
    fileprivate var weight: Int {
        switch self {
        case .ended: 0
        case .running: 1
        case .blocked: 2
        case .stalled: 3
        case .restarting: 4
        case .failed: 5
        }
    }
}
