import FoundationEssentials
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Mef

/// The filters against values that SciPy computed (`filters_expected.py`).
struct FilterTests {
    struct Case: Decodable, Sendable, CustomStringConvertible {
        var stage: String
        var options: String
        var rate: Double
        var input: [Double]
        var output: [Double]

        var description: String { "\(stage) \(options.replacing("\n", with: ", ")) at \(rate) Hz" }

        static let all: [Case] = {
            do {
                let data = try Data(contentsOf: URL(filePath: testFolder + "/Expected/filters.json"))
                return try JSONDecoder().decode([Case].self, from: data)
            } catch {
                preconditionFailure("\(error)")
            }
        }()

        func harness() throws -> StageHarness {
            let type = try #require(Plugin.mef.stages.first { $0.name == stage })
            return StageHarness(type, options)
        }

        var portName: String { stage == "resample" ? "resampled" : stage == "envelope" ? "envelopes" : "filtered" }

        func run(_ blocks: [Samples]) throws -> [Samples] {
            var harness = try harness()
            harness.feed("blocks", blocks.map { .payload($0) })
            let result = try harness.run()
            #expect(result.troubles.isEmpty)
            #expect(result.imbalances.isEmpty)
            return result.blocks(portName)
        }

        func expectSame(_ values: [Double], _ wanted: [Double]) {
            #expect(values.count == wanted.count)
            let scale = wanted.map(abs).max() ?? 1
            let worst = zip(values, wanted).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= 1e-9 * max(1, scale), "off by \(worst) of \(scale)")
        }
    }

    @Test(arguments: Case.all)
    func `does what SciPy does, whatever the blocks`(_ test: Case) throws {
        for lengths in [[test.input.count], [1, 7, 100, 33]] {
            let result = try test.run(blocks(test.input, rate: test.rate, lengths: lengths))
            test.expectSame(result.flatMap { $0.row(0) }, test.output)
            #expect(result.first?.start == Night.start)
            for (one, next) in zip(result, result.dropFirst()) {
                #expect(abs(one.end - next.start) <= 1, "blocks do not go on where the one before ended")
            }
        }
    }

    @Test(arguments: Case.all)
    func `begins anew behind a gap`(_ test: Case) throws {
        let first = blocks(test.input, rate: test.rate)
        let second = blocks(test.input, rate: test.rate, start: Night.start + 3_600_000_000)
        let result = try test.run(first + second)
        test.expectSame(result.flatMap { $0.row(0) }, test.output + test.output)
        #expect(result.contains { $0.start == Night.start + 3_600_000_000 })
    }

    @Test(arguments: Case.all.filter { $0.stage != "resample" })
    func `begins anew behind NaN, and leaves it where it is`(_ test: Case) throws {
        let gap = [Double](repeating: .nan, count: 17)
        let result = try test.run(blocks(gap + test.input + gap + test.input, rate: test.rate)).flatMap { $0.row(0) }
        #expect(result.prefix(17).allSatisfy { $0.isNaN })
        test.expectSame(Array(result[17..<17 + test.output.count]), test.output)
        #expect(result[(17 + test.output.count)...].prefix(17).allSatisfy { $0.isNaN })
        test.expectSame(Array(result.suffix(test.output.count)), test.output)
    }

    @Test func `resampling leaves NaN where nothing was stored`() throws {
        let values = (0..<400).map { (100..<200).contains($0) ? Double.nan : 1 }
        var harness = StageHarness(Resample.self, "rate: 50Hz")
        harness.feed("blocks", blocks(values, rate: 100).map { .payload($0) })
        let row = try harness.run().blocks("resampled").flatMap { $0.row(0) }
        #expect(row.count == 200)
        #expect(row.enumerated().allSatisfy { $1.isNaN == (50..<100).contains($0) })
        #expect(abs(row[20] - 1) < 1e-3)
    }

    @Test func `rows and streams have memories of their own`() throws {
        let test = Case.all[0]
        let two = Signal(channels: ["x", "y"], rate: test.rate)
        let mirrored = test.input.map { -$0 }
        var harness = try test.harness()
        harness.feed(
            "blocks",
            stride(from: 0, to: 600, by: 50).flatMap { first -> [Fed] in
                let time = Night.start + Int64((Double(first) / test.rate * 1e6).rounded())
                let rows = [Array(test.input[first..<first + 50]), Array(mirrored[first..<first + 50])]
                let alone = Signal(channels: ["z"], rate: test.rate)
                return [
                    .payload(Samples.make(two, start: time, rows), key: "a"),
                    .payload(Samples.make(alone, start: time, [rows[1]]), key: "b"),
                ]
            }
        )
        let result = try harness.run().blocks("filtered")
        let pairs = result.filter { $0.rows == 2 }
        test.expectSame(pairs.flatMap { $0.row(0) }, test.output)
        test.expectSame(pairs.flatMap { $0.row(1) }, test.output.map { -$0 })
        test.expectSame(result.filter { $0.rows == 1 }.flatMap { $0.row(0) }, test.output.map { -$0 })
    }

    @Test(arguments: [
        ("bandpass", "low: 1Hz\nhigh: 200Hz", "lower 'high' below 128Hz"),
        ("notch", "frequency: 128Hz", "lower 'frequency' below 128Hz"),
        ("envelope", "cutoff: 1kHz", "lower 'cutoff' below 128Hz"),
        ("resample", "rate: 99.1234567Hz", "choose a 'rate' that has one with 256"),
    ])
    func `says what a rate does not allow`(stage: String, options: String, help: String) throws {
        let type = try #require(Plugin.mef.stages.first { $0.name == stage })
        var harness = StageHarness(type, options)
        harness.feed("blocks", blocks([1, 2, 3], rate: 256).map { .payload($0) })
        let result = try harness.run()
        #expect(result.troubles.first?.contains(help) == true, "\(result.troubles)")
        #expect(result.imbalances.isEmpty)
    }

    @Test func `cannot be shared by replicas`() {
        let harness = StageHarness(Bandpass.self, "low: 1Hz\nhigh: 40Hz\nreplicas: 2")
        #expect { try harness.start() } throws: { "\($0)".contains("goes by the items before") }
    }
}
