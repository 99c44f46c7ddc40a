import PipeCore
import PipeKit

/// Writes samples in the format that every EEG viewer reads.
struct EDFFile: Consumer {
    static let info = StageInfo(
        "edf_file",
        "Writes samples to an EDF+ file.",
        example: """
            from: recording
            path: out/night.edf
            record: 250ms
            """,
        traits: .remembers,
        details: """
            All blocks must have the same channels, as 'layout: aligned' of mef_reader makes them. EDF stores 16 bits a
            value: what lies beyond 32767 steps is stored as the largest. Where nothing is stored stands the least number;
            a stretch without any value is left out, and the file is then a discontinuous one (EDF+D). The header counts
            what has been written, so that what a crash leaves can be read. A stage that is started anew goes on in a
            file with a number behind its name.
            """
    )

    @Input("Samples of several channels side by side.") var blocks: Receiver<Samples>

    @Option("The file; it is begun anew, and its directory made where it is missing.") var path: OutputFile
    @Option("How long a record is: the unit in which the file is written.", in: .milliseconds(1)...Duration.seconds(60))
    var record = Duration.seconds(1)
    @Option(
        "Units a step of the stored numbers; without it as in the recording they come from, or 0.1.",
        in: 1e-6...1e6
    )
    var step: Double?
    @Option("Code of the subject.") var subject = "X"

    private var outlet = Outlet()
    private var layout: EDFLayout?
    private var signal: Signal?
    private var continuity = Continuity()
    private var record16: [Int16] = []
    private var filled = 0
    private var recordStart: Int64 = 0
    private var isBlank = true
    /// The end of the last record in the file, while the file has no gap.
    private var due: Int64?
    private var isContinuous = true
    /// Where each kept item ends, in samples that were taken.
    private var ends = Queue<Int>()
    private var taken = 0
    private var clipped = 0

    mutating func start(_ context: StageContext) { outlet.open(path, context) }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let block = item.payload
        let layout = try layout(for: block)
        if !continuity.goesOn(block) { endRecord(layout, context) }
        context.keep()
        ends.append(taken + block.count)
        var first = 0
        while first < block.count {
            if filled == 0 { begin(at: block.time(of: first), layout) }
            let count = min(layout.samples - filled, block.count - first)
            for row in 0..<block.rows { put(block, row, first..<first + count, layout) }
            filled += count
            taken += count
            first += count
            if filled == layout.samples { endRecord(layout, context) }
        }
        passItems(context)
    }

    mutating func wake(_ context: StageContext) { outlet.write(context) }

    mutating func finish(_ context: StageContext) {
        if let layout { endRecord(layout, context) }
        if clipped > 0 {
            context.log(
                .warning,
                "\(clipped) values were beyond what is stored, and are stored as the largest: raise 'step'"
            )
        }
        outlet.write(context)
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        // What the disk did not take is missing between two records.
        if case .failure = completion.result { isContinuous = false }
        try outlet.completed(completion, context)
    }

    private mutating func layout(for block: borrowing Samples) throws -> EDFLayout {
        if let layout, signal == block.signal { return layout }
        if let signal {
            throw StageError(
                "the file has \(signal.channels.count) channels at \(shortest(signal.rate)) Hz, and a block has "
                    + "\(block.rows) at \(shortest(block.signal.rate)) Hz, or others",
                hint: "use 'layout: aligned' where they are read"
            )
        }
        let layout = try EDFLayout(block.signal, record: record, step: step, subject: subject, start: block.start)
        (self.layout, signal) = (layout, block.signal)
        outlet.header = layout.header
        return layout
    }

    private mutating func begin(at time: Int64, _ layout: EDFLayout) {
        recordStart = time
        isBlank = true
        record16 = Array(repeating: EDFLayout.nothing, count: layout.rows * layout.samples)
    }

    private mutating func put(_ block: borrowing Samples, _ row: Int, _ range: Range<Int>, _ layout: EDFLayout) {
        let scale = layout.scales[row]
        block.withRow(row) { values in
            var place = row * layout.samples + filled
            for index in range {
                if let number = scale.digital(values[index], &clipped) {
                    record16[place] = number
                    isBlank = false
                }
                place += 1
            }
        }
    }

    /// Writes the record as far as it is filled; the rest of it counts as not stored.
    private mutating func endRecord(_ layout: EDFLayout, _ context: StageContext) {
        guard filled > 0 else { return }
        filled = 0
        if !isBlank {
            let period = 0.5e6 / layout.rate
            if let due, abs(Double(recordStart) - Double(due)) >= period { isContinuous = false }
            due = recordStart + layout.duration
            // Little-endian, as EDF wants it and as every processor that Swift runs on has it.
            record16.withUnsafeBytes { outlet.bytes.append(contentsOf: $0) }
            outlet.bytes += layout.annotation(at: recordStart)
            let isContinuous = isContinuous
            outlet.correction = { layout.correction(fileSize: $0, isContinuous: isContinuous) }
        }
        passItems(context)
    }

    /// Items of which nothing is in the open record any more are done when their bytes are written.
    private mutating func passItems(_ context: StageContext) {
        var count = 0
        while let end = ends.first, end <= taken - filled {
            _ = ends.popFirst()
            count += 1
        }
        outlet.gather(count, context)
    }
}

/// First in, first out, without moving what waits.
private struct Queue<Element> {
    private var elements: [Element] = []
    private var head = 0

    var first: Element? { head < elements.count ? elements[head] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard let element = first else { return nil }
        head += 1
        if head > 64, head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
