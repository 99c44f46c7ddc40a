import FoundationEssentials
@testable import IonFit
import Testing

/// `Frames/seed.json` holds what OpenCV makes of the frames by the rules of the original handler
/// (`Benchmarks/ions/seed_rules.py`): counts wrapped to 8 bit, so that there are many shapes and holes.
struct SeedTests {
    private struct Row: Decodable {
        var file: String
        var largest: Int
        var mean: Double
        var ions: [[Double]]
    }

    @Test func `counts, centres and estimates are those of the original`() throws {
        let rows = try JSONDecoder().decode(
            [Row].self,
            from: try Data(contentsOf: URL(filePath: TrueFrame.folder + "seed.json"))
        )
        var frames: [String: TrueFrame] = [:]
        for frame in try TrueFrame.all() { frames[frame.file] = frame }
        #expect(rows.count == frames.count)
        for row in rows {
            let frame = try #require(frames[row.file])
            var seed = SeedCompatible()
            try frame.picture { seed.measure(try #require($0.part(columns: 0..<300, rows: 0..<300))) }
            #expect(seed.largest == row.largest, "\(row.file)")
            #expect(abs(seed.mean - row.mean) < 1e-9, "\(row.file)")
            try #require(seed.ions.count == row.ions.count, "\(row.file)")
            for (ion, expected) in zip(seed.ions, row.ions) {
                for (value, wanted) in zip(ion.all(), expected) {
                    #expect(abs(value - wanted) < 1e-6, "\(row.file): \(ion.all()) for \(expected)")
                }
            }
        }
    }

    @Test(arguments: [
        (largest: 100.0, mean: 40.0, threshold: 55), (largest: 60, mean: 40, threshold: 50),
        (largest: 104, mean: 100, threshold: 103), (largest: 400.9, mean: 397, threshold: 399),
        (largest: 103, mean: 100, threshold: nil),
    ])
    func `the threshold follows the contrast`(largest: Double, mean: Double, threshold: Int?) {
        #expect(SeedCompatible.threshold(largest: largest, mean: mean) == threshold)
    }

    @Test(arguments: [(1, 1), (2, 1), (1, 9), (7, 3), (40, 25)]) func `any size is measured`(columns: Int, rows: Int)
        throws
    {
        let values = (0..<columns * rows).map { UInt8(truncatingIfNeeded: $0 * 97) }
        var (seed, profiles) = (SeedCompatible(), Profiles())
        try values.withUnsafeBytes {
            let picture = try #require(Picture($0, depth: .eight, columns: columns, rows: rows))
            seed.measure(picture)
            profiles.measure(picture)
        }
        #expect(seed.ions.count <= columns * rows)
    }
}

extension SeedCompatible.Ion {
    func all() -> [Double] {
        [Double(x), Double(y), sigma, amplitude, heightAcross, heightAlong, offsetAcross, offsetAlong]
    }
}
