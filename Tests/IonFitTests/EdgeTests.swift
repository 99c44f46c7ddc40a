import IonFit
import Testing

/// What is reported where there is little to fit, too much, or nothing.
struct EdgeTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func `an empty frame has no ion`(seed: UInt64) throws {
        #expect(try Scene(columns: 300, rows: 300, background: 2, seed: seed).fitted().isEmpty)
    }

    @Test(arguments: [0, 1, 200]) func `a frame of one level has no ion`(level: UInt16) throws {
        let fitter = IonFitter(camera: CameraModel())
        try [UInt16](repeating: level, count: 64 * 64).withUnsafeBytes {
            fitter.fit(try #require(Picture($0, depth: .sixteen, columns: 64, rows: 64)))
        }
        #expect(fitter.ions.isEmpty)
    }

    @Test func `a frame that is clipped everywhere has no ion, and says so`() throws {
        let fitter = IonFitter(camera: CameraModel())
        try [UInt8](repeating: 255, count: 64 * 64).withUnsafeBytes {
            fitter.fit(try #require(Picture($0, depth: .eight, columns: 64, rows: 64)))
        }
        #expect(fitter.ions.isEmpty)
        #expect(fitter.clippedPixels == 64 * 64)
    }

    @Test(arguments: [(1, 1), (1, 40), (40, 1), (2, 2), (3, 7), (15, 17), (16, 16), (33, 300)])
    func `any size is fitted`(columns: Int, rows: Int) throws {
        let bright = (x: Double(columns) / 2, y: Double(rows) / 2, sigma: 2.0, photons: 5000.0)
        for ion in try Scene(columns: columns, rows: rows, ions: [bright]).fitted() {
            #expect(ion.value.all().allSatisfy { $0.isFinite })
        }
    }

    @Test func `clipped pixels say nothing: the ion under them is fitted from its flanks`() throws {
        let scene = Scene(ions: [(x: 48.3, y: 47.6, sigma: 3, photons: 30_000)], most: 300)
        let ion = try #require(try scene.fitted().first)
        #expect(ion.flags.contains(.clipped))
        #expect(abs(ion.value.x - 48.3) < 4 * ion.error.x)
        #expect(abs(ion.value.y - 47.6) < 4 * ion.error.y)
        #expect(abs(ion.value.photons - 30_000) < 5 * ion.error.photons)
        #expect(ion.error.x < 0.1)
    }

    @Test func `overlapping ions are fitted together, and their errors know it`() throws {
        let one = (x: 40.2, y: 48.0, sigma: 2.5, photons: 8000.0)
        let alone = try #require(try Scene(ions: [one]).fitted().first)
        let both = try Scene(ions: [one, (x: 47.4, y: 48.3, sigma: 2.5, photons: 6000)]).fitted()
        try #require(both.count == 2)
        let left = try #require(both.min { $0.value.x < $1.value.x })
        #expect(left.flags.contains(.crowded))
        #expect(!alone.flags.contains(.crowded))
        #expect(abs(left.value.x - 40.2) < 4 * left.error.x)
        #expect(left.error.x > alone.error.x)
    }

    /// Ions that swing, and touch: at first two have been found where three are.
    @Test(arguments: [2.9, 3.2, 3.4])
    func `ions of a chain are as many as they are`(apart: Double) throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            var scene = Scene(columns: 160, rows: 64, amplitude: 4.4, seed: seed)
            for number in 0..<7 {
                let light = 11_000 + 1500 * Double((number * 5 + Int(seed)) % 7)
                scene.ions.append((x: 30 + 4 * apart * Double(number), y: 32, sigma: 4, photons: light))
            }
            #expect(try scene.fitted().count == 7, "seed \(seed)")
        }
    }

    @Test func `an ion at the edge is cut`() throws {
        let ions = try Scene(ions: [(x: 1.5, y: 50, sigma: 2.5, photons: 20_000)]).fitted()
        let ion = try #require(ions.first)
        #expect(ion.flags.contains(.cut))
        #expect(abs(ion.value.x - 1.5) < 5 * ion.error.x)
    }

    @Test func `8 and 16 bit tell the same`() throws {
        var scene = Scene(ions: [(x: 30, y: 40, sigma: 2, photons: 2000)], most: 255)
        let wide = try scene.fitted()
        scene.depth = .eight
        #expect(try scene.fitted() == wide)
    }

    @Test func `no more ions than are asked for`() throws {
        var scene = Scene()
        for place in 0..<9 {
            let (x, y) = (16 + 32 * (place % 3), 16 + 32 * (place / 3))
            scene.ions.append((x: Double(x), y: Double(y), sigma: 2, photons: 3000))
        }
        #expect(try scene.fitted().count == 9)
        #expect(try scene.fitted(FitLimits(ions: 4)).count == 4)
    }

    @Test func `noise of any kind is no crash`() throws {
        var state: UInt64 = 1
        for round in 0..<12 {
            let values = (0..<64 * 48).map { _ -> UInt16 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt16(truncatingIfNeeded: state >> 40) >> UInt16(round)
            }
            let model = CameraModel(offset: Double(round * 300), gain: round % 2 == 0 ? 1e-3 : 50, read: 0)
            let fitter = IonFitter(camera: model)
            try values.withUnsafeBytes { fitter.fit(try #require(Picture($0, depth: .sixteen, columns: 64, rows: 48))) }
            for ion in fitter.ions { #expect(ion.value.all().allSatisfy { $0.isFinite }) }
        }
    }

    @Test func `a picture is as large as its bytes`() {
        [UInt8](repeating: 0, count: 100).withUnsafeBytes { bytes in
            #expect(Picture(bytes, depth: .eight, columns: 10, rows: 10) != nil)
            #expect(Picture(bytes, depth: .eight, columns: 10, rows: 11) == nil)
            #expect(Picture(bytes, depth: .sixteen, columns: 10, rows: 6) == nil)
            #expect(Picture(bytes, depth: .eight, columns: 0, rows: 5) == nil)
            #expect(Picture(bytes, depth: .eight, columns: 1 << 40, rows: 1 << 40) == nil)
            #expect(Picture(bytes, depth: .eight, columns: 10, rows: 4, stride: 25)?[3, 2] == 0)
        }
    }
}
