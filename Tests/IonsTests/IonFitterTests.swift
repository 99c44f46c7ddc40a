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
        let value = try Self.fitted("")
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
        #expect(try Self.fitted("", ["width": 40, "height": 30]) == ["atom_count": 0, "atoms": []])
    }

    @Test func `a region beyond the frame is an error of that frame`() throws {
        var harness = StageHarness(IonFitterStage.self, "region: { x: 80 }\non_error: skip")
        harness.feed("frames", [.item(["width": 40]), .item(["width": 96])])
        let result = try harness.run()
        #expect(result.values("ions").count == 1)
        #expect(result.imbalances.isEmpty)
    }
}
