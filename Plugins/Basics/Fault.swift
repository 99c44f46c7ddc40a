import PipeCore
import PipeKit

/// Misbehaves on purpose: fails, delays and loses items as told, so that a graph shows what it does then.
struct Fault: Consumer {
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

    private var chance = RandomSource(seed: 0)
    private var seen = 0

    mutating func start(_ context: StageContext) {
        // Another instance goes on with other luck, or it would stumble over the same item again.
        chance = RandomSource(seed: UInt64(seed) &+ UInt64(context.restarts) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// The item that takes its time.
    private var slow: Item<AnyPayload>?
    private var due = Instant.zero

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        guard delay > .zero else { return decide(item, context) }
        context.keep()
        context.busy(for: delay)
        due = context.now + delay
        context.wake(at: due)
        slow = item
    }

    mutating func wake(_ context: StageContext) {
        guard let item = slow else { return }
        slow = nil
        context.release()
        decide(item, context)
    }

    mutating func finish(_ context: StageContext) {
        if slow != nil { context.wake(at: due) }
    }

    private mutating func decide(_ item: Item<AnyPayload>, _ context: StageContext) {
        seen += 1
        if seen == dieAfter, context.restarts == 0 {
            context.die(StageError("it dies after \(seen) items, as told"))
        }
        let share = chance.share() * 100
        if share < fail.percent {
            context.fail(item, StageError("it fails, as told"))
        } else if share < fail.percent + lose.percent {
            context.drop(item)
        } else {
            survivors.send(item)
        }
    }
}
