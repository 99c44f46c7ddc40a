import Glibc
import PipeCore
import PipeKit

/// Brings recordings of different devices to one rate, or a fast one to what is looked at.
struct Resample: Consumer {
    static let info = StageInfo(
        "resample",
        "Changes the sampling rate.",
        example: """
            from: recording
            rate: 250Hz
            """,
        traits: .remembers,
        details: """
            A low-pass of twenty periods of the slower rate, the same on both sides of a sample, so that nothing is
            shifted; what a block lacks of the next is sent with that. Each stretch between gaps is resampled for itself,
            and what is not known beside it counts as 0. The two rates must have a ratio of whole numbers up to 10000.
            """
    )

    @Input("Samples of any channels.") var blocks: Receiver<Samples>
    @Output("The same signal at the other rate.") var resampled: Sender<Samples>

    @Option("Samples a second.", in: Rate(perSecond: 1e-3)...Rate(perSecond: 1e6)) var rate: Rate

    private var pool = SamplePool()
    private var streams = Streams<Resampler>()

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let block = item.payload
        let place = try streams.place(of: item) { [rate] in try Resampler($0, to: rate.perSecond) }
        try streams[place].expectRoom(for: block)
        if !streams[place].continuity.goesOn(block) {
            sendRest(place)
            streams[place].begin(at: block.start)
        }
        streams[place].tail = (item.key, item.captured)
        streams[place].take(block)
        if let result = streams[place].ready(&pool) { resampled.send(item.with(result)) }
    }

    mutating func finish(_ context: StageContext) {
        for place in streams.states.indices { sendRest(place) }
    }

    /// What a stretch that has ended still holds back.
    private mutating func sendRest(_ place: Int) {
        guard let rest = streams[place].rest(&pool) else { return }
        let (key, captured) = streams[place].tail
        resampled.send(rest, key: key, captured: captured)
    }
}

/// One stream on its way to another rate: `resample_poly(x, up, down)`, block by block.
private struct Resampler {
    /// Who the last block was, for what is sent after it.
    var tail = (key: Key.none, captured: Instant.zero)
    var continuity = Continuity()

    private let signal: Signal
    private let up: Int
    private let down: Int
    /// For each of `up` phases the taps of the inputs from `back` before the output's place to `ahead` behind it.
    private let taps: [Double]
    private let back: Int
    private let ahead: Int
    private var width: Int { back + ahead + 1 }

    private var start: Int64 = 0
    /// Inputs of this stretch so far, and its next output.
    private var taken = 0
    private var next = 0
    /// The inputs from number `first` on, for each row; 0 where nothing was stored, which `isMissing` knows.
    private var inputs: [[Double]]
    private var isMissing: [[Bool]]
    private var first = 0

    init(_ signal: Signal, to rate: Double) throws {
        guard let (up, down) = Self.ratio(rate / signal.rate) else {
            throw StageError(
                "\(shortest(signal.rate)) Hz and \(shortest(rate)) Hz have no ratio of whole numbers up to 10000",
                hint: "choose a 'rate' that has one with \(shortest(signal.rate))"
            )
        }
        self.signal = signal.at(rate: signal.rate * Double(up) / Double(down))
        (self.up, self.down) = (up, down)
        let half = up == down ? 0 : 10 * max(up, down)
        back = half / up
        ahead = (half + up - 1) / up
        let filter = Self.filter(half: half, cutoff: 1 / Double(max(up, down)), gain: Double(up))
        var taps: [Double] = []
        taps.reserveCapacity(up * (back + ahead + 1))
        for phase in 0..<up {
            for input in 0...back + ahead {
                let place = half + phase + (back - input) * up
                taps.append(filter.indices.contains(place) ? filter[place] : 0)
            }
        }
        self.taps = taps
        inputs = Array(repeating: [], count: signal.channels.count)
        isMissing = Array(repeating: [], count: signal.channels.count)
    }

    func expectRoom(for block: borrowing Samples) throws {
        let most = (block.count + width) / down * up + up + 1
        guard SamplePool.fits(rows: block.rows, count: most) else {
            throw StageError("a block would become one of \(most) samples", hint: "make the blocks before it shorter")
        }
    }

    mutating func begin(at start: Int64) {
        self.start = start
        (taken, next, first) = (0, 0, -back)
        for row in inputs.indices {
            inputs[row].removeAll(keepingCapacity: true)
            isMissing[row].removeAll(keepingCapacity: true)
            pad(row, by: back)
        }
    }

    mutating func take(_ block: borrowing Samples) {
        for row in inputs.indices {
            block.withRow(row) { values in
                for value in values {
                    inputs[row].append(value.isNaN ? 0 : value)
                    isMissing[row].append(value.isNaN)
                }
            }
        }
        taken += block.count
    }

    /// The outputs that all inputs are there for; nil where there are none.
    mutating func ready(_ pool: inout SamplePool) -> Samples? {
        let known = (first + (inputs.first?.count ?? 0) - ahead) * up
        return known > 0 ? outputs(to: (known - 1) / down + 1, &pool) : nil
    }

    /// The outputs that a stretch still has when it ends here.
    mutating func rest(_ pool: inout SamplePool) -> Samples? {
        guard taken > 0 else { return nil }
        for row in inputs.indices { pad(row, by: ahead + 1) }
        defer { taken = 0 }
        return outputs(to: (taken * up + down - 1) / down, &pool)
    }

    private mutating func pad(_ row: Int, by count: Int) {
        inputs[row].append(contentsOf: repeatElement(0, count: count))
        isMissing[row].append(contentsOf: repeatElement(false, count: count))
    }

    private mutating func outputs(to end: Int, _ pool: inout SamplePool) -> Samples? {
        guard end > next else { return nil }
        let begin = start &+ Int64(clamping: Double(next) / signal.rate * 1e6)
        let block = pool.block(signal, start: begin, count: end - next) { row, values in
            for output in next..<end { values[output - next] = value(output, row) }
        }
        next = end
        forget(before: next * down / up - back)
        return block
    }

    private func value(_ output: Int, _ row: Int) -> Double {
        let (place, phase) = (output * down).quotientAndRemainder(dividingBy: up)
        let nearest = min((output * down + up / 2) / up, taken - 1)
        if isMissing[row][nearest - first] { return .nan }
        return inputs[row].withUnsafeBufferPointer { inputs in
            taps.withUnsafeBufferPointer { taps in
                var sum = 0.0
                let (input, tap) = (place - back - first, phase * width)
                for index in 0..<width { sum += inputs[input + index] * taps[tap + index] }
                return sum
            }
        }
    }

    private mutating func forget(before number: Int) {
        let count = min(number - first, inputs.first?.count ?? 0)
        guard count > 0 else { return }
        for row in inputs.indices {
            inputs[row].removeFirst(count)
            isMissing[row].removeFirst(count)
        }
        first += count
    }

    /// The fraction that a ratio is, by its continued fraction.
    private static func ratio(_ value: Double) -> (Int, Int)? {
        guard value.isFinite, value > 1e-4, value < 1e4 else { return nil }
        var (above, below) = ((1, 0), (0, 1))
        var rest = value
        for _ in 0..<20 {
            let whole = rest.rounded(.down)
            guard whole < 1e5 else { break }
            above = (Int(whole) * above.0 + above.1, above.0)
            below = (Int(whole) * below.0 + below.1, below.0)
            guard above.0 <= 10_000, below.0 <= 10_000 else { return nil }
            if abs(Double(above.0) / Double(below.0) - value) <= 1e-9 * value { return (above.0, below.0) }
            rest = 1 / (rest - whole)
        }
        return nil
    }

    /// A windowed low-pass of `2 half + 1` taps: `firwin(…, window=('kaiser', 5)) * gain`.
    private static func filter(half: Int, cutoff: Double, gain: Double) -> [Double] {
        guard half > 0 else { return [gain] }
        let taps = (-half...half).map { tap -> Double in
            let angle = Double.pi * cutoff * Double(tap)
            let share = Double(tap) / Double(half)
            return (tap == 0 ? 1 : sin(angle) / angle) * bessel(5 * (1 - share * share).squareRoot())
        }
        let sum = taps.reduce(0, +)
        return taps.map { $0 / sum * gain }
    }

    /// The modified Bessel function of order 0, by its series.
    private static func bessel(_ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for number in 1..<60 {
            term *= x / 2 / Double(number) * (x / 2) / Double(number)
            sum += term
        }
        return sum
    }
}
