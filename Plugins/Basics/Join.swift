import PipeCore
import PipeKit

/// Pairs the items of two links: by sequence, by key, or by the nearest time of capture.
struct Join: Consumer {
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

    /// Items that wait for their partner, in the order they came; one list for each input.
    private var waiting: [[Waiting]] = [[], []]
    /// Sequences that will not come; one list for each input.
    private var gaps: [[ClosedRange<Int>]] = [[], []]
    private var hasEnded = [false, false]
    /// Beyond so many, an input is not taken from until partners come.
    private static let mostWaiting = 1024
    private static let mostGaps = 1024

    private struct Waiting {
        var item: Item<AnyPayload>
        var due: Instant
    }

    static var awaitsPartners: Bool { true }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        let (item, side) = (item, context.input)
        if by != .time, let place = waiting[1 - side].firstIndex(where: { matches($0.item.header, item.header) }) {
            let partner = waiting[1 - side].remove(at: place).item
            context.release()
            send(side == 0 ? item : partner, side == 0 ? partner : item)
        } else if by != .time, cannotCome(item.header, on: 1 - side) {
            giveUp(item, from: side, context)
        } else {
            context.keep()
            waiting[side].append(Waiting(item: item, due: context.now + window))
        }
        if by == .time { pairByTime(context) }
        balance(context)
    }

    mutating func missed(_ gap: Gap, _ context: StageContext) {
        guard by == .sequence, gap.count > 0 else { return }
        let side = context.input
        let range = gap.first...(gap.first + gap.count - 1)
        if gaps[side].count == Self.mostGaps { gaps[side].removeFirst() }
        gaps[side].append(range)
        giveUp(from: 1 - side, context) { range.contains($0.item.sequence) }
        balance(context)
    }

    mutating func ended(input: Int, _ context: StageContext) {
        hasEnded[input] = true
        if by == .time { pairByTime(context) } else { giveUp(from: 1 - input, context) { _ in true } }
    }

    mutating func wake(_ context: StageContext) {
        if by == .time {
            pairByTime(context)
        } else if missing != .wait {
            for side in 0...1 { giveUp(from: side, context) { $0.due <= context.now } }
        }
        balance(context)
    }

    mutating func finish(_ context: StageContext) {
        for side in 0...1 { giveUp(from: side, context) { _ in true } }
    }

    private func matches(_ a: Header, _ b: Header) -> Bool { by == .key ? a.key == b.key : a.sequence == b.sequence }

    private func cannotCome(_ header: Header, on side: Int) -> Bool {
        hasEnded[side] || by == .sequence && gaps[side].contains { $0.contains(header.sequence) }
    }

    /// Pairs the oldest of the left with the nearest of the right, as soon as no nearer one can come.
    private mutating func pairByTime(_ context: StageContext) {
        let window = window
        while let left = waiting[0].first?.item.captured {
            // What is too old for this one is too old for all that follow.
            giveUp(from: 1, context) { $0.item.captured + window < left }
            let isPassed =
                hasEnded[1] || waiting[1].contains { $0.item.captured >= left } || waiting[0][0].due <= context.now
            guard isPassed else { return }
            let nearest = waiting[1].indices.min {
                distance(waiting[1][$0].item.captured, left) < distance(waiting[1][$1].item.captured, left)
            }
            if let nearest, distance(waiting[1][nearest].item.captured, left) <= window {
                let (first, second) = (waiting[0].removeFirst().item, waiting[1].remove(at: nearest).item)
                context.release(2)
                send(first, second)
            } else {
                let lone = waiting[0].removeFirst().item
                context.release()
                giveUp(lone, from: 0, context)
            }
        }
        if hasEnded[0] { giveUp(from: 1, context) { _ in true } }
        giveUp(from: 1, context) { $0.due + window < context.now }
    }

    private func distance(_ a: Instant, _ b: Instant) -> Duration { a > b ? a - b : b - a }

    private mutating func giveUp(from side: Int, _ context: StageContext, where isLost: (Waiting) -> Bool) {
        while let place = waiting[side].firstIndex(where: isLost) {
            let lone = waiting[side].remove(at: place).item
            context.release()
            giveUp(lone, from: side, context)
        }
    }

    /// The partner will not come.
    private func giveUp(_ item: Item<AnyPayload>, from side: Int, _ context: StageContext) {
        guard missing == .pass else { return context.drop(item) }
        let value = item.payload.described
        pairs.send(item.with(Document(side == 0 ? ["left": value, "right": nil] : ["left": nil, "right": value])))
    }

    private func send(_ left: Item<AnyPayload>, _ right: Item<AnyPayload>) {
        pairs.send(left.with(Document(["left": left.payload.described, "right": right.payload.described])))
    }

    /// Sees to the next timer, and that neither side runs ahead without bound.
    private func balance(_ context: StageContext) {
        for side in 0...1 {
            if waiting[side].count >= Self.mostWaiting {
                context.pause(input: side)
            } else {
                context.resume(input: side)
            }
        }
        guard missing != .wait || by == .time else { return }
        let due = [waiting[0].first?.due, waiting[1].first.map { by == .time ? $0.due + window : $0.due }]
        if let next = due.compactMap({ $0 }).min() { context.wake(at: max(next, context.now + .nanoseconds(1))) }
    }
}
