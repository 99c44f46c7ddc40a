import Frames
import PipeCore
import PipeKit

/// Who keeps a camera running wants to see it: a picture, a curve, the last reading.
///
/// The stage takes whatever comes and holds nobody up: what nobody looks at in time is gone, on the page and not in the
/// books.
struct WebView: Consumer {
    static let info = StageInfo(
        "web_view",
        "Shows items on the page of the run: pictures as video, documents as text and plots.",
        example: """
            from: ions
            plot: { ions: atom_count }
            """,
        traits: [.neverStalls, .remembers],
        details: """
            The page is served where the graph has 'web', or with 'pipe run --web'. Pictures (encoded_frame: JPEG, PNG) are
            served as MJPEG under '/views/NAME.mjpeg' and the latest under '/views/NAME.jpg'; any other payload by its own
            description, as events under '/views/NAME.events' and with its plots under '/views/NAME.json'.
            """
    )

    @Input("What is shown: any payload.") var items: Receiver<AnyPayload>

    @Option("What stands above it; the stage's name, where nothing is stated.") var title: String?
    @Option("A path of its own, such as '/video_feed': MJPEG for pictures, events for anything else.") var path:
        WebPath?
    @Option("What events under 'path' look like.") var form = Form.events
    @Option("Numbers that are plotted over time, each with its name.") var plot = OptionMap<Expression>()
    @Option("Documents that are kept for plots.", in: 1...100_000) var keep = 600
    @Option("The most memory of what is kept; a larger picture is refused.", in: .kibibytes(4)...ByteCount.gibibytes(1))
    var maxBytes = ByteCount.mebibytes(8)

    enum Form: String, Choice {
        case events, telemetry

        var summary: String {
            switch self {
            case .events: "One event for each item."
            case .telemetry: "Twice a second all that is plotted in the last 300 s, as the lab's web clients read it."
            }
        }
    }

    /// A page with more curves tells nobody anything.
    private static let mostCurves = 12

    func check(_ report: inout Diagnostics) {
        if plot.entries.count > Self.mostCurves {
            report.error(
                .outOfRange,
                at: $plot,
                "\(plot.entries.count) curves are more than \(Self.mostCurves)",
                hint: "show the others by a second stage of this type"
            )
        }
        if form == .telemetry, path == nil {
            report.error(
                .optionConflict,
                at: $form,
                "'form' is that of the events under a path of its own",
                hint: "add 'path: /api/telemetry/stream', or remove 'form'"
            )
        }
        if form == .telemetry, plot.entries.isEmpty {
            report.error(
                .optionConflict,
                at: $form,
                "telemetry is what is plotted, and nothing is",
                hint: "add 'plot: { NAME: EXPRESSION }'"
            )
        }
    }

    private var panel: Panel?

    mutating func start(_ context: StageContext) {
        var setup = Panel.Setup(title: title ?? context.stage)
        setup.path = path?.path
        setup.form = form == .telemetry ? .telemetry : .events
        setup.series = plot.entries.map(\.key)
        setup.keep = keep
        setup.maxBytes = maxBytes
        panel = context.panel(setup)
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) throws {
        let item = item
        let content: Panel.Content
        // What a browser shows; any other file is described.
        if let frame = item.payload.value as? EncodedFrame, [.jpeg, .png].contains(frame.format) {
            guard frame.byteCount <= maxBytes.bytes else {
                throw StageError(
                    "a picture of \(frame.byteCount) bytes is above \(maxBytes)",
                    hint: "raise 'max_bytes', or encode it smaller"
                )
            }
            content = .picture(frame.buffer, count: frame.byteCount, type: frame.format.mediaType)
        } else {
            content = .document(Array(item.payload.described.text().utf8), numbers: numbers(of: item, context))
        }
        panel?.show(content, date: context.date(of: item.captured), age: max(.zero, context.now - item.captured))
    }

    /// What is plotted; what is no number leaves a hole in its curve.
    private func numbers(of item: Item<AnyPayload>, _ context: StageContext) -> [Double?] {
        guard !plot.entries.isEmpty else { return [] }
        let subject = context.subject(item)
        return plot.entries.map { entry in
            switch entry.value.evaluate(subject) {
            case .integer(let number): Double(number)
            case .number(let number) where number.isFinite: number
            case .bool(let isTrue): isTrue ? 1 : 0
            default: nil
            }
        }
    }
}
