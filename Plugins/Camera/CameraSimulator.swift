import Frames
import PipeCore
import PipeKit

/// A camera on a trap that nobody has: ions in a row, with the noise of photons and of reading out, that wander, and are
/// lost and loaded again. The same seed makes the same frames.
struct CameraSimulator: Source {
    static let info = StageInfo(
        "camera_simulator",
        "Makes frames of trapped ions, with noise, drift and loss.",
        example: """
            width: 32
            height: 24
            ions: 1
            count: 40
            seed: 7
            """,
        traits: .repeats
    )

    @Output("Frames in grey.") var frames: Sender<Frame>
    @Output("What is really there: 'atom_count' and 'atoms' of each frame.", .optional) var truth: Sender<Document>

    @Option("Columns.", in: 16...8192) var width = 500
    @Option("Rows.", in: 16...8192) var height = 300
    @Option("Frames a second.", in: Rate(perHour: 1)...Rate(perSecond: 100_000)) var rate = Rate(perSecond: 60)
    @Option("Frames; without it, as many as come until the run ends.", in: 1...) var count: Int?
    @Option("What a pixel is.") var pixels = Depth.grey16
    @Option("Ions, side by side.", in: 0...100) var ions = 3
    @Option("Photons of an ion in a frame.", in: 0...1e6) var photons = 3000.0
    @Option("Its width in pixels (sigma).", in: 0.5...20) var sigma = 2.5
    @Option("How far it swings along the rows, in pixels.", in: 0...100) var amplitude = 3.0
    @Option("Photons of a pixel without ions.", in: 0...10_000) var background = 8.0
    @Option("Counts of a pixel without light.", in: 0...60_000) var offset = 20.0
    @Option("Counts that a photon makes.", in: 1e-3...1000) var gain = 1.0
    @Option("Noise of reading a pixel out, in counts (rms).", in: 0...1000) var read = 1.5
    @Option("How far an ion wanders from its place, in pixels (rms).", in: 0...50) var drift = 1.0
    @Option("How often an ion is lost; without it, never.", in: Rate(perHour: 0.01)...Rate(perSecond: 1000))
    var loss: Rate?
    @Option("How long it takes to load another in its place.", in: .zero...Duration.seconds(86_400))
    var reload = Duration.seconds(2)
    @Option("Makes the same frames each time; without it, what the run's seed makes.", in: 0...) var seed: Int?

    enum Depth: String, Choice {
        case grey8, grey16

        var summary: String {
            switch self {
            case .grey8: "8 bit; what is brighter than 255 counts is 255."
            case .grey16: "16 bit."
            }
        }
    }

    func claims(_ claims: inout Claims) {
        claims.bounds($frames, to: ByteCount(width * height * format.size))
        claims.bounds($truth, to: .kibibytes(32))
    }

    private var format: Frame.Format { pixels == .grey8 ? .grey8 : .grey16 }

    private var trap: SimulatedTrap?
    private var sensor: SimulatedSensor?
    private var pace: Pace?
    private var made = 0

    mutating func start(_ context: StageContext) {
        var chance =
            seed.map { RandomSource(seed: UInt64(bitPattern: Int64($0))) }
            ?? RandomSource(seed: context.random { $0.next() })
        let light = IonLight(
            x: Double(width) / 2,
            y: Double(height) / 2,
            sigma: sigma,
            amplitude: amplitude,
            photons: photons
        )
        trap = SimulatedTrap(
            ions: ions,
            light,
            across: Double(width),
            drift: drift,
            loss: loss?.perSecond ?? 0,
            reload: reload.seconds,
            step: 1 / rate.perSecond,
            chance
        )
        sensor = SimulatedSensor(
            width: width,
            height: height,
            format,
            background: background,
            offset: offset,
            gain: gain,
            read: read,
            RandomSource(seed: chance.next())
        )
        pace = Pace(rate, from: context.now)
    }

    mutating func produce(_ room: Int, _ context: StageContext) throws -> Production {
        for _ in 0..<room {
            guard let due = pace?.due, made < count ?? .max else { return .ended }
            if due > context.now { return .at(due) }
            let lights = trap?.next() ?? []
            guard let frame = sensor?.expose(lights) else {
                throw StageError("a frame of \(width)×\(height) pixels cannot be made", hint: "make it smaller")
            }
            frames.send(frame, captured: due)
            if truth.isLinked { truth.send(Self.document(lights), captured: due) }
            made += 1
            pace?.advance()
            if let count { context.progress(made, of: count) }
        }
        return .more
    }

    /// By the names that 'ion_fitter' uses.
    private static func document(_ lights: [IonLight]) -> Document {
        let atoms = lights.enumerated().map { place, light -> JSON in
            [
                "id": .integer(place + 1), "x0": .number(light.x), "y0": .number(light.y),
                "sigma_x": .number(light.sigma), "R_y": .number(light.amplitude), "photons": .number(light.photons),
            ]
        }
        return Document(["atom_count": .integer(lights.count), "atoms": .array(atoms)])
    }
}
