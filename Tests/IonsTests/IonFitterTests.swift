import Frames
import PipeCore
import PipeTesting
import Testing

@testable import Ions

struct IonFitterTests {
    private static let two: JSON = [
        "width": 96, "height": 64, "background": 20,
        "spots": [[30.25, 40.5, 5000, 2.5], [60.5, 20.75, 3000, 2]],
    ]

    private static func fitted(_ options: String, _ frame: JSON = two) throws -> JSON {
        var harness = StageHarness(IonFitterStage.self, options)
        harness.feed("frames", [.item(frame)])
        let result = try harness.run()
        #expect(result.imbalances.isEmpty)
        #expect(result.troubles.isEmpty)
        return try #require(result.values("ions").first)
    }

    private static func number(_ value: JSON?) -> Double {
        switch value {
        case .number(let number)?: number
        case .integer(let number)?: Double(number)
        default: .nan
        }
    }

    private static func atoms(_ value: JSON) -> [JSON] {
        if case .array(let atoms)? = value["atoms"] { atoms } else { [] }
    }

    @Test func `ions are told with the keys of the lab, from the top on`() throws {
        let value = try Self.fitted("camera: { gain: 1 }")
        #expect(value["atom_count"] == 2)
        let atoms = Self.atoms(value)
        try #require(atoms.count == 2)
        for (atom, truth) in zip(atoms, [(60.5, 20.75, 2.0), (30.25, 40.5, 2.5)]) {
            #expect(abs(Self.number(atom["x0"]) - truth.0) < 0.1)
            #expect(abs(Self.number(atom["y0"]) - truth.1) < 0.1)
            #expect(abs(Self.number(atom["sigma_x"]) - truth.2) < 0.15)
            guard case .array(let errors)? = atom["fit_error"] else {
                Issue.record("there are no errors")
                return
            }
            #expect(errors.count == 8)
            #expect(Self.number(errors[0]) > 0.01 && Self.number(errors[0]) < 0.2)
        }
    }

    @Test func `keys have other names where a graph says so`() throws {
        let value = try Self.fitted("names: { x0: pos_x, R_y: sig_y, atoms: ions }")
        guard case .array(let ions)? = value["ions"], let ion = ions.first else {
            Issue.record("there are no ions")
            return
        }
        #expect(ion["pos_x"] != nil && ion["sig_y"] != nil && ion["x0"] == nil)
    }

    @Test func `a region's ions have the coordinates of the frame`() throws {
        let atoms = Self.atoms(try Self.fitted("region: { x: 10, y: 30, width: 50, height: 30 }"))
        try #require(atoms.count == 1)
        #expect(abs(Self.number(atoms[0]["x0"]) - 30.25) < 0.1)
        #expect(abs(Self.number(atoms[0]["y0"]) - 40.5) < 0.1)
    }

    @Test func `the old ways stand beside the new one`() throws {
        let bright: JSON = ["width": 128, "height": 128, "background": 20, "spots": [[60, 70, 9000, 4]]]
        let seed = Self.atoms(try Self.fitted("method: seed_compatible", bright))
        try #require(seed.count == 1)
        #expect(seed[0]["x0"] == 60.0 && seed[0]["y0"] == 70.0)
        let profiles = Self.atoms(try Self.fitted("method: profiles\nalong: gaussian", bright))
        try #require(profiles.count == 1)
        #expect(abs(Self.number(profiles[0]["sigma_x"]) - 4) < 0.05)
        #expect(profiles[0]["fit"] == ["across": "ok", "along": "ok"])
    }

    @Test func `a frame without ions is told, too`() throws {
        let stated = try Self.fitted("camera: { gain: 1 }", ["width": 40, "height": 30])
        #expect(stated == ["atom_count": 0, "atoms": []])
    }

    @Test func `a camera that nobody stated is estimated, and the numbers say so`() throws {
        #expect(try Self.fitted("camera: { gain: 1 }")["estimated_camera"] == nil)
        let camera = try #require(try Self.fitted("")["estimated_camera"])
        for key in ["offset", "gain", "read"] { #expect(Self.number(camera[key]).isFinite) }
        #expect(try Self.fitted("method: seed_compatible")["estimated_camera"] == nil)
    }

    @Test func `telemetry has the first ion and the means, and nothing where there is none`() throws {
        var harness = StageHarness(IonFitterStage.self, "camera: { gain: 1 }\ntimestamp: true")
        harness.feed("frames", [.item(Self.two), .item(["width": 40], at: .seconds(2))])
        let result = try harness.run()
        #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
        let points = result.values("telemetry")
        try #require(points.count == 2)
        #expect(points[0]["ion_count"] == 2)
        #expect(abs(Self.number(points[0]["pos_x"]) - 60.5) < 0.1)
        #expect(abs(Self.number(points[0]["avg_pos_x"]) - (60.5 + 30.25) / 2) < 0.1)
        #expect(abs(Self.number(points[0]["avg_sig_x"]) - 2.25) < 0.1)
        #expect(points[1]["ion_count"] == 0 && points[1]["pos_x"] == nil && points[1]["avg_pos_x"] == nil)
        #expect(abs(Self.number(points[1]["timestamp"]) - Self.number(points[0]["timestamp"]) - 2) < 1e-6)
        for (value, point) in zip(result.values("ions"), points) { #expect(value["timestamp"] == point["timestamp"]) }
    }

    /// Frames that take very different times: without the order kept, short ones overtake long ones.
    @Test(arguments: StageHarness.Clock.allCases) func `two replicas keep the order of a camera's frames`(
        clock: StageHarness.Clock
    ) throws {
        var harness = StageHarness(IonFitterStage.self, "camera: { gain: 1 }\nreplicas: 2")
        harness.feed(
            "frames",
            (0..<60).map { number in
                let side = number % 3 == 0 ? 240 : 32
                let spot: JSON = [16.0, .number(10 + Double(number) / 5), 4000, 2]
                return .item(["width": .integer(side), "height": .integer(side), "spots": [spot]])
            }
        )
        let result = try harness.run(on: clock)
        #expect(result.troubles.isEmpty && result.imbalances.isEmpty)
        #expect(result["ions"].map(\.sequence) == result["ions"].map(\.sequence).sorted())
        let rows = result.values("ions").map { Self.number(Self.atoms($0).first?["y0"]) }
        try #require(rows.count == 60)
        for (number, row) in rows.enumerated() { #expect(abs(row - 10 - Double(number) / 5) < 0.1) }
        #expect(result["marked"].map(\.sequence) == result["ions"].map(\.sequence))
    }

    @Test func `a region beyond the frame is an error of that frame`() throws {
        var harness = StageHarness(IonFitterStage.self, "region: { x: 80 }\non_error: skip")
        harness.feed("frames", [.item(["width": 40]), .item(["width": 96])])
        let result = try harness.run()
        #expect(result.values("ions").count == 1)
        #expect(result.imbalances.isEmpty)
    }
}
