import Glibc
import PipeCore
import PipeGraph
import PipeKit

/// What a client may ask for. The table is what `help` answers, and docs/control.md explains it.
enum Verb: String, CaseIterable {
    case hello, help, snapshot, subscribe, why, item, draw, tap, cancel, log, stations, drain, stop

    var summary: String {
        switch self {
        case .hello: "Which run this is; over TCP with 'token'."
        case .help: "What can be asked for."
        case .snapshot: "All numbers of the run."
        case .subscribe: "The same as events, every 'every' seconds, 'count' times."
        case .why: "What limits the run, as seen over 'over' seconds from now."
        case .item: "What became of 'item': a source and a number, last, slowest or lost."
        case .draw: "The graph with its numbers, as 'format' dot or mermaid."
        case .tap: "Items of 'link' as events: 'count', 'every', 'where', 'picture'."
        case .cancel: "Ends the streams of the number 'stream'."
        case .log: "Sets the least 'level' that is told."
        case .stations: "Adds the stations 'add' and takes out 'remove', of 'stage' where several state some."
        case .drain: "Stops the sources; what is under way comes to its end."
        case .stop: "Ends the run at once."
        }
    }
}

extension ControlLoop {
    /// The run's numbers, and what they belong to.
    var status: JSON {
        let numbers = snapshots.numbers
        guard case .object(let members) = numbers.json(isWhole: true) else { return .null }
        return JSON.object(
            [
                .init("graph", .string(run.watched.graph.name)), .init("process", .integer(Int(getpid()))),
                .init("began", .number(run.watched.began)), .init("draining", .bool(run.watched.isDraining())),
                .init("balanced", .bool(numbers.imbalances(hasEnded: false).isEmpty)),
                .init("refused", .integer(refused)),
            ] + members
        )
    }
}

extension ControlPeer {
    func perform(_ request: Request) throws(Request.Refusal) {
        guard let verb = Verb(rawValue: request.verb) else {
            let closest = Suggestion.best(for: request.verb, among: Verb.allCases.map(\.rawValue))
            throw .message(
                "'\(request.verb.prefix(40))' is nothing that a run does",
                hint: closest.map { "did you mean '\($0)'?" } ?? "'help' lists what it does"
            )
        }
        let (id, run) = (request.id, loop.run)
        switch verb {
        case .hello:
            say(
                Answer.ok(
                    id,
                    [
                        "graph": .string(run.watched.graph.name), "process": .integer(Int(getpid())),
                        "version": .string(run.watched.version), "protocol": 1, "began": .number(run.watched.began),
                    ]
                )
            )
        case .help:
            say(Answer.ok(id, .object(Verb.allCases.map { JSON.Member($0.rawValue, .string($0.summary)) })))
        case .snapshot: say(Answer.ok(id, loop.status))
        case .subscribe:
            let interval = try request.seconds("every", 0.1...3600) ?? .seconds(1)
            try add(Subscription(id, every: interval, count: try request.count("count", 1...Int.max)))
        case .why:
            let time = try request.seconds("over", 0.1...600) ?? .seconds(2)
            try add(Examination(id, over: time, from: run.watched.numbers()))
        case .item: say(Answer.ok(id, try story(request).json))
        case .draw: say(Answer.ok(id, try drawing(request)))
        case .tap: try tap(request)
        case .cancel:
            guard let stream = request.arguments["stream"] else { throw .message("'stream' is missing") }
            guard cancel(stream) else { throw .message("there is no stream \(stream.text())") }
            say(Answer.ok(id, [:]))
        case .log:
            let names = LogLevel.allCases.map(\.rawValue)
            guard let level = try request.text("level").flatMap(LogLevel.init) else {
                throw .message("'level' is one of \(names.joined(separator: ", "))")
            }
            run.setLevel(level)
            say(Answer.ok(id, [:]))
        case .stations: try changeStations(request)
        case .drain:
            run.watched.drain()
            say(Answer.ok(id, [:]))
        case .stop:
            run.watched.stop()
            say(Answer.ok(id, [:]))
        }
    }

    private func story(_ request: Request) throws(Request.Refusal) -> ItemStory {
        guard let word = try request.text("item") else { throw .message("'item' is missing") }
        guard let choice = ItemChoice(word) else {
            throw .message(
                "'\(word.prefix(100))' is no item",
                hint: "write a source and a number, such as camera#371, or last, slowest or lost"
            )
        }
        let inside = loop.run.inside
        if let story = inside.story(of: choice) { return story }
        guard case .number(let source, let sequence) = choice else {
            throw .message(
                choice == .lost ? "none of those that are remembered was lost" : "nothing has come to a sink yet"
            )
        }
        let near = inside.followed(of: source, near: sequence)
        guard near.isEmpty else {
            let names = near.map { "\(source)#\($0)" }.joined(separator: ", ")
            throw .message(
                "nothing is known of \(word)",
                hint: "about two hundred items a second are followed: \(names)"
            )
        }
        let sources = loop.snapshots.numbers.stages.filter(\.isSource).map(\.fullName)
        throw .message(
            "nothing is known of items of '\(source)'",
            hint: Suggestion.best(for: source, among: sources).map { "did you mean '\($0)'?" }
                ?? "sources: \(sources.prefix(5).joined(separator: ", "))"
        )
    }

    private func drawing(_ request: Request) throws(Request.Refusal) -> JSON {
        let run = loop.run.watched
        let diagnosis = Diagnosis(run.graph, from: nil, to: run.numbers(), workers: run.workers)
        let live = LiveDrawing(loop.snapshots.numbers, limit: diagnosis.limit?.stage)
        switch try request.text("format") ?? "dot" {
        case "dot": return .string(run.graph.dot(live: live))
        case "mermaid": return .string(run.graph.mermaid(live: live))
        default: throw .message("'format' is dot or mermaid")
        }
    }

    private func tap(_ request: Request) throws(Request.Refusal) {
        guard let link = try request.text("link") else { throw .message("'link' is missing") }
        var wish = Tap.Wish(link: link)
        wish.count = try request.count("count", 1...Int.max)
        wish.interval = try request.seconds("every", 0...3600) ?? .zero
        wish.wantsPictures = try request.flag("picture")
        if let text = try request.text("where") { wish.condition = try expression(text) }
        guard let tap = Tap(request.id, wish, loop) else {
            let names = loop.snapshots.numbers.links.filter { !$0.isIntake }.map(\.name)
            let hint = Suggestion.best(for: link, among: names).map { "did you mean '\($0)'?" }
            throw .message(
                "there is no link '\(link.prefix(100))'",
                hint: hint ?? "one of \(names.prefix(5).map { "'\($0)'" }.joined(separator: ", "))"
            )
        }
        try add(tap)
    }

    private func expression(_ text: String) throws(Request.Refusal) -> Expression {
        let reader = Reader()
        let place = Place(file: 0, line: 1, column: 1, length: 1)
        guard let expression = Expression.read(Node(.scalar(text: text, style: .plain), at: place), reader) else {
            let finding = reader.diagnostics.all.first
            throw .message("'where' cannot be read: \(finding?.message ?? "")", hint: finding?.help)
        }
        return expression
    }

    private func changeStations(_ request: Request) throws(Request.Refusal) {
        let stage = try request.text("stage")
        let changes =
            try request.texts("add").map { StationChange($0, isAdded: true, stage: stage) }
            + (try request.texts("remove").map { StationChange($0, isAdded: false, stage: stage) })
        guard !changes.isEmpty else { throw .message("name stations to 'add' or 'remove'") }
        do {
            try loop.run.change(changes)
        } catch {
            throw .message("\(error)")
        }
        say(Answer.ok(request.id, [:]))
    }
}
