import IonFit
import Testing

/// What is told where nobody has stated the camera: its noise has to come from the frame.
struct UnstatedCameraTests {
    private struct Fitted {
        var frame: TrueFrame
        var ions: [Ion]
        var camera: CameraModel
    }

    private static let fits = Result {
        try TrueFrame.all().map { frame in
            let fitter = IonFitter(camera: nil)
            try frame.picture { fitter.fit($0) }
            return Fitted(frame: frame, ions: fitter.ions, camera: fitter.camera)
        }
    }

    @Test func `ions are found as well, and their errors are as large as they err`() throws {
        let fits = try Self.fits.get()
        let matched = fits.flatMap { $0.frame.matches($0.ions) }
        let there = fits.reduce(0) { $0 + $1.frame.ions.count }
        let found = fits.reduce(0) { $0 + $1.ions.count }
        #expect(Double(matched.count) / Double(found) >= 0.985, "precision")
        #expect(Double(matched.count) / Double(there) >= 0.97, "recall")
        for (place, name) in ["x", "y", "sigma"].enumerated() {
            let errors = matched.map { $0.ion.value.all()[place] - $0.truth.all()[place] }
            let ratios = zip(errors, matched).map { $0 / $1.truth.bound.all()[place] }
            #expect(trimmed(ratios) <= 1.2, "\(name): error by bound")
            let pulls = zip(errors, matched).map { $0 / $1.ion.error.all()[place] }
            #expect((0.8...1.25).contains(trimmed(pulls)), "\(name): width of the pulls")
        }
    }

    @Test func `the gain is found, with the excess of electron multiplication in it`() throws {
        let ratios = try Self.fits.get().map { fit in
            fit.camera.gain / (fit.frame.camera.gain * (fit.frame.camera.kind == "emccd" ? 2 : 1))
        }
        let sorted = ratios.sorted()
        #expect((0.85...1.15).contains(sorted[sorted.count / 2]))
        #expect(sorted.dropFirst(2).dropLast(2).allSatisfy { (0.5...2).contains($0) }, "\(sorted)")
    }

    /// Sums of neighbours, as a lossy code or a demosaicked sensor leaves them: by their second differences they have hardly
    /// any noise, and at the scale of an ion a lot.
    @Test(arguments: [1, 2, 3] as [UInt64]) func `noise that neighbours share is no ion`(seed: UInt64) throws {
        let (columns, rows) = (160, 120)
        let source = Scene(columns: columns + 4, rows: rows + 4, background: 40, seed: seed).values().map(Int.init)
        var values = [UInt8](repeating: 0, count: columns * rows)
        for row in 0..<rows {
            for column in 0..<columns {
                var total = 0
                for y in 0..<5 { for x in 0..<5 { total += source[(row + y) * (columns + 4) + column + x] } }
                values[row * columns + column] = UInt8(clamping: total / 25)
            }
        }
        let fitter = IonFitter(camera: nil)
        try values.withUnsafeBytes {
            fitter.fit(try #require(Picture($0, depth: .eight, columns: columns, rows: rows)))
        }
        #expect(fitter.ions.isEmpty)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func `an empty frame has no ion`(seed: UInt64) throws {
        for background in [0.3, 2, 50] {
            let scene = Scene(columns: 200, rows: 150, background: background, seed: seed)
            #expect(try scene.fitted(unstated: true).isEmpty, "background \(background)")
        }
    }

    @Test(arguments: [0, 1, 200, 65535] as [UInt16]) func `a frame of one level has no ion`(level: UInt16) throws {
        let fitter = IonFitter(camera: nil)
        try [UInt16](repeating: level, count: 64 * 48).withUnsafeBytes {
            fitter.fit(try #require(Picture($0, depth: .sixteen, columns: 64, rows: 48)))
        }
        #expect(fitter.ions.isEmpty)
        #expect(fitter.camera.gain.isFinite && fitter.camera.read.isFinite && fitter.camera.offset.isFinite)
    }

    @Test(arguments: [(1, 1), (1, 40), (40, 1), (2, 2), (3, 3), (3, 7), (15, 17), (16384, 1), (16384, 2), (2, 16384)])
    func `any size is fitted`(columns: Int, rows: Int) throws {
        let bright = (x: Double(columns) / 2, y: Double(rows) / 2, sigma: 2.0, photons: 5000.0)
        for ion in try Scene(columns: columns, rows: rows, ions: [bright]).fitted(unstated: true) {
            #expect(ion.value.all().allSatisfy { $0.isFinite })
        }
    }

    @Test(arguments: [true, false]) func `one hot pixel is no ion`(isUnstated: Bool) throws {
        for (level, hot) in [(0, 5000), (10, 5000), (10, 200)] {
            var values = [UInt16](repeating: UInt16(level), count: 96 * 80)
            values[40 * 96 + 50] = UInt16(hot)
            let fitter = IonFitter(camera: isUnstated ? nil : CameraModel())
            try values.withUnsafeBytes {
                fitter.fit(try #require(Picture($0, depth: .sixteen, columns: 96, rows: 80)))
            }
            #expect(fitter.ions.isEmpty, "\(hot) on \(level)")
        }
    }
}
