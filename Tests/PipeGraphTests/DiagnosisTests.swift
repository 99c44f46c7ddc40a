import Basics
import Glibc
import PipeCore
import PipeGraph
import PipeKit
import Testing

/// Forty graphs in each of which something limits what gets through, and what would help.
struct DiagnosisTests {
    /// In how many graphs the planted limit is named, and how many predictions are within a fifth of what the change brings.
    @Test func limitsAreNamedAndGainsForetold() throws {
        var (named, foretold) = (0, 0)
        var misses: [String] = []
        for planted in PlantedLimit.all {
            let (found, before) = try planted.simulatedRun(planted.before)
            let (_, after) = try planted.simulatedRun(planted.after)
            let isNamed = found.limit?.stage == planted.stage
            named += isNamed ? 1 : 0
            let fix = found.fixes.first { $0.change.contains(planted.fix) }
            let measured = after / before
            let isForetold = fix.map { abs($0.gain / measured - 1) <= 0.2 } ?? false
            foretold += isForetold ? 1 : 0
            if !isNamed || !isForetold {
                misses.append(
                    "\(planted.name): \(found.limit?.stage ?? "nothing"), gain \(fix?.gain ?? 0), measured \(measured)"
                )
            }
        }
        #expect(PlantedLimit.all.count == 40)
        #expect(named >= 39, "\(named) of 40 limits are named:\n\(misses.joined(separator: "\n"))")
        #expect(foretold >= 36, "\(foretold) of 40 gains are foretold:\n\(misses.joined(separator: "\n"))")
    }

    /// The same for every fourth of them on real time, where a gain is what two runs of two seconds say.
    @Test(.enabled(if: getenv("PIPE_LONG_TESTS") != nil))
    func realRunsAreJudgedAlike() throws {
        var misses: [String] = []
        let chosen = stride(from: 0, to: 40, by: 4).map { PlantedLimit.all[$0] }
        for planted in chosen {
            let (found, before) = try planted.realRun(planted.before)
            let (_, after) = try planted.realRun(planted.after)
            let fix = found.fixes.first { $0.change.contains(planted.fix) }
            let gain = fix?.gain ?? 0
            if found.limit?.stage != planted.stage || abs(gain / (after / before) - 1) > 0.2 {
                misses.append(
                    "\(planted.name): \(found.limit?.stage ?? "nothing"), gain \(gain), measured \(after / before)"
                )
            }
        }
        #expect(misses.count <= 3, "\(misses.joined(separator: "\n"))")
    }

    @Test func aRunThatIsNotHeldUpSaysSo() throws {
        let easy = PlantedLimit("easy", "slow", "", before: .init(rate: 20, slow: 5), after: .init(rate: 20, slow: 5))
        let found = try easy.simulatedRun(easy.before).0
        #expect(found.limit?.kind == .source)
        #expect(found.limit?.stage == "source")
        #expect(
            found.sentences.first == "Nothing holds the items up: 'source' brings 20/s, and all of them get through."
        )
    }

    @Test func sentencesSayWhatToDo() throws {
        let found = try PlantedLimit.all[0].simulatedRun(PlantedLimit.all[0].before).0
        let text = found.sentences.joined(separator: "\n")
        #expect(text.contains("'slow' limits the run: it works 100 % of the time"), "\(text)")
        #expect(text.contains("slow: { replicas: 2 }: 2 times as much"), "\(text)")
    }
}

/// A graph with a limit, and the same with that mended.
private struct PlantedLimit {
    /// A source, a stage before the limit, the limit, one behind it, and the end.
    struct Shape {
        var rate = 100
        var keys = ""
        var first = 1
        var slow = 20
        var replicas = 1
        var last = 1
        var policy = "block"
        var limit = "fault"
        var batch: Int?
        var linkRate: Int?
        var sink = 0

        var text: String {
            var slowOptions = "delay: \(slow)ms"
            var type = "fault"
            switch limit {
            case "throttle": (type, slowOptions) = ("throttle", "rate: \(slow)/s")
            case "per_key": (type, slowOptions) = ("throttle", "rate: \(slow)/s, per_key: true")
            case "model": (type, slowOptions) = ("model", "call: \(slow)ms, item: 1ms")
            default: break
            }
            let replicas = replicas > 1 ? ", replicas: \(replicas)" : ""
            var link = "when_full: \(policy)"
            if policy != "latest" { link += ", capacity: 16" }
            if let linkRate { link += ", rate: \(linkRate)/s" }
            let batcher = batch.map { "\n  gather: { type: batch, from: first, count: \($0), window: 1h }" } ?? ""
            return """
                pipe: 1
                name: planted
                stages:
                  source: { type: generate, rate: \(rate)/s\(keys.isEmpty ? "" : ", keys: [\(keys)]") }
                  first: { type: fault, delay: \(first)ms, from: source }\(batcher)
                  slow: { type: \(type), \(slowOptions)\(replicas), from: { \(batch == nil ? "first" : "gather"): { \(link) } } }
                  last: { type: fault, delay: \(last)ms, from: slow }
                  end: { type: slow_sink, delay: \(sink)ms, from: last }
                """
        }
    }

    let name: String
    /// What is to be named.
    let stage: String
    /// What is to be found among the changes that are proposed.
    let fix: String
    let before: Shape
    let after: Shape

    init(_ name: String, _ stage: String, _ fix: String, before: Shape, after: Shape) {
        (self.name, self.stage, self.fix, self.before, self.after) = (name, stage, fix, before, after)
    }

    init(_ name: String, _ stage: String, _ fix: String, _ before: Shape, _ change: (inout Shape) -> Void) {
        var after = before
        change(&after)
        self.init(name, stage, fix, before: before, after: after)
    }

    static let all: [PlantedLimit] = {
        var all: [PlantedLimit] = []
        func add(_ name: String, _ stage: String, _ fix: String, _ before: Shape, _ change: (inout Shape) -> Void) {
            all.append(PlantedLimit(name, stage, fix, before, change))
        }
        // A slow stage: the gain ends at the source, at the next stage, or at twice as much.
        let slow: [Shape] = [
            .init(rate: 200, slow: 20), .init(rate: 40, slow: 40), .init(rate: 1000, slow: 10, last: 7),
            .init(rate: 100, slow: 20, policy: "latest"), .init(rate: 70, slow: 20, policy: "latest"),
            .init(rate: 300, first: 2, slow: 12, last: 8, policy: "drop_oldest"), .init(rate: 500, first: 6, slow: 9),
            .init(rate: 30, slow: 100, last: 40, policy: "latest"), .init(rate: 250, slow: 8, policy: "drop_newest"),
            .init(rate: 90, first: 9, slow: 15, last: 3),
        ]
        for (number, shape) in slow.enumerated() {
            add("slow stage \(number)", "slow", "replicas", shape) { $0.replicas = 2 }
        }
        // Too few replicas of a stage that has some.
        let few: [Shape] = [
            .init(rate: 400, slow: 20, replicas: 2), .init(rate: 120, slow: 20, replicas: 2),
            .init(rate: 900, slow: 30, replicas: 3), .init(rate: 1000, slow: 20, replicas: 4, last: 3),
            .init(rate: 200, slow: 30, replicas: 2, policy: "latest"),
            .init(rate: 250, slow: 25, replicas: 3, policy: "drop_oldest"),
            .init(rate: 160, first: 5, slow: 16, replicas: 2),
        ]
        for (number, shape) in few.enumerated() {
            add("few replicas \(number)", "slow", "replicas", shape) { $0.replicas *= 2 }
        }
        // A slow sink.
        let sinks: [Shape] = [
            .init(rate: 200, slow: 2, sink: 20), .init(rate: 60, slow: 2, sink: 25),
            .init(rate: 500, first: 4, slow: 2, sink: 10), .init(rate: 100, slow: 15, sink: 20),
            .init(rate: 35, slow: 3, last: 5, sink: 50), .init(rate: 1000, slow: 3, sink: 5),
        ]
        for (number, shape) in sinks.enumerated() {
            add("slow sink \(number)", "end", "replicas", shape) { $0.sink /= 2 }
        }
        // Batches that are too small for what a call costs.
        let batches: [Shape] = [
            .init(rate: 500, slow: 100, limit: "model", batch: 4), .init(rate: 300, slow: 80, limit: "model", batch: 8),
            .init(rate: 150, slow: 200, limit: "model", batch: 16), .init(rate: 90, slow: 60, limit: "model", batch: 3),
            .init(rate: 400, slow: 50, policy: "drop_oldest", limit: "model", batch: 6),
        ]
        for (number, shape) in batches.enumerated() {
            add("small batch \(number)", "slow", "batches of", shape) { $0.batch = ($0.batch ?? 1) * 2 }
        }
        // One key that has nearly all the items, where each may pass at a rate.
        for (number, (rate, slow)) in [(100, 20), (300, 50), (60, 25), (200, 10)].enumerated() {
            let shape = Shape(rate: rate, keys: "hot", slow: slow, limit: "per_key")
            add("hot key \(number)", "slow", "raise 'rate' of", shape) { $0.slow *= 2 }
        }
        // A rate: of a stage that delays, and of a link that drops.
        for (number, (rate, slow)) in [(100, 30), (50, 40), (400, 150), (90, 20)].enumerated() {
            let shape = Shape(rate: rate, slow: slow, limit: "throttle")
            add("throttle \(number)", "slow", "raise 'rate' of", shape) { $0.slow *= 2 }
        }
        for (number, (rate, most)) in [(100, 20), (60, 40), (200, 50), (120, 15)].enumerated() {
            let shape = Shape(rate: rate, slow: 3, policy: "drop_oldest", linkRate: most)
            add("link rate \(number)", "slow", "raise its rate", shape) { $0.linkRate = nil }
        }
        return all
    }()

    // MARK: Runs

    private func graph(_ shape: Shape) throws -> Graph {
        let catalogue = Catalogue([.basics, Plugin("Test", "For these tests.", stages: [Model.self, SlowSink.self])])
        let checker = GraphChecker(catalogue: catalogue, options: CheckOptions(environment: [:]))
        let result = checker.check(text: shape.text, name: "planted.yaml")
        return try #require(result.graph, "\(TextReport(colour: false).text(result.findings, result.files))")
    }

    private static let options = EngineOptions(epoch: 0, files: MemoryFiles())

    /// What is found, and the source's items that come to the end in a second: from the tenth second to the twentieth,
    /// when all queues are as they stay.
    func simulatedRun(_ shape: Shape) throws -> (Diagnosis, Double) {
        let graph = try graph(shape)
        let run = SimulatedRun(graph.plan, Self.options)
        run.advance(to: .seconds(10))
        let before = run.numbers
        run.advance(to: .seconds(20))
        let after = run.numbers
        #expect(after.imbalances(hasEnded: false) == [])
        _ = run.finish(dropping: .cancelled)
        return (Diagnosis(graph, from: before, to: after, workers: nil), passed(before, after, shape) / 10)
    }

    private func passed(_ before: RunNumbers, _ after: RunNumbers, _ shape: Shape) -> Double {
        func done(_ numbers: RunNumbers) -> Int { numbers.stages.last?.books.done ?? 0 }
        return Double((done(after) - done(before)) * (shape.batch ?? 1))
    }

    func realRun(_ shape: Shape) throws -> (Diagnosis, Double) {
        let graph = try graph(shape)
        let run = Run(graph.plan, Self.options, workers: WorkerSettings(count: 2))
        run.start()
        _ = run.wait(until: .seconds(1))
        let before = run.numbers
        _ = run.wait(until: .seconds(3))
        let after = run.numbers
        run.stop()
        _ = run.finish()
        let seconds = (after.at - before.at).seconds
        return (Diagnosis(graph, from: before, to: after, workers: 2), passed(before, after, shape) / seconds)
    }
}

/// Takes a while for each item, and keeps nothing.
private struct SlowSink: Consumer {
    static let info = StageInfo("slow_sink", "Takes a while.", example: "delay: 1ms", traits: .neverStalls)

    @Input("What is taken.") var items: Receiver<AnyPayload>
    @Option("For each item.") var delay = Duration.zero

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        if delay > .zero { context.busy(for: delay) }
    }
}

/// A model that is asked about batches: a call costs something, and each item of it a little more.
private struct Model: Consumer {
    static let info = StageInfo("model", "Answers batches.", example: "call: 100ms\nitem: 1ms", traits: .neverStalls)

    @Input("Batches.") var batches: Receiver<Document>
    @Output("The same.") var answers: Sender<Document>
    @Option("What a call takes.") var call = Duration.zero
    @Option("What each item of it takes.") var item = Duration.zero

    mutating func process(_ batch: consuming Item<Document>, _ context: StageContext) {
        var count = 0
        if case .array(let items)? = batch.payload.value["items"] { count = items.count }
        context.busy(for: call + item * count)
        answers.send(batch)
    }
}
