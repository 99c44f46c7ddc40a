import PipeCore
import PipeKit

/// Pairs the items of two links: by sequence, by key, or by the nearest time of capture.
struct Join: Stage {
    static let info = StageInfo(
        "join",
        "Pairs the items of two links.",
        example: """
            from:
              left_camera: { to: left }
              right_camera: { to: right }
            by: sequence
            """
    )

    @Input("One side.") var left: Receiver<AnyPayload>
    @Input("The other side.") var right: Receiver<AnyPayload>
    @Output("A document with 'left' and 'right'.") var pairs: Sender<Document>

    @Option("What makes two items a pair.") var by = By.sequence
    @Option("What happens to an item whose partner will not come.") var missing = Missing.skip
    @Option("Longest time that an item waits for its partner; with 'by: time', how far apart two may be.", in: .zero...)
    var window = Duration.seconds(1)

    enum By: String, Choice {
        case sequence, key, time

        var summary: String {
            switch self {
            case .sequence: "The same number."
            case .key: "The same key."
            case .time: "The nearest time of capture, within 'window'."
            }
        }
    }

    enum Missing: String, Choice {
        case skip, pass, wait

        var summary: String {
            switch self {
            case .skip: "It is dropped as not chosen, when a gap or 'window' says so."
            case .pass: "It leaves alone, its partner null."
            case .wait: "It waits for its partner, however long."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if missing == .wait, $window.isStated, by != .time {
            report.error(
                .optionConflict,
                at: $window,
                "an item that waits however long has no 'window'",
                hint: "remove 'window', or use 'missing: skip'"
            )
        }
    }

    func claims(_ claims: inout Claims) {
        claims.holdsInputs($pairs)
        if missing == .wait { claims.waitsForPartners() }
    }
}
