public import PipeCore

// The numbers of a run as JSON: for the report, for a page, for the control socket. `isWhole` adds what it takes to read
// them back as they were: the steps of each histogram, and what a table alone has no use for.
extension RunNumbers {
    /// All numbers, for whoever asks a run while it goes on.
    public func json(isWhole: Bool = false) -> JSON {
        .object([.init("seconds", .number(seconds))] + members(isWhole: isWhole))
    }

    var seconds: Double { rounded((at - .zero).seconds) }

    func members(isWhole: Bool) -> [JSON.Member] {
        [
            .init("stages", .array(stages.map { $0.json(isWhole) })),
            .init("links", .array(links.map { $0.json(isWhole) })),
            .init("paths", .array(paths.map { $0.json(isWhole) })),
        ]
    }

    /// Numbers that were written whole.
    public init(_ json: JSON) throws(NotNumbers) {
        let time = try json.number("seconds")
        self.init(at: .zero + .seconds(time), stages: [], links: [], paths: [])
        for stage in try json.list("stages") { stages.append(try StageNumbers(stage)) }
        for link in try json.list("links") { links.append(try LinkNumbers(link)) }
        for path in try json.list("paths") {
            paths.append(
                PathNumbers(
                    from: try path.text("source"),
                    to: try path.text("sink"),
                    latency: try Histogram(path["latency"])
                )
            )
        }
    }
}

/// What is no `RunNumbers`, by the member that is missing or wrong.
public struct NotNumbers: Error, Sendable {
    public let member: String
}

extension StageNumbers {
    fileprivate func json(_ isWhole: Bool) -> JSON {
        let whole: [JSON.Member] =
            isWhole
            ? [
                .init("source", .bool(isSource)), .init("sink", .bool(isSink)),
                .init("sent", .array(sent.map { .integer($0) })), .init("taken", .integer(books.in)),
            ] : []
        let json = JSON.compact([
            "name": .string(name),
            "station": station.isEmpty ? nil : .string(station),
            "state": .string(state.rawValue),
            "in": isSource ? nil : .integer(books.in),
            "out": .integer(out),
            "made": books.made > 0 ? .integer(books.made) : nil,
            "done": isSource && !isWhole ? nil : .integer(books.done),
            "dropped": books.dropped.json,
            "failed": .integer(books.failed),
            "held": .integer(books.held),
            "restarts": .integer(restarts),
            "stalls": stalls > 0 ? .integer(stalls) : nil,
            "busy_seconds": .number(rounded(busy.seconds)),
            "time": times.json,
            "copies": copies > 1 ? .integer(copies) : nil,
            "wait": wait.json(isWhole),
            "service": service.json(isWhole),
            "failure": failure.map { .string($0) },
            "progress": progress.map { ["done": .integer($0.done), "total": .integer($0.total)] },
            "pace": pace.map { .number($0) },
        ])
        return json.with(whole)
    }

    fileprivate init(_ json: JSON) throws(NotNumbers) {
        guard let state = State(rawValue: try json.text("state")) else { throw NotNumbers(member: "state") }
        self.init(
            name: try json.text("name"),
            station: try json.text("station", or: ""),
            isSource: json["source"] == true,
            isSink: json["sink"] == true,
            state: state
        )
        books.in = try json.count("taken")
        books.done = try json.count("done")
        books.dropped = try DropCounts(json["dropped"])
        books.failed = try json.count("failed")
        books.held = try json.count("held")
        books.made = try json.count("made", or: 0)
        for number in try json.list("sent") {
            guard case .integer(let number) = number else { throw NotNumbers(member: "sent") }
            sent.append(number)
        }
        books.sent = sent.reduce(0, &+)
        restarts = try json.count("restarts")
        stalls = try json.count("stalls", or: 0)
        busy = .seconds(try json.number("busy_seconds"))
        times = try StageTimes(json["time"] ?? .null)
        wait = try Histogram(json["wait"])
        service = try Histogram(json["service"])
        failure = json["failure"]?.string
        if let json = json["progress"] { progress = Progress(try json.count("done"), of: try json.count("total")) }
        if json["pace"] != nil { pace = try json.number("pace") }
        copies = try json.count("copies", or: 1)
    }
}

extension StageTimes {
    /// In seconds.
    fileprivate var json: JSON {
        [
            "working": .number(rounded(working.seconds)), "ready": .number(rounded(ready.seconds)),
            "blocked": .number(rounded(blocked.seconds)), "idle": .number(rounded(idle.seconds)),
        ]
    }

    fileprivate init(_ json: JSON) throws(NotNumbers) {
        self.init()
        working = .seconds(try json.number("working"))
        ready = .seconds(try json.number("ready"))
        blocked = .seconds(try json.number("blocked"))
        idle = .seconds(try json.number("idle"))
    }
}

extension LinkNumbers {
    fileprivate func json(_ isWhole: Bool) -> JSON {
        let json = JSON.compact([
            "name": .string(name),
            "station": station.isEmpty ? nil : .string(station),
            "in": .integer(books.in),
            "out": .integer(books.out),
            "dropped": books.dropped.json,
            "held": .integer(books.held),
            "capacity": .integer(capacity),
        ])
        guard isWhole else { return json }
        return json.with([
            .init("from", .array([.integer(from.stage), .integer(from.port)])),
            .init("to", .array([.integer(to.stage), .integer(to.port)])),
            .init("intake", .bool(isIntake)), .init("bytes", .integer(bytes)), .init("ended", .bool(isEnded)),
        ])
    }

    fileprivate init(_ json: JSON) throws(NotNumbers) {
        func end(_ name: String) throws(NotNumbers) -> LinkPlan.End {
            guard case .array(let parts)? = json[name], parts.count == 2, case .integer(let stage) = parts[0],
                case .integer(let port) = parts[1]
            else { throw NotNumbers(member: name) }
            return LinkPlan.End(stage: stage, port: port)
        }
        self.init(
            name: try json.text("name"),
            station: try json.text("station", or: ""),
            from: try end("from"),
            to: try end("to"),
            isIntake: json["intake"] == true
        )
        books.in = try json.count("in")
        books.out = try json.count("out")
        books.dropped = try DropCounts(json["dropped"])
        books.held = try json.count("held")
        capacity = try json.count("capacity")
        bytes = try json.count("bytes")
        isEnded = json["ended"] == true
    }
}

extension PathNumbers {
    fileprivate func json(_ isWhole: Bool) -> JSON {
        .compact(["source": .string(source), "sink": .string(sink), "latency": latency.json(isWhole)])
    }
}

extension DropCounts {
    fileprivate var json: JSON { .object(nonZero.map { JSON.Member($0.reason.rawValue, .integer($0.count)) }) }

    fileprivate init(_ json: JSON?) throws(NotNumbers) {
        self.init()
        guard case .object(let members)? = json else { throw NotNumbers(member: "dropped") }
        for member in members {
            // A reason that a later version knows is left out: the table then shows less, and nothing wrong.
            guard let reason = DropReason(rawValue: member.key) else { continue }
            guard case .integer(let number) = member.value else { throw NotNumbers(member: "dropped") }
            self[reason] = number
        }
    }
}

extension Histogram {
    /// In seconds.
    fileprivate func json(_ isWhole: Bool) -> JSON? {
        guard count > 0 else { return nil }
        func seconds(_ share: Double) -> JSON { .number(rounded(quantile(share)?.seconds ?? 0)) }
        let json: JSON = [
            "count": .integer(count), "mean": .number(rounded(mean?.seconds ?? 0)), "p50": seconds(0.5),
            "p95": seconds(0.95), "p99": seconds(0.99), "p999": seconds(0.999),
            "max": .number(rounded(Duration.nanoseconds(most).seconds)),
        ]
        guard isWhole else { return json }
        let steps = steps.map { JSON.array([.integer($0.step), .integer($0.count)]) }
        return json.with([.init("sum", .integer(sum)), .init("most", .integer(most)), .init("steps", .array(steps))])
    }

    fileprivate init(_ json: JSON?) throws(NotNumbers) {
        guard let json else {
            self.init()
            return
        }
        var steps: [(step: Int, count: Int)] = []
        for pair in try json.list("steps") {
            guard case .array(let parts) = pair, parts.count == 2, case .integer(let step) = parts[0],
                case .integer(let count) = parts[1]
            else { throw NotNumbers(member: "steps") }
            steps.append((step, count))
        }
        guard let read = Histogram(steps: steps, sum: try json.count("sum"), most: try json.count("most")) else {
            throw NotNumbers(member: "steps")
        }
        self = read
    }
}

/// To nanoseconds: what is behind them is no knowledge.
func rounded(_ seconds: Double) -> Double { (seconds * 1e9).rounded() / 1e9 }

extension JSON {
    fileprivate func text(_ name: String, or other: String? = nil) throws(NotNumbers) -> String {
        guard let text = self[name]?.string ?? other else { throw NotNumbers(member: name) }
        return text
    }

    fileprivate func count(_ name: String, or other: Int? = nil) throws(NotNumbers) -> Int {
        if case .integer(let number)? = self[name] { return number }
        guard self[name] == nil, let other else { throw NotNumbers(member: name) }
        return other
    }

    fileprivate func number(_ name: String) throws(NotNumbers) -> Double {
        switch self[name] {
        case .number(let number)? where number.isFinite: return number
        case .integer(let number)?: return Double(number)
        default: throw NotNumbers(member: name)
        }
    }

    fileprivate func list(_ name: String) throws(NotNumbers) -> [JSON] {
        guard case .array(let values)? = self[name] else { throw NotNumbers(member: name) }
        return values
    }
}
