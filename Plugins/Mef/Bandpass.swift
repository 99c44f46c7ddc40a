import PipeCore
import PipeKit

/// Keeps a band of frequencies: what most looks at an EEG begin with.
struct Bandpass: Consumer {
    static let info = StageInfo(
        "bandpass",
        "Keeps the frequencies of a band.",
        example: """
            from: recording
            low: 1Hz
            high: 40Hz
            """,
        traits: .remembers,
        details: """
            A Butterworth filter that uses what came before and nothing behind, so it can run beside a recording; it
            delays, more at its edges than between them. After a gap, and after NaN, it begins as if the first value had
            been there for ever.
            """
    )

    @Input("Samples of any channels.") var blocks: Receiver<Samples>
    @Output("The same samples, filtered.") var filtered: Sender<Samples>

    @Option("Lower edge, where half of the power passes.", in: Rate(perSecond: 1e-4)...Rate(perSecond: 1e6)) var low:
        Rate
    @Option("Upper edge, where half of the power passes.", in: Rate(perSecond: 1e-4)...Rate(perSecond: 1e6)) var high:
        Rate
    @Option("How steep it is at each edge: 6 dB an octave and order.", in: 1...8) var order = 4

    private var pool = SamplePool()
    private var streams = Streams<Cascade>()

    func claims(_ claims: inout Claims) { claims.holdsInputs($filtered) }

    func check(_ report: inout Diagnostics) {
        if low >= high {
            report.error(.outOfRange, at: $low, "no band begins at \(low) and ends at \(high)", hint: "lower 'low'")
        }
    }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let place = try streams.place(of: item) { [low, high, order] signal in
            try signal.expectBelowHalfRate(high, "high")
            let sections: [Section] = .bandpass(
                order: order,
                low: low.perSecond,
                high: high.perSecond,
                rate: signal.rate
            )
            return Cascade(sections, rows: signal.channels.count)
        }
        filtered.send(item.filtered(by: &streams[place], &pool))
    }
}

extension Item<Samples> {
    /// The same item with its samples filtered.
    consuming func filtered(by cascade: inout Cascade, _ pool: inout SamplePool) -> Item<Samples> {
        let block = payload
        cascade.begin(block)
        let result = pool.block(block.signal, start: block.start, count: block.count) { row, values in
            block.withRow(row) { _ = values.update(fromContentsOf: $0) }
            cascade.filter(values, row: row)
        }
        return with(result)
    }
}

extension Signal {
    /// A filter's frequency must lie below half the rate.
    func expectBelowHalfRate(_ frequency: Rate, _ option: String) throws {
        guard frequency.perSecond < rate / 2 else {
            throw StageError(
                "'\(channels.first ?? "")' has \(shortest(rate)) samples a second, which hold nothing of "
                    + "\(shortest(frequency.perSecond)) Hz",
                hint: "lower '\(option)' below \(shortest(rate / 2))Hz"
            )
        }
    }
}
