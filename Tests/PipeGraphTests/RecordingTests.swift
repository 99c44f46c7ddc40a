import Basics
import PipeCore
import PipeGraph
import PipeKit
import Synchronization
import Testing

/// Runs that are written down, and run once more from that.
struct RecordingTests {
    /// Overloaded in several ways: links that drop by each policy, replicas, failures, restarts, batches, loss, joins.
    @Test(arguments: [
        """
        pipe: 1
        name: camera
        stages:
          camera: { type: generate, rate: 2kHz, keys: [a, b, c], fields: { t: 20 + item.sequence % 15 } }
          shaky: { type: fault, from: { camera: { when_full: drop_oldest, capacity: 8 } }, fail: 2%, lose: 3%, on_error: skip }
          wide: { type: fault, delay: 2ms, replicas: 3, from: { shaky: { when_full: latest } } }
          hot: { type: filter, from: { wide: { when_full: drop_oldest } }, where: t > 25 }
          cold: { type: filter, from: { wide: { when_full: drop_oldest } }, where: t <= 25 }
          slow: { type: fault, delay: 5ms, from: { cold: { when_full: drop_newest, capacity: 4 } } }
          gather: { type: batch, from: hot, count: 5, window: 100ms }
          out: { type: jsonl_file, from: gather, path: /hot.jsonl, mode: overwrite }
          end: { type: jsonl_file, from: slow, path: /cold.jsonl, mode: overwrite }
        """,
        """
        pipe: 1
        name: restarts
        stages:
          left: { type: generate, rate: 500/s }
          right: { type: generate, rate: 700/s }
          first: { type: fault, die_after: 40, delay: 1ms, from: { left: { when_full: drop_oldest } }, restart: { max: 5, per: 10s, backoff: 5ms } }
          second: { type: fault, fail: 10%, on_error: dead_letter, from: { right: { max_age: 50ms, when_full: drop_oldest } } }
          all: { type: merge, from: [first, second, second.dead_letter] }
          even: { type: throttle, rate: 300/s, burst: 3, from: { all: { when_full: drop_oldest, capacity: 16 } } }
          mark: { type: map, from: even, set: { seen: true } }
          slow: { type: fault, delay: 4ms, replicas: 2, from: { mark: { skip_frames: 1, when_full: latest } } }
          out: { type: jsonl_file, from: slow, path: /out.jsonl, mode: overwrite }
        """,
    ])
    func replaysAreTheSame(_ text: String) throws {
        let graph = try Self.graph(text)
        let (run, files, bytes) = try Self.record(graph, for: .milliseconds(800))
        #expect(run.numbers.imbalances(hasEnded: true) == [])
        #expect(run.numbers.links.contains { $0.books.dropped.total > 0 })
        var drops: String?
        for _ in 0..<5 {
            let copy = MemoryFiles()
            let replay = try Self.replay(graph, bytes, copy)
            while try replay.step() {}
            let lines = "\(replay.drops)"
            #expect(drops ?? lines == lines)
            drops = lines
            let again = replay.finish()
            #expect(replay.hasEnded)
            #expect(again.numbers.links.map(\.books) == run.numbers.links.map(\.books))
            #expect(again.numbers.stages.map(\.books) == run.numbers.stages.map(\.books))
            #expect(again.troubles == run.troubles)
            #expect(copy.contents == files.contents && !copy.contents.isEmpty)
        }
    }

    /// What a source cannot bring again stands in the recording: the source is not asked for it.
    @Test func itemsFromOutsideAreInTheRecording() throws {
        let graph = try Self.graph(
            """
            pipe: 1
            name: outside
            stages:
              world: { type: world }
              slow: { type: fault, delay: 3ms, from: { world: { when_full: drop_oldest, capacity: 4 } } }
              out: { type: jsonl_file, from: slow, path: /out.jsonl, mode: overwrite }
            """
        )
        #expect(graph.recordedSources == [0])
        World.items.withLock { $0 = 0 }
        let (run, files, bytes) = try Self.record(graph, for: .milliseconds(300))
        let asked = World.items.withLock { $0 }
        #expect(run.numbers.stages[0].books.made == asked && asked > 0)
        let copy = MemoryFiles()
        let replay = try Self.replay(graph, bytes, copy)
        while try replay.step() {}
        #expect(copy.contents == files.contents)
        #expect(World.items.withLock { $0 } == asked)
        #expect(replay.finish().numbers.stages.map(\.books) == run.numbers.stages.map(\.books))
    }

    /// Wherever a recording was cut off, what is whole of it is replayed, and the books then balance as in a run that goes on.
    @Test func aRecordingThatWasCutOffIsReplayedAsFarAsItGoes() throws {
        let graph = try Self.graph(Self.small)
        let (_, _, bytes) = try Self.record(graph, for: .milliseconds(200))
        var chance = RandomSource(seed: 7)
        for _ in 0..<40 {
            let cut = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &chance)))
            let replay = try Self.replay(graph, cut, MemoryFiles())
            while try replay.step() {}
            #expect(!replay.hasEnded)
            #expect(replay.numbers.imbalances(hasEnded: false) == [])
            _ = replay.finish()
        }
    }

    /// A byte that is another one ends the recording there, or is a difference: it is never passed over.
    @Test func aRecordingThatWasAlteredIsNotBelieved() throws {
        let graph = try Self.graph(Self.small)
        let (_, _, bytes) = try Self.record(graph, for: .milliseconds(100))
        var chance = RandomSource(seed: 11)
        for _ in 0..<60 {
            var altered = bytes
            let place = Int.random(in: 0..<bytes.count, using: &chance)
            altered[place] ^= UInt8.random(in: 1...255, using: &chance)
            let replay = try Self.replay(graph, altered, MemoryFiles())
            var parted = false
            do { while try replay.step() {} } catch { parted = true }
            #expect(parted || !replay.hasEnded)
            _ = replay.finish()
        }
    }

    @Test func anotherGraphPartsFromTheRecording() throws {
        let graph = try Self.graph(Self.small)
        let (_, _, bytes) = try Self.record(graph, for: .milliseconds(200))
        let other = try Self.graph(Self.small.replacing("capacity: 4", with: "capacity: 5"))
        let replay = try Self.replay(other, bytes, MemoryFiles())
        #expect(throws: Replay.Difference.self) { while try replay.step() {} }
    }

    private static let small = """
        pipe: 1
        name: small
        stages:
          source: { type: generate, rate: 2kHz }
          slow: { type: fault, delay: 3ms, from: { source: { when_full: drop_oldest, capacity: 4 } } }
          out: { type: jsonl_file, from: slow, path: /out.jsonl, mode: overwrite }
        """

    // MARK: Runs

    private static func graph(_ text: String) throws -> Graph {
        let catalogue = Catalogue([.basics, Plugin("Test", "For these tests.", stages: [World.self])])
        let checker = GraphChecker(catalogue: catalogue, options: CheckOptions(environment: [:]))
        let result = checker.check(text: text, name: "graph.yaml")
        return try #require(result.graph, "\(TextReport(colour: false).text(result.findings, result.files))")
    }

    private static func record(_ graph: Graph, for time: Duration) throws -> (RunOutcome, MemoryFiles, [UInt8]) {
        let files = MemoryFiles()
        var options = EngineOptions(epoch: 1_767_225_600, files: files)
        options.seed = 5
        let recorder = RunRecorder(sources: graph.recordedSources, mostBytes: 64 << 20)
        options.recorder = recorder
        let run = Run(graph.plan, options, workers: WorkerSettings(count: 3))
        run.start()
        _ = run.wait(until: time)
        run.stop()
        #expect(run.wait(until: run.time + .seconds(30)))
        let outcome = run.finish()
        recorder.end()
        var bytes: [UInt8] = []
        while let more = recorder.next() { bytes += more }
        #expect(recorder.outcome.problem == nil)
        return (outcome, files, bytes)
    }

    private static func replay(_ graph: Graph, _ bytes: [UInt8], _ files: MemoryFiles) throws -> Replay {
        var options = EngineOptions(epoch: 1_767_225_600, files: files)
        options.seed = 5
        return Replay(graph.plan, options, sources: graph.recordedSources, recording: bytes)
    }
}

/// A source that has its items from outside: they are never the same.
private struct World: Source {
    static let info = StageInfo("world", "Items of the world.", example: "")
    static let items = Mutex(0)

    @Output("Items.") var items: Sender<Document>
    private var next = Instant.zero

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        let luck = Int.random(in: 0..<1_000_000)
        items.send(Document(["luck": .integer(luck)]), key: Key("\(luck % 3)"))
        Self.items.withLock { $0 += 1 }
        return .at(context.now + .microseconds(Int.random(in: 100...2000)))
    }
}
