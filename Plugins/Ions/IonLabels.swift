import Frames
import PipeCore
import PipeKit

/// A physicist sees at once whether the fit is right: a box around each ion and its numbers beside it.
struct IonLabels: Consumer {
    static let info = StageInfo(
        "ion_labels",
        "Draws a box and the numbers of each ion into its frame.",
        example: """
            from: ions.marked
            """
    )

    @Input("Frames with their ions.") var marked: Receiver<MarkedFrame>
    @Output("The frames in colour, with boxes and labels.") var frames: Sender<Frame>

    @Option("What stands beside a box.") var text = Text.values

    enum Text: String, Choice {
        case values, number, none

        var summary: String {
            switch self {
            case .values: "Number, position, width and amplitude."
            case .number: "The number of the ion."
            case .none: "Nothing."
            }
        }
    }

    func claims(_ claims: inout Claims) { claims.holdsInputs($frames, times: 3) }

    /// One after the other, as the lab's handler has them.
    private static let colours: [Canvas.Colour] = [
        (0, 255, 0), (0, 0, 255), (255, 0, 0), (0, 255, 255), (255, 0, 255), (255, 255, 0), (255, 165, 0),
    ]
    /// Frames of one camera have one size: another size makes another pool.
    private var pool: (size: Int, buffers: BufferPool)?

    mutating func process(_ item: consuming Item<MarkedFrame>, _ context: StageContext) throws {
        let marked = item.payload
        let size = 3 * marked.frame.width * marked.frame.height
        guard let canvas = Canvas(marked.frame, buffers(size).take()) else {
            throw StageError(
                "a frame of \(size) bytes does not fit its buffer",
                hint: "report this: it is a mistake of ours"
            )
        }
        for (place, ion) in marked.ions.enumerated() { draw(ion, number: place + 1, canvas) }
        guard let frame = canvas.frame() else {
            throw StageError(
                "a frame of \(size) bytes does not fit its buffer",
                hint: "report this: it is a mistake of ours"
            )
        }
        frames.send(item.with(frame))
    }

    private mutating func buffers(_ size: Int) -> BufferPool {
        if let pool, pool.size == size { return pool.buffers }
        let made = BufferPool(size: ByteCount(size), keeping: ByteCount(max(size, 1) * 4))
        pool = (size, made)
        return made
    }

    private func draw(_ ion: FoundIon, number: Int, _ canvas: Canvas) {
        let colour = Self.colours[(number - 1) % Self.colours.count]
        let (x, y, sigma, amplitude) = (ion.x, ion.y, ion.sigma, ion.amplitude)
        guard let place = canvas.mark(x: x, y: y, sigma: sigma, amplitude: amplitude, colour), text != .none else {
            return
        }
        canvas.label(number, text == .values ? (x, y, sigma, amplitude) : nil, at: place, colour)
    }
}
