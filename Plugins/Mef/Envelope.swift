import PipeCore
import PipeKit

/// How strong a rhythm is at each moment; most often behind a `bandpass`.
struct Envelope: Consumer {
    static let info = StageInfo(
        "envelope",
        "Turns oscillations into their amplitude.",
        example: """
            from: alpha
            cutoff: 2Hz
            """,
        traits: .remembers,
        details: """
            The square root of twice the power, smoothed by a Butterworth low-pass of the second order: of a wave it is
            the amplitude. It uses nothing of what comes later, so it follows by about a third of a period of 'cutoff'.
            """
    )

    @Input("Samples of any channels.") var blocks: Receiver<Samples>
    @Output("Their amplitude, in the same units.") var envelopes: Sender<Samples>

    @Option("Changes that are faster are smoothed away.", in: Rate(perSecond: 1e-3)...Rate(perSecond: 1e5))
    var cutoff = Rate(perSecond: 5)

    private var pool = SamplePool()
    private var streams = Streams<Cascade>()

    func claims(_ claims: inout Claims) { claims.holdsInputs($envelopes) }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let place = try streams.place(of: item) { [cutoff] signal in
            try signal.expectBelowHalfRate(cutoff, "cutoff")
            return Cascade(.lowpass(cutoff: cutoff.perSecond, rate: signal.rate), rows: signal.channels.count)
        }
        let block = item.payload
        streams[place].begin(block)
        let result = pool.block(block.signal, start: block.start, count: block.count) { row, values in
            block.withRow(row) { source in
                for index in values.indices { values[index] = 2 * source[index] * source[index] }
            }
            streams[place].filter(values, row: row)
            // The low-pass may swing below zero behind a sudden end.
            for index in values.indices { values[index] = values[index] < 0 ? 0 : values[index].squareRoot() }
        }
        envelopes.send(item.with(result))
    }
}
