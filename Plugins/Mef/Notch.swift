import PipeCore
import PipeKit

/// Takes the mains out.
struct Notch: Consumer {
    static let info = StageInfo(
        "notch",
        "Takes out a frequency and its multiples: the mains.",
        example: """
            from: recording
            frequency: 20Hz
            """,
        traits: .remembers,
        details: "After a gap, and after NaN, it begins as if the first value had been there for ever."
    )

    @Input("Samples of any channels.") var blocks: Receiver<Samples>
    @Output("The same samples, filtered.") var filtered: Sender<Samples>

    @Option("What is taken out.", in: Rate(perSecond: 1e-3)...Rate(perSecond: 1e6)) var frequency = Rate(perSecond: 50)
    @Option("How narrow it is: the frequency through the width that is lost.", in: 0.5...1000) var quality = 30.0
    @Option("So many multiples go too, the frequency itself included, where the rate has them.", in: 1...100)
    var harmonics = 1

    private var pool = SamplePool()
    private var streams = Streams<Cascade>()

    func claims(_ claims: inout Claims) { claims.holdsInputs($filtered) }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let place = try streams.place(of: item) { [frequency, quality, harmonics] signal in
            try signal.expectBelowHalfRate(frequency, "frequency")
            let multiples = (1...harmonics).map(Double.init).filter { $0 * frequency.perSecond < signal.rate / 2 }
            let sections = multiples.flatMap { multiple -> [Section] in
                .notch(frequency: multiple * frequency.perSecond, quality: multiple * quality, rate: signal.rate)
            }
            return Cascade(sections, rows: signal.channels.count)
        }
        filtered.send(item.filtered(by: &streams[place], &pool))
    }
}
