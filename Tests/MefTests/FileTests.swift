import FoundationEssentials
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Mef

/// Samples as CSV and as EDF+.
struct FileTests {
    private let signal = Signal(session: "night 1", channels: ["C3", "µ,x"], rate: 4, unit: "µV", steps: [0.5, 0.5])

    private func block(_ start: Int64, _ rows: [[Double]]) -> Fed {
        .payload(Samples.make(signal, start: start, rows))
    }

    @Test func `a moment a line, a column a channel`() throws {
        var harness = StageHarness(CSVFile.self, "path: /out.csv")
        harness.feed(
            "blocks",
            [
                block(Night.start, [[1, -2.5], [.nan, 0.1]]),
                block(Night.start + 500_000, [[25885 * 0.1, 1e-7], [1.0 / 3, -2_147_483_646]]),
            ]
        )
        let result = try harness.run()
        #expect(
            result.file("/out.csv") == """
                time,C3,"µ,x"
                2020-09-13T12:26:40.000000Z,1,
                2020-09-13T12:26:40.250000Z,-2.5,0.1
                2020-09-13T12:26:40.500000Z,2588.5,0.3333333333
                2020-09-13T12:26:40.750000Z,1e-07,-2147483646

                """
        )
    }

    @Test func `a value a line`() throws {
        var harness = StageHarness(CSVFile.self, "path: /out.csv\nlayout: long\ntime: microseconds")
        let other = Samples.make(Signal(channels: ["Z"], rate: 1), start: 5, [[7]])
        harness.feed("blocks", [block(1_000_000, [[1], [2]]), .payload(other)])
        #expect(try harness.run().file("/out.csv") == "time,channel,value\n1000000,C3,1\n1000000,\"µ,x\",2\n5,Z,7\n")
    }

    @Test func `columns stay what they are`() throws {
        var harness = StageHarness(CSVFile.self, "path: /out.csv\non_error: skip")
        harness.feed("blocks", [.payload(Samples.sample(0)!), block(0, [[1], [2]]), .payload(Samples.sample(1)!)])
        let result = try harness.run()
        #expect(result.books.failed == 1)
        #expect(result.file("/out.csv")?.split(separator: "\n").count == 51)
        harness = StageHarness(CSVFile.self, "path: /out.csv")
        harness.feed("blocks", [.payload(Samples.sample(0)!), block(0, [[1], [2]])])
        #expect(try harness.run().troubles.first?.contains("use 'layout: long'") == true)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"), (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
        (1_709_164_800_123_456, "2024-02-29T00:00:00.123456Z"),
    ])
    func `dates`(time: Int64, text: String) throws {
        var harness = StageHarness(CSVFile.self, "path: /out.csv")
        harness.feed("blocks", [.payload(Samples.make(Signal(channels: ["x"], rate: 1), start: time, [[1]]))])
        #expect(try harness.run().file("/out.csv") == "time,x\n\(text),1\n")
    }

    @Test func `EDF+ has its header, its numbers and the times of its records`() throws {
        try withFolder { folder in
            var harness = StageHarness(EDFFile.self, "path: \(folder)/out.edf\nrecord: 1s\nsubject: S 1")
            harness.files = DiskFiles()
            let wave = (0..<10).map { Double($0) }
            harness.feed(
                "blocks",
                [
                    block(Night.start + 250_000, [Array(wave[0..<3]), Array(wave[0..<3]).map { -$0 }]),
                    block(Night.start + 1_000_000, [Array(wave[3..<10]), Array(wave[3..<10]).map { -$0 }]),
                ]
            )
            let result = try harness.run()
            #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
            let bytes = Array(try Data(contentsOf: URL(filePath: folder + "/out.edf")))
            func field(_ first: Int, _ count: Int) -> String {
                String(decoding: bytes[first..<first + count], as: UTF8.self).trimming
            }
            #expect(field(0, 8) == "0")
            #expect(field(8, 80) == "S_1 X X X")
            #expect(field(88, 80) == "Startdate 13-SEP-2020 night_1 X X")
            #expect(field(168, 16) == "13.09.2012.26.40")
            #expect(field(184, 8) == "1024")
            #expect(field(192, 44) == "EDF+C")
            #expect(field(236, 8) == "3")
            #expect(field(244, 8) == "1")
            #expect(field(252, 4) == "3")
            #expect(field(256, 48) == "C3              u,x             EDF Annotations")
            #expect(bytes.count == 1024 + 3 * (2 * 4 * 2 + 32))
            func record(_ number: Int) -> [Int16] {
                (0..<8).map { place in
                    let at = 1024 + number * 48 + place * 2
                    return Int16(truncatingIfNeeded: Int(bytes[at]) | Int(bytes[at + 1]) << 8)
                }
            }
            // Steps of half a unit; the last two of each row were never there.
            #expect(record(0) == [0, 2, 4, 6, 0, -2, -4, -6])
            #expect(record(2) == [16, 18, .min, .min, -16, -18, .min, .min])
            #expect(field(1024 + 48 + 16, 6) == "+1.250")
        }
    }

    @Test func `a gap makes a discontinuous file, and a stretch of NaN is left out`() throws {
        var harness = StageHarness(EDFFile.self, "path: /out.edf\nrecord: 1s\nstep: 0.1")
        let nothing = [Double](repeating: .nan, count: 4)
        harness.feed(
            "blocks",
            [
                block(Night.start, [[1, 2, 3, 4], [1, 2, 3, 1e9]]), block(Night.start + 1_000_000, [nothing, nothing]),
                block(Night.start + 2_000_000, [nothing, [1, 2, 3, 4]]), block(Night.start + 9_500_000, [[1], [1]]),
            ]
        )
        let result = try harness.run()
        let text = try #require(result.file("/out.edf"))
        #expect(text.contains("EDF+D"))
        #expect(text.contains("EDF+D" + String(repeating: " ", count: 39) + "3       1"))
        #expect(["+0\u{14}\u{14}", "+2\u{14}\u{14}", "+9.500000\u{14}\u{14}"].allSatisfy { text.contains($0) })
        #expect(result.log.contains { $0.message.hasPrefix("1 values were beyond what is stored") })
    }

    @Test func `a record must have a whole number of samples`() throws {
        var harness = StageHarness(EDFFile.self, "path: /out.edf\nrecord: 333ms")
        harness.feed("blocks", [block(Night.start, [[1], [2]])])
        #expect(try harness.run().troubles.first?.contains("choose a 'record'") == true)
    }

    /// pyEDFlib, a reader of others, finds what was written.
    @Test(.enabled(if: python != nil, "PIPE_PYTHON names a Python with pyedflib"))
    func `another reader finds what was written`() throws {
        try withFolder { folder in
            var reader = StageHarness(MefReader.self, "path: \"\(Night.path)\"\nlayout: aligned\nskip: 3s\nlength: 7s")
            reader.files = DiskFiles()
            let blocks = try reader.run()["blocks"]
            var harness = StageHarness(EDFFile.self, "path: \(folder)/out.edf")
            harness.files = DiskFiles()
            harness.feed("blocks", blocks.map { .payload($0.payload) })
            #expect(try harness.run().troubles.isEmpty)
            let told = try ask(python ?? "", [testFolder + "/edf_peer.py", folder + "/out.edf"])
            struct Told: Decodable {
                struct Channel: Decodable {
                    var label: String
                    var rate: Double
                    var unit: String
                    var digital: [Int]
                }
                var start: String
                var seconds: Double
                var channels: [Channel]
            }
            let found = try JSONDecoder().decode(Told.self, from: Data(told.utf8))
            #expect(found.start == "2020-09-13T12:26:43")
            #expect(found.seconds == 7)
            #expect(found.channels.map(\.label) == ["A", "B", "C"])
            #expect(found.channels.allSatisfy { $0.rate == 100 && $0.unit == "uV" })
            for (channel, first) in [(0, 300), (1, 300), (2, 0)] {
                #expect(found.channels[channel].digital == Night.counts(channel, first..<first + 700).map(Int.init))
            }
        }
    }
}

/// The Python that tests use, where there is one with pyedflib.
private let python: String? = {
    guard let path = ProcessInfo.processInfo.environment["PIPE_PYTHON"] else { return nil }
    return (try? ask(path, ["-c", "import pyedflib"])) == nil ? nil : path
}()
