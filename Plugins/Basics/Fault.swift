import PipeCore
import PipeKit

/// Misbehaves on purpose: fails, delays and loses items as told, so that a graph shows what it does then.
struct Fault: Stage {
    static let info = StageInfo(
        "fault",
        "Fails, delays or loses items on purpose.",
        example: """
            from: camera
            fail: 1%
            delay: 20ms
            """,
        traits: .sheds
    )

    @Input("What comes.") var items: Receiver<AnyPayload>
    @Output("What is left of it.", like: "items") var survivors: Sender<AnyPayload>

    @Option("Share of items that it fails on.", in: Percentage(percent: 0)...Percentage(percent: 100))
    var fail = Percentage(percent: 0)
    @Option("Share of items that it drops as not chosen.", in: Percentage(percent: 0)...Percentage(percent: 100))
    var lose = Percentage(percent: 0)
    @Option("Each item takes so long.", in: .zero...Duration.seconds(3600)) var delay = Duration.zero
    @Option("It dies after so many items, once.", in: 1...) var dieAfter: Int?
    @Option("Seed of what is left to chance.", in: 0...) var seed = 1

    func check(_ report: inout Diagnostics) {
        if fail.percent + lose.percent > 100 {
            report.error(
                .outOfRange,
                at: $lose,
                "\(fail) that fail and \(lose) that are lost are more than all",
                hint: "use \(Percentage(percent: 100 - fail.percent)) or less"
            )
        }
    }
}
