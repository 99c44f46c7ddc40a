public import PipeCore

/// The numbers of a run as a table for people: what flows, what waits, what was lost and why.
public struct RunTable: Sendable {
    let colour: Bool
    let width: Int

    public init(colour: Bool, width: Int) {
        self.colour = colour
        self.width = width
    }

    /// `earlier` gives the rates since then, and with `isRecent` the times too; without it they are those of the whole run.
    public func text(_ numbers: RunNumbers, since earlier: RunNumbers? = nil, isRecent: Bool = false) -> String {
        let now = numbers.merged
        let before = earlier?.merged
        let seconds = max(1e-9, (now.at - (before?.at ?? .zero)).seconds)
        let past = Dictionary(before?.stages.map { ($0.name, $0) } ?? []) { first, _ in first }
        var rows = [
            [
                "STAGE", "STATE", "IN", "OUT", "RATE", "WAITING", "WAIT p50", "p99", "WORK p50", "p99", "BUSY",
                "AGE p50",
                "p99", "LOST",
            ]
        ]
        var marks: [Mark] = [.head]
        let queues = queues(now)
        let ages = ages(now, isRecent ? before : nil)
        for stage in now.stages {
            let last = past[stage.name]
            let moved = stage.isSource ? stage.out - (last?.out ?? 0) : stage.books.in - (last?.books.in ?? 0)
            let queue = queues[stage.name]
            let (wait, work) =
                isRecent
                ? (stage.wait - (last?.wait ?? Histogram()), stage.service - (last?.service ?? Histogram()))
                : (stage.wait, stage.service)
            let age = ages[stage.name] ?? Histogram()
            rows.append([
                stage.name, stage.restarts > 0 ? "\(stage.state.rawValue) ↻\(stage.restarts)" : stage.state.rawValue,
                stage.isSource ? "" : grouped(stage.books.in), grouped(stage.out),
                ratePerSecond(Double(moved) / seconds),
                queue.map {
                    $0.held == 0 && stage.books.held == 0 ? "·" : "\($0.held + stage.books.held)/\($0.capacity)"
                }
                    ?? "",
                time(wait, 0.5), time(wait, 0.99), time(work, 0.5), time(work, 0.99), busy(stage, last),
                time(age, 0.5), time(age, 0.99), losses(of: stage, queue),
            ])
            marks.append(mark(stage, queue))
        }
        return layout(rows, marks)
    }

    /// How old items are when they come to each sink, whatever source they are of.
    private func ages(_ now: RunNumbers, _ before: RunNumbers?) -> [String: Histogram] {
        var ages: [String: Histogram] = [:]
        for path in now.paths {
            let last = before?.paths.first { $0.source == path.source && $0.sink == path.sink }?.latency ?? Histogram()
            ages[path.sink, default: Histogram()] += path.latency - last
        }
        return ages
    }

    /// The share of its time that a stage works: the one that limits the others works all the time.
    private func busy(_ stage: StageNumbers, _ last: StageNumbers?) -> String {
        let times = stage.times - (last?.times ?? StageTimes())
        let total = times.total.seconds
        return total > 0 ? "\(Int((100 * times.working.seconds / total).rounded()))%" : ""
    }

    /// Above the table: which run, since when, and how far it has got. A run that is to go on for so long gets there when
    /// that is over, if its sources do not end before.
    public func heading(_ graph: String, _ numbers: RunNumbers, for duration: Duration? = nil) -> String {
        ([graph, Duration.nanoseconds(numbers.at.nanoseconds).short] + progress(numbers, for: duration)).joined(
            separator: "  "
        )
    }

    private func progress(_ numbers: RunNumbers, for duration: Duration?) -> [String] {
        let passed = (numbers.at - .zero).seconds
        let shares = [numbers.merged.progress, duration.map { passed / $0.seconds }].compactMap { $0 }
        guard let share = shares.max(), share > 0 else { return [] }
        let percent = "\(Int(100 * min(1, share))) %"
        guard share < 1, passed >= 1 else { return [percent] }
        return [percent, "\(Duration.seconds(Int((passed * (1 - share) / share).rounded(.up))).short) left"]
    }

    /// One line for a log: what a person wants to know every few seconds.
    public func line(_ numbers: RunNumbers, since earlier: RunNumbers?, for duration: Duration? = nil) -> String {
        let now = numbers.merged
        let before = earlier?.merged
        let seconds = max(1e-9, (now.at - (before?.at ?? .zero)).seconds)
        let sinks = now.stages.indices.filter { now.stages[$0].isSink }.map { index in
            let count = now.stages[index].out
            let moved = count - (before?.stages[index].out ?? 0)
            return "\(now.stages[index].name) \(grouped(count)) (\(ratePerSecond(Double(moved) / seconds)))"
        }
        var dropped = DropCounts()
        for link in now.links { dropped += link.books.dropped }
        let failed = now.stages.reduce(0) { $0 + $1.books.failed }
        let lost =
            dropped.nonZero.map { "\($0.reason.rawValue) \(grouped($0.count))" }
            + (failed > 0 ? ["failed \(failed)"] : [])
        let ill = now.stages.filter { [.restarting, .stalled, .failed].contains($0.state) }.map {
            "\($0.name) is \($0.state.rawValue)"
        }
        let waiting = now.links.reduce(0) { $0 + $1.books.held }
        return
            ([clock(now.at)] + progress(numbers, for: duration) + sinks + ["waiting \(waiting)"]
            + (lost.isEmpty ? [] : ["lost: \(lost.joined(separator: ", "))"]) + ill)
            .joined(separator: "  ")
    }

    /// Columns that a narrow terminal does without, the least important first: medians, what came in, times of work and of
    /// waiting, ages.
    private static let dispensable = [8, 11, 6, 2, 9, 7, 12, 10]

    private enum Mark { case head, plain, waiting, ill, ended }

    private struct Queue {
        var held = 0
        var capacity = 0
        var dropped = DropCounts()
    }

    /// What waits before each stage, over all links to it.
    private func queues(_ numbers: RunNumbers) -> [String: Queue] {
        var queues: [String: Queue] = [:]
        for link in numbers.links {
            let taker = link.name.split(separator: " -> ").last.map { String($0.prefix { $0 != "." }) } ?? ""
            queues[taker, default: Queue()].held += link.books.held
            queues[taker, default: Queue()].capacity += link.capacity
            queues[taker, default: Queue()].dropped += link.books.dropped
        }
        return queues
    }

    private func losses(of stage: StageNumbers, _ queue: Queue?) -> String {
        var dropped = stage.books.dropped
        if let queue { dropped += queue.dropped }
        var parts = dropped.nonZero.map { "\($0.reason.rawValue) \(grouped($0.count))" }
        if stage.books.failed > 0 {
            parts.removeAll { $0.hasPrefix("failed ") }
            parts.append("failed \(grouped(stage.books.failed + dropped[.failed]))")
        }
        return parts.joined(separator: ", ")
    }

    private func mark(_ stage: StageNumbers, _ queue: Queue?) -> Mark {
        switch stage.state {
        case .failed, .restarting, .stalled: return .ill
        case .ended: return .ended
        case .running, .blocked: return queue.map { $0.held * 2 > $0.capacity } ?? false ? .waiting : .plain
        }
    }

    private func time(_ histogram: Histogram, _ share: Double) -> String { histogram.quantile(share)?.short ?? "" }

    private func clock(_ at: Instant) -> String {
        let seconds = at.nanoseconds / 1_000_000_000
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }

    /// Columns as wide as they must be; those that hold nothing are left out, and the last is cut to the terminal.
    private func layout(_ rows: [[String]], _ marks: [Mark]) -> String {
        var columns = rows[0].indices.filter { column in
            column < 5 || rows.dropFirst().contains { !$0[column].isEmpty }
        }
        // A 99th percentile that stands without its median says of what.
        let medians = [7: 6, 9: 8, 12: 11]
        let widest = rows[0].indices.map { column in
            let header = medians[column].map { rows[0][$0].count } ?? 0
            return rows.reduce(header) { max($0, $1[column].count) }
        }
        // What was lost stands last, and may be cut off: no other column goes for more of it than the first reason.
        let needs = widest.indices.map { $0 == 13 ? min(widest[$0], 20) : widest[$0] }
        for column in Self.dispensable {
            guard columns.reduce(-2, { $0 + needs[$1] + 2 }) > width else { break }
            columns.removeAll { $0 == column }
        }
        var rows = rows
        for (column, median) in medians where !columns.contains(median) {
            rows[0][column] = rows[0][median].replacing("p50", with: "p99")
        }
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines: [String] = []
        for (row, mark) in zip(rows, marks) {
            var line = ""
            for (place, column) in columns.enumerated() {
                let cell = row[column]
                let pad = String(repeating: " ", count: widths[place] - cell.count)
                let isText = column < 2 || column == 13
                line += (place > 0 ? "  " : "") + (isText ? cell + pad : pad + cell)
            }
            while line.last == " " { line.removeLast() }
            if line.count > width { line = line.prefix(max(1, width - 1)) + "…" }
            lines.append(painted(line, mark))
        }
        return lines.joined(separator: "\n")
    }

    private func painted(_ line: String, _ mark: Mark) -> String {
        guard colour else { return line }
        switch mark {
        case .head: return "\u{1B}[1m\(line)\u{1B}[0m"
        case .plain: return line
        case .waiting: return "\u{1B}[33m\(line)\u{1B}[0m"
        case .ill: return "\u{1B}[31m\(line)\u{1B}[0m"
        case .ended: return "\u{1B}[2m\(line)\u{1B}[0m"
        }
    }
}

/// Items in a second, in four digits at most.
public func ratePerSecond(_ perSecond: Double) -> String {
    switch perSecond {
    case 1e6...: "\(shortest((perSecond / 1e4).rounded() / 100))M/s"
    case 10_000...: "\(shortest((perSecond / 100).rounded() / 10))k/s"
    case 100...: "\(Int(perSecond.rounded()))/s"
    case 0: "0"
    default: "\(shortest((perSecond * 10).rounded() / 10))/s"
    }
}

/// 1234567 as `1 234 567`.
public func grouped(_ number: Int) -> String {
    guard number >= 10_000 else { return String(number) }
    var digits = Array(String(number))
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(" ", at: place) }
    return String(digits)
}
