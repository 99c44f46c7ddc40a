import Glibc
import Mef3
import Synchronization
import Testing

@testable import MefServer

/// Answers without a network: what windows hold, in many hands, with little memory and over damaged files.
struct ServiceTests {
    /// Takes messages apart as they come.
    final class Sink: ReplySink {
        struct Received: Sendable {
            var rows: [[Double]] = []
            var error = ""
            var messages = 0
        }

        private let state = Mutex(Received())

        var received: Received { state.withLock { $0 } }

        func send(_ reply: consuming Reply) async throws {
            switch consume reply {
            case .chunk(let chunk):
                let numbers = chunk.block.memory
                let (rows, columns) = (chunk.rows, chunk.columns)
                let taken = (0..<rows).map { row in
                    (0..<columns).map { column in
                        chunk.type == .float64
                            ? numbers.load(fromByteOffset: 8 * (row * columns + column), as: Double.self)
                            : Double(numbers.load(fromByteOffset: 4 * (row * columns + column), as: Float.self))
                    }
                }
                state.withLock { state in
                    state.messages += 1
                    if state.rows.isEmpty {
                        state.rows = taken
                    } else {
                        for row in 0..<rows { state.rows[row] += taken[row] }
                    }
                }
            case .chunkError(_, let message): state.withLock { $0.error = message }
            case .answer(let answer): state.withLock { $0.error = answer.error ?? "" }
            case .envelope(let envelope): state.withLock { $0.error = envelope.error ?? "" }
            }
        }
    }

    /// A recording of some channels, with gaps, and the service that reads it.
    final class Bench: Sendable {
        let scratch: Scratch
        let path: String
        let pool: WorkPool
        let service: Service
        static let start: Int64 = 1_600_000_000_000_000

        init(cacheBytes: Int = 200_000, channels: Int = 3, threads: Int = 2) throws {
            scratch = try Scratch()
            path = scratch.path + "/s.mefd"
            let writer = try SessionWriter(path: path)
            var random = Seeded(1)
            var metadata = ChannelMetadata(samplingFrequency: 250)
            metadata.conversionFactor = 0.25
            for channel in 0..<channels {
                let runs = (0..<4).map { run in
                    var last: Int32 = 0
                    let samples = (0..<Int.random(in: 8000...16000, using: &random)).map { _ -> Int32 in
                        last &+= Int32.random(in: -20...20, using: &random)
                        return last
                    }
                    return (start: Self.start + Int64(run) * 80_000_000, samples: samples)
                }
                try writer.write(runs, of: "c\(channel)", metadata: metadata, blockSamples: 700)
            }
            var configuration = Configuration(roots: [scratch.path])
            configuration.cacheBytes = cacheBytes
            configuration.tileSamples = 4000
            pool = try WorkPool(threads: threads)
            service = try Service(configuration, pool: pool)
        }

        deinit { _ = pool.stop(within: .seconds(5)) }

        /// Runs a request as the server does, on the pool.
        func ask(_ request: Request) async -> Sink.Received {
            let sink = Sink()
            let service = service
            await Task(executorPreference: pool) {
                do { try await service.serve(request, to: sink) } catch { Issue.record(error) }
            }.value
            return sink.received
        }

        func request(_ method: Request.Method) -> Request {
            var request = Request(method: method)
            request.path = path
            return request
        }

        func range(_ start: Int64, _ end: Int64, client: String = "") -> Request {
            var request = request(.getSignalRange)
            request.client = client
            request.start = Self.start + start
            request.end = Self.start + end
            return request
        }
    }

    @Test(arguments: [200_000, 64 << 20])
    func `many clients at random windows get what the file holds, within the budget`(cacheBytes: Int) async throws {
        let bench = try Bench(cacheBytes: cacheBytes)
        #expect(await bench.ask(bench.request(.openFile)).error == "")
        let session = try MefSession(path: bench.path)
        await withTaskGroup { group in
            for client in 0..<8 {
                group.addTask {
                    var random = Seeded(UInt64(client))
                    for _ in 0..<12 {
                        let first = Int64.random(in: -10...300, using: &random) * 1_000_000
                        let length = Int64.random(in: 1...60, using: &random) * 1_000_000
                        let got = await bench.ask(bench.range(first, first + length, client: "\(client)"))
                        for (channel, row) in zip(session.channels, got.rows) {
                            let start = ServiceTests.Bench.start + first
                            let expected = try? channel.values(from: start, to: start + length).values
                            let same =
                                expected?.count == row.count
                                && zip(expected ?? [], row).allSatisfy {
                                    Double(Float($0)) == $1 || $0.isNaN && $1.isNaN
                                }
                            #expect(same, "\(channel.name) \(first) \(length)")
                        }
                        #expect(got.rows.count == session.channels.count)
                    }
                }
            }
        }
        let statistics = bench.service.statistics
        #expect(statistics.tileBytes <= cacheBytes)
        #expect(statistics.activeClients == 0)
        #expect(statistics.tileHits > 0)
        #expect((statistics.evictions > 0) == (cacheBytes == 200_000))
    }

    @Test func `segments are what the reader says`() async throws {
        let bench = try Bench(cacheBytes: 64 << 20)
        _ = await bench.ask(bench.request(.openFile))
        var size = bench.request(.setSignalSegmentSize)
        size.number = 100
        #expect(await bench.ask(size).error == "")
        let session = try MefSession(path: bench.path)
        var request = bench.request(.getSignalSegment)
        request.number = 1
        let got = await bench.ask(request)
        let start = Bench.start + 100_000_000
        for (channel, row) in zip(session.channels, got.rows) {
            let values = try channel.values(from: start, to: start + 100_000_000).values
            #expect(values.count == row.count)
            #expect(zip(values, row).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
        }
        #expect(got.messages == 1)
    }

    @Test func `damaged blocks are gaps, counted, and a file that is cut is no end of the server`() async throws {
        let bench = try Bench()
        let file = bench.path + "/c1.timd/c1-000000.segd/c1-000000.tdat"
        let whole = try MefSession(path: bench.path).channel("c1").values(
            from: Bench.start,
            to: Bench.start + 30_000_000
        )
        #expect(overwrite(file, at: 1024 + 5000, with: [1, 2, 3, 4]))
        _ = await bench.ask(bench.request(.openFile))
        let got = await bench.ask(bench.range(0, 30_000_000))
        let row = try #require(got.rows.dropFirst().first)
        let lost = zip(row, whole.values).count { $0.isNaN && !$1.isNaN }
        #expect(lost > 0 && lost <= 1400)
        #expect(zip(row, whole.values).allSatisfy { $0.isNaN || $0 == Double(Float($1)) })
        #expect(bench.service.statistics.damaged > 0)
        truncate(file, 3000)
        let cut = await bench.ask(bench.range(160_000_000, 190_000_000))
        #expect(cut.error == "")
        let blank = cut.rows.map { row in row.allSatisfy { $0.isNaN } }
        #expect(blank == [false, true, false])
    }

    @Test func `a call that is cancelled gives back what it held`() async throws {
        /// Takes the first message and no other.
        final class Stuck: ReplySink {
            let begun = Mutex<CheckedContinuation<Void, Never>?>(nil)
            func send(_ reply: consuming Reply) async throws {
                begun.withLock { waiting in
                    waiting?.resume()
                    waiting = nil
                }
                // Ends with the task, as a send does whose call is over.
                try await Task.sleep(for: .seconds(3600))
            }
        }
        let bench = try Bench()
        _ = await bench.ask(bench.request(.openFile))
        let (service, request, sink) = (bench.service, bench.range(0, 300_000_000), Stuck())
        var task: Task<Void, any Error>?
        await withCheckedContinuation { continuation in
            sink.begun.withLock { $0 = continuation }
            task = Task(executorPreference: bench.pool) { try await service.serve(request, to: sink) }
        }
        task?.cancel()
        await #expect(throws: CancellationError.self) { try await task?.value }
        #expect(service.statistics.activeClients == 0)
        let all = await bench.ask(bench.range(0, 300_000_000))
        #expect(all.rows.count == 3)
    }

    @Test func `more clients than allowed are told so`() async throws {
        let scratch = try Scratch()
        var configuration = Configuration(roots: [scratch.path])
        configuration.maxClients = 1
        let pool = try WorkPool(threads: 1)
        let service = try Service(configuration, pool: pool)
        /// Asks again in the middle of a call.
        final class Nested: ReplySink {
            let service: Service
            let inner = Sink()
            init(_ service: Service) { self.service = service }
            func send(_ reply: consuming Reply) async throws {
                var other = Request(method: .listOpenFiles)
                other.peer = "another"
                try await service.serve(other, to: inner)
            }
        }
        let sink = Nested(service)
        try await service.serve(Request(method: .listOpenFiles), to: sink)
        #expect(sink.inner.received.error == "too many clients at once, at most 1, try again later")
        #expect(service.statistics.refusedCalls == 1)
        #expect(pool.stop(within: .seconds(5)))
    }

    private func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) -> Bool {
        let descriptor = open(path, O_WRONLY)
        defer { close(descriptor) }
        return pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count
    }
}
