import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Packets

struct PacketStatsTests {
    private func run(_ options: String, _ items: [Fed]) throws -> StageResult {
        var harness = StageHarness(PacketStats.self, options)
        harness.feed("packets", items)
        let result = try harness.run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        return result
    }

    private func packets(_ client: String, _ from: Int, _ count: Int, at time: Duration = .zero) -> Fed {
        .item(
            ["client": .string(client), "packets": .integer(count), "sequence": .integer(from)],
            key: client,
            at: time
        )
    }

    @Test func `what is missing, late or double is counted for each client`() throws {
        let result = try run(
            "header: { sequence: 0 }",
            [
                packets("a", 0, 10), packets("b", 100, 10), packets("a", 15, 5), packets("a", 12, 1),
                packets("b", 105, 5),
                packets("b", 110, 1),
            ]
        )
        let report = try #require(result.values("reports").last)
        #expect(report["packets"] == 32)
        #expect(report["lost"] == 4 && report["reordered"] == 1 && report["duplicated"] == 5)
        guard case .array(let clients)? = report["clients"] else {
            Issue.record("no clients")
            return
        }
        #expect(clients.map { $0["client"] } == ["a", "b"])
        #expect(clients.map { $0["lost"] } == [4, 0] && clients.map { $0["duplicated"] } == [0, 5])
        #expect(clients.map { $0["first"] } == [0, 100] && clients.map { $0["last"] } == [19, 110])
    }

    @Test func `a rate is over the time from the first to the last, without what came first`() throws {
        let result = try run("every: 1h", (0...20).map { packets("a", $0 * 50, 50, at: .milliseconds(5 * $0)) })
        #expect(result.values("reports").last?["rate"] == .number(10_000))
    }

    @Test func `it reports each interval in which something came, and no other`() throws {
        let result = try run("every: 1s", [packets("a", 0, 1), packets("a", 1, 1, at: .seconds(100))])
        #expect(result["reports"].map { $0.value["event"] } == ["interval", "end"])
    }

    @Test func `who has gone is listed once more, and stays in the sum`() throws {
        let gone = Fed.item(["client": "a", "event": "closed", "reason": "reset", "trailing_bytes": 7], key: "a")
        let result = try run("every: 1s", [packets("a", 0, 3), gone, packets("b", 0, 1, at: .seconds(10))])
        let reports = result.values("reports")
        #expect(reports.map { $0["packets"] } == [3, 4] && reports.map { $0["trailing_bytes"] } == [7, 7])
        #expect(reports[0]["clients"]?.text().contains(#""departed":"reset""#) ?? false)
        #expect(!(reports[1]["clients"]?.text().contains("\"a\"") ?? true))
    }

    @Test func `tools that read the original server's log find what they look for`() throws {
        let name = "172.20.0.3:40122"
        let result = try run(
            "log: original",
            [
                .item(["client": .string(name), "event": "opened"], key: name),
                .item(["client": .string(name), "packets": 50], key: name),
                .item(["client": .string(name), "event": "closed"], key: name),
            ]
        )
        let lines = result.log.map(\.message)
        #expect(lines.first?.hasPrefix("Started worker process 0 (PID: ") ?? false)
        #expect(
            Array(lines.dropFirst()) == [
                "New connection from ('172.20.0.3', 40122)", "Worker 0 handling client 172.20.0.3:40122",
                "Client 172.20.0.3:40122 disconnected from worker 0",
                "Total: 50 packets, 1600 bytes, Rate: 0 packets/sec",
            ]
        )
    }

    @Test func `packets too short for their header are counted as such`() throws {
        let result = try run("header: { sequence: 30 }", [packets("a", 0, 5)])
        #expect(result.values("reports").last?["short"] == 5)
    }
}

struct PacketSourceTests {
    @Test func `packets are due by their number, and say which they are`() throws {
        let harness = StageHarness(
            PacketSource.self,
            "clients: 2\nrate: 1kHz\nbatch: 10\ncount: 25\nheader: { sequence: 0, timestamp: 8 }"
        )
        let items = try harness.run()["packets"]
        #expect(items.map(\.key) == ["client-0", "client-1", "client-0", "client-1", "client-0", "client-1"])
        #expect(items.map { $0.value["packets"] } == [10, 10, 10, 10, 5, 5])
        #expect(items.map(\.captured.nanoseconds) == (0..<6).map { $0 * 5_000_000 })
        let last = try #require(items.last?.payload as? PacketBatch)
        var header = PacketHeader()
        header.sequence = 0
        var numbers: [UInt64] = []
        last.client.framing.forEachPacket(last.bytes) { numbers.append(header.layout.sequence(of: $0) ?? 0) }
        #expect(numbers == [20, 21, 22, 23, 24])
    }

    @Test func `without a header it sends what the original client sends`() throws {
        let items = try StageHarness(PacketSource.self, "count: 50").run()["packets"]
        let batch = try #require(items.first?.payload as? PacketBatch)
        #expect(batch.bytes.count == 1600 && batch.bytes.allSatisfy { $0 == 0x58 })
    }

    @Test func `a source and a sink that counts agree on virtual time`() throws {
        let items = try StageHarness(
            PacketSource.self,
            "clients: 10\ncount: 10_000\nheader: { sequence: 0, timestamp: 8 }"
        ).run()["packets"]
        #expect(items.reduce(0) { $0 + (($1.payload as? PacketBatch)?.count ?? 0) } == 100_000)
    }
}

struct SendQueueTests {
    private func item(_ number: Int, _ count: Int) throws -> Item<PacketBatch> {
        let batch = try #require(PacketBatch.read(["packets": .integer(count), "packet_bytes": 10]))
        let header = Header(sequence: number, captured: .zero, sent: .zero, key: .none, source: 0)
        return Item(header: header, payload: batch)
    }

    /// Writes and confirmations of any size, and connections that break: each packet is once with the peer, or again.
    @Test(arguments: [UInt64](1...60))
    func `every packet is sent, given up or waits`(seed: UInt64) throws {
        var chance = RandomSource(seed: seed)
        var queue = SendQueue()
        var (added, items, done, onTheWay, dropped, droppedItems) = (0, 0, 0, 0, 0, 0)
        for step in 0..<400 {
            switch Int.random(in: 0..<10, using: &chance) {
            case 0..<4:
                let count = Int.random(in: 1...5, using: &chance)
                queue.add(try item(step, count))
                added += count
                items += 1
            case 4..<7:
                let bytes = Int.random(in: 0...queue.unwrittenBytes, using: &chance)
                queue.wrote(bytes)
                onTheWay += bytes
            case 7:
                let left = Int.random(in: 0...onTheWay, using: &chance)
                done += queue.confirm(allBut: left)
                onTheWay = queue.heldBytes - queue.unwrittenBytes
            case 8:
                done += queue.broke(unconfirmed: Int.random(in: 0...onTheWay, using: &chance))
                onTheWay = 0
                #expect(queue.unwrittenBytes == queue.heldBytes && queue.onTheWay == 0)
            default:
                if let oldest = queue.dropOldest() {
                    dropped += oldest.payload.count
                    droppedItems += 1
                }
            }
            #expect(queue.unwrittenBytes >= 0 && queue.unwrittenBytes <= queue.heldBytes)
            #expect(queue.count == items - done - droppedItems)
        }
        let sent = queue.sent
        let left = queue.giveUp()
        #expect(sent + left.packets + dropped == added)
        #expect(left.items == items - done - droppedItems)
    }

    @Test func `after a break it goes on at the packet that the peer has not whole`() throws {
        var queue = SendQueue()
        queue.add(try item(0, 5))
        queue.wrote(37)
        #expect(queue.broke(unconfirmed: 12) == 0)  // 25 bytes are there: two packets and a half
        #expect(queue.sent == 2 && queue.unwrittenBytes == 30)
        queue.wrote(30)
        #expect(queue.resent == 3 && queue.confirm(allBut: 0) == 1 && queue.sent == 5)
    }
}

struct SinkTests {
    private func run(_ options: String, _ items: Int, breaksAt times: [Duration]) throws -> StageResult {
        var harness = StageHarness(TCPPacketSink.self, "address: 127.0.0.1:9\n\(options)")
        harness.feed("packets", .samples(items, every: .milliseconds(5)))
        for time in times { harness.fault(.loseConnection, at: time) }
        return try harness.run()
    }

    @Test func `what a broken connection did not confirm is sent again, and all is counted`() throws {
        let result = try run("", 200, breaksAt: [.milliseconds(301), .milliseconds(502)])
        let end = try #require(result.values("books").last)
        #expect(end["packets"] == 2000 && end["sent"] == 2000 && end["unsent"] == 0 && end["connections"] == 3)
        #expect(result.values("books").map { $0["event"] } == ["lost", "lost", "end"])
        #expect(result.books.failed == 0 && result.imbalances.isEmpty)
    }

    @Test func `a rate is kept`() throws {
        let result = try run("rate: 100/s\ndrain: 60s", 20, breaksAt: [])
        #expect(result.values("books").last?["sent"] == 200)
        #expect((1900...2100).contains((result["books"].last?.at.nanoseconds ?? 0) / 1_000_000))
    }

    @Test func `packets that come and go are not its business`() throws {
        var harness = StageHarness(TCPPacketSink.self, "address: 127.0.0.1:9")
        harness.feed("packets", [.item(["event": "opened"]), .item(["packets": 3]), .item(["event": "closed"])])
        let result = try harness.run()
        #expect(result.books.dropped[.notChosen] == 2 && result.values("books").last?["sent"] == 3)
    }
}
