import PipeCore
import PipeKit

/// Means instead of readings: a sensor tells a hundred values a second, and a person wants one.
///
/// A reading is used up as soon as it is added: when the stage fails, the part of one mean is lost and no item is kept.
struct Mean: Consumer {
    static let info = StageInfo(
        "mean",
        "Sends the mean of a value once in a while.",
        example: """
            from: sensors
            value: temperature
            window: 1s
            """
    )

    @Input("The readings.") var readings: Receiver<Document>
    @Output("'mean' and 'count' of each window that had readings.") var means: Sender<Document>

    @Option("What is averaged.") var value: Expression
    @Option("How long readings are gathered.", in: .milliseconds(1)...) var window = Duration.seconds(1)

    private var sum = 0.0
    private var count = 0
    private var captured = Instant.zero

    mutating func process(_ item: consuming Item<Document>, _ context: StageContext) throws {
        let number: Double
        switch value.evaluate(context.subject(item)) {
        case .integer(let found): number = Double(found)
        case .number(let found): number = found
        case let other: throw StageError("'\(value)' is no number: \(other.text())", hint: "filter it out before")
        }
        if count == 0 {
            captured = item.captured
            context.wake(after: window)
        }
        sum += number
        count += 1
    }

    mutating func wake(_ context: StageContext) { sendMean() }
    mutating func finish(_ context: StageContext) { sendMean() }

    private mutating func sendMean() {
        guard count > 0 else { return }
        means.send(Document(["mean": .number(sum / Double(count)), "count": .integer(count)]), captured: captured)
        (sum, count) = (0, 0)
    }
}
