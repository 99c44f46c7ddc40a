import Frames
import IonFit
import PipeCore
import PipeKit

/// Frames become numbers: where each ion is, how wide, how far it swings, and how well that is known.
///
/// A frame without ions makes a document, too: whoever reads them can tell 'no ions' from 'no frame'.
struct IonFitterStage: Consumer {
    static let info = StageInfo(
        "ion_fitter",
        "Finds trapped ions in frames and fits them, with errors.",
        example: """
            from: camera
            camera: { offset: 100, read: 0.4 }
            """
    )

    @Input("Frames in grey of 8 or 16 bit.") var frames: Receiver<Frame>
    @Output("'atom_count' and 'atoms' of each frame.") var ions: Sender<Document>
    @Output("The frames with their ions, for ion_labels.", .optional) var marked: Sender<MarkedFrame>
    @Output("Numbers to plot: 'ion_count', and where there are ions the first one's and their means.", .optional)
    var telemetry: Sender<Document>

    @Option("How ions are found and measured.") var method = Method.fit
    @Option("What a count means, for 'fit'; where nothing is stated, the noise of each frame tells it.")
    var camera: CameraOptions?
    @Option("The part of a frame that is looked at; the whole of it, where nothing is stated.") var region: Region?
    @Option("The narrowest ion, in pixels (width of the Gaussian).", in: 0.5...8) var minSigma = 1.0
    @Option("The widest ion, in pixels.", in: 0.5...8) var maxSigma = 6.0
    @Option("The largest amplitude of oscillation, in pixels.", in: 0...20) var maxAmplitude = 14.0
    @Option("How far above the noise an ion is, in standard deviations.", in: 3...100) var significance = 5.0
    @Option("Ions of a frame that are fitted at most; the brightest are.", in: 1...256) var maxIons = 64
    @Option("The shape along that 'profiles' fits.") var along = Along.oscillator
    @Option("Other names for keys: { x0: pos_x, sigma_x: sig_x, R_y: sig_y }.") var names = OptionMap<String>()
    @Option("Add 'timestamp', the seconds since 1970 at which the frame was captured.") var timestamp = false

    enum Method: String, Choice {
        case fit, seed_compatible, profiles

        var summary: String {
            switch self {
            case .fit: "A matched filter, and the most likely ions under the noise of the camera, all together."
            case .seed_compatible: "The numbers of the lab's first image handler, for comparison with old data."
            case .profiles: "Its centres, and the bounded fits of summed profiles that it meant to do."
            }
        }
    }

    enum Along: String, Choice {
        case oscillator, gaussian

        var summary: String {
            switch self {
            case .oscillator: "The density of a harmonic oscillator, as the original."
            case .gaussian: "A Gaussian, which noise moves less."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if minSigma >= maxSigma {
            report.error(
                .outOfRange,
                at: $minSigma,
                "no ion is wider than \(minSigma) and narrower than \(maxSigma)",
                hint: "make 'min_sigma' smaller than 'max_sigma'"
            )
        }
        for entry in names.entries where !Names.all.contains(entry.key) {
            report.error(
                .unknownKey,
                at: $names,
                "there is no '\(entry.key)' to rename",
                hint: "use one of \(Names.all.joined(separator: ", "))"
            )
        }
        if $along.isStated && method != .profiles {
            report.error(
                .optionConflict,
                at: $along,
                "'along' is the shape that 'profiles' fits, and the method is '\(method)'",
                hint: "remove it, or use 'method: profiles'"
            )
        }
    }

    func claims(_ claims: inout Claims) {
        claims.bounds($ions, to: .kibibytes(1 + maxIons))
        claims.bounds($telemetry, to: .kibibytes(1))
        claims.holdsInputs($marked, plus: .kibibytes(maxIons))
    }

    private var fitter: IonFitter?
    private var seed = SeedCompatible()
    private var profiles = Profiles()
    private var keys = Names([])
    /// The date at which the run's time began. It is asked for once: data do not jump when somebody sets the clock.
    private var began = 0.0

    mutating func start(_ context: StageContext) {
        let limits = FitLimits(
            sigma: minSigma...maxSigma,
            amplitude: maxAmplitude,
            significance: significance,
            ions: maxIons
        )
        fitter = IonFitter(camera: camera?.model, limits: limits)
        profiles = Profiles(along: along == .gaussian ? .gaussian : .oscillator)
        keys = Names(names.entries)
        began = context.date(of: .zero)
    }

    mutating func process(_ item: consuming Item<Frame>, _ context: StageContext) throws {
        let found = try measured(item.payload)
        let date = began + Double(item.captured.nanoseconds) * 1e-9
        if marked.isLinked { marked.send(Item(header: item.header, payload: MarkedFrame(item.payload, found))) }
        if telemetry.isLinked {
            telemetry.send(Item(header: item.header, payload: Document(Telemetry.point(of: found, at: date))))
        }
        ions.send(item.with(document(found, at: date)))
    }

    private mutating func measured(_ frame: Frame) throws -> [FoundIon] {
        let (left, top) = (region?.x ?? 0, region?.y ?? 0)
        let picture = try part(of: frame)
        switch method {
        case .fit:
            guard let fitter else { return [] }
            fitter.fit(picture)
            return fitter.ions.map { FoundIon($0, camera: fitter.camera, left: left, top: top) }
        case .seed_compatible:
            seed.measure(picture)
            return seed.ions.prefix(maxIons).map { FoundIon($0, left: left, top: top) }
        case .profiles:
            profiles.measure(picture)
            return profiles.ions.prefix(maxIons).map { FoundIon($0, left: left, top: top) }
        }
    }

    private func part(of frame: Frame) throws -> Picture {
        guard frame.format != .rgb8 else {
            throw StageError("a frame in colour cannot be fitted", hint: "read it in grey")
        }
        let depth: Picture.Depth = frame.format == .grey8 ? .eight : .sixteen
        guard let whole = Picture(frame.bytes, depth: depth, columns: frame.width, rows: frame.height) else {
            throw StageError("a frame of \(frame.width)×\(frame.height) pixels is too large", hint: "cut it before")
        }
        guard let region else { return whole }
        guard let part = whole.part(columns: region.columns, rows: region.rows) else {
            throw StageError(
                "a frame of \(frame.width)×\(frame.height) pixels has nothing of the region",
                hint: "'region' begins at \(region.x), \(region.y)"
            )
        }
        return part
    }

    private func document(_ found: [FoundIon], at date: Double) -> Document {
        let atoms = found.enumerated().map { $0.element.described(id: $0.offset + 1, keys) }
        var members = [
            JSON.Member(keys["atom_count"], .integer(found.count)), JSON.Member(keys["atoms"], .array(atoms)),
        ]
        if timestamp { members.append(JSON.Member(keys["timestamp"], .number(date))) }
        if method == .fit, camera == nil, let shown = fitter?.camera {
            members.append(JSON.Member(keys["estimated_camera"], shown.described))
        }
        return Document(.object(members))
    }
}

extension CameraModel {
    /// What a frame showed of a camera that nobody stated.
    fileprivate var described: JSON { ["offset": .number(offset), "gain": .number(gain), "read": .number(read)] }
}
