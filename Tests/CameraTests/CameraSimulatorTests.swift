import Frames
import IonFit
import PipeCore
import PipeTesting
import Testing

@testable import Camera

struct CameraSimulatorTests {
    private static func frames(_ options: String) throws -> (frames: [Frame], truth: [JSON]) {
        let result = try StageHarness(CameraSimulator.self, options).run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        return (result["frames"].compactMap { $0.payload as? Frame }, result.values("truth"))
    }

    private static func number(_ value: JSON?) -> Double {
        switch value {
        case .number(let number)?: number
        case .integer(let number)?: Double(number)
        default: .nan
        }
    }

    private static func atoms(_ truth: JSON) -> [JSON] {
        if case .array(let atoms)? = truth["atoms"] { atoms } else { [] }
    }

    @Test func `one seed makes the same frames, another does not`() throws {
        let options = "count: 5\nwidth: 64\nheight: 48\nloss: 1/s\n"
        let first = try Self.frames(options + "seed: 4")
        #expect(first.frames.count == 5 && first.frames.allSatisfy { $0.format == .grey16 && $0.width == 64 })
        #expect(try Self.frames(options + "seed: 4").frames.map(values) == first.frames.map(values))
        #expect(try Self.frames(options + "seed: 5").frames.map(values) != first.frames.map(values))
    }

    @Test func `the background has the mean and the width of its noise, in each depth`() throws {
        for depth in ["grey8", "grey16"] {
            let options =
                "count: 4\nions: 0\nwidth: 200\nheight: 100\nseed: 1\nbackground: 30\noffset: 10\ngain: 2\nread: 3\npixels: \(depth)"
            let pixels = try Self.frames(options).frames.flatMap(values).map(Double.init)
            let mean = pixels.reduce(0, +) / Double(pixels.count)
            let variance = pixels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels.count)
            #expect(abs(mean - 70) < 0.5, "\(mean)")
            #expect(abs(variance - (4 * 30 + 9)) < 8, "\(variance)")
        }
    }

    @Test func `a fit finds what is there, where it is`() throws {
        let options = "count: 6\nwidth: 200\nheight: 100\nions: 3\nphotons: 5000\nseed: 9\ndrift: 2"
        let (frames, truth) = try Self.frames(options)
        let fitter = IonFitter(camera: CameraModel(offset: 20, read: 1.5), limits: FitLimits())
        for (frame, truth) in zip(frames, truth) {
            let picture = try #require(Picture(frame.bytes, depth: .sixteen, columns: frame.width, rows: frame.height))
            fitter.fit(picture)
            let found = fitter.ions.sorted { $0.value.x < $1.value.x }
            let atoms = Self.atoms(truth)
            #expect(found.count == 3 && atoms.count == 3 && truth["atom_count"] == 3)
            for (ion, atom) in zip(found, atoms) {
                #expect(abs(ion.value.x - Self.number(atom["x0"])) < 0.25, "\(ion.value.x), \(atom.text())")
                #expect(abs(ion.value.y - Self.number(atom["y0"])) < 0.35, "\(ion.value.y), \(atom.text())")
                #expect(abs(ion.value.photons - 5000) < 500)
            }
        }
    }

    @Test func `ions wander, are lost and come again`() throws {
        let options = "count: 600\nwidth: 32\nheight: 16\nions: 2\nseed: 3\nloss: 1/s\nreload: 500ms\ndrift: 1"
        let counts = try Self.frames(options).truth.map { Self.atoms($0).count }
        #expect(Set(counts) == [0, 1, 2])
        let lost = zip(counts, counts.dropFirst()).count { $0 > $1 }
        #expect((5...40).contains(lost), "\(lost)")
        let still = try Self.frames("count: 50\nwidth: 32\nheight: 16\nions: 1\ndrift: 0").truth
        #expect(Set(still.map { Self.atoms($0).first?["x0"] }).count == 1)
    }

    @Test func `frames come at their rate`() throws {
        let result = try StageHarness(CameraSimulator.self, "count: 61\nrate: 60/s\nwidth: 16\nheight: 16").run()
        let times = result["frames"].map(\.captured)
        #expect(abs((times[60] - times[0]).seconds - 1) < 1e-6)
        #expect(result.stage("subject").progress?.done == 61)
    }

    @Test func `light that leaves the frame is cut off`() throws {
        let (frames, _) = try Self.frames("count: 30\nwidth: 16\nheight: 16\nions: 2\ndrift: 50\nsigma: 3\nseed: 2")
        #expect(frames.count == 30)
    }
}
