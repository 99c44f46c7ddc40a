import Glibc
import PipeCore
import PipeGraph
import RunControl

extension Command {
    static let top: Command = .init(
        name: "top",
        summary: "Watches a running graph.",
        details: """
            What is shown is what happened since the last look: rates, times that items waited and were worked on, how busy
            each stage was, how old items were at the sinks. Counts are those of the whole run.

            Keys: s sorts by another column, f filters by name, p pauses, d drains the run, q ends.
            """,
        operands: [.run],
        flags: [
            Flag(name: "every", value: "TIME", summary: "How often to look; 1s if not stated."),
            Flag(
                name: "count",
                short: "n",
                value: "NUMBER",
                summary: "End after so many looks; without keys or colours."
            ),
            Flag(
                name: "sort",
                value: "COLUMN",
                summary: "What stands first.",
                choices: TopView.Order.allCases.map(\.rawValue)
            ),
            Flag(name: "filter", value: "TEXT", summary: "Only stages whose name holds it."),
        ],
        examples: [
            ("pipe top gate", "Watches it."),
            ("pipe top gate --every 10s -n 6 > minute.txt", "Six looks, for a file."),
        ],
        run: { arguments throws(UsageError) in
            let client = try RunChoice().client(arguments.operands.first)
            var view = TopView()
            view.order = arguments.value("sort").flatMap(TopView.Order.init) ?? .graph
            view.filter = arguments.value("filter") ?? ""
            let interval = try arguments.duration("every") ?? .seconds(1)
            let count = try arguments.number("count", in: 1...Int.max)
            try orUsage { () throws(ControlClient.Failure) in
                _ = try client.send("subscribe", ["every": .number(interval.seconds)])
            }
            if count == nil, isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1 {
                return try TopScreen(client, view).run()
            }
            return try plain(client, &view, count ?? .max)
        }
    )

    /// Looks one below the other. The first has nothing to compare with: it shows the whole run.
    private static func plain(_ client: ControlClient, _ view: inout TopView, _ count: Int) throws(UsageError)
        -> ExitCode
    {
        var left = count
        while left > 0 {
            guard let event = try event(client, within: .seconds(3700)) else { return .success }
            view.add(try RunStatus(event))
            let width = isatty(STDOUT_FILENO) == 1 ? Terminal.width : 160
            Terminal.print(view.text(width: width, colour: false) + "\n")
            left -= 1
        }
        return .success
    }

    /// The next event of a stream; nil where the run has ended.
    private static func event(_ client: ControlClient, within patience: Duration) throws(UsageError) -> JSON? {
        do throws(ControlClient.Failure) {
            while true {
                if case .event(let event)? = try client.next(within: patience) { return event }
            }
        } catch {
            guard error.isEnd else { throw UsageError(message: error.message, hint: error.hint, code: .failed) }
            return nil
        }
    }
}

/// What `top` shows: two looks at a run, and how they are to be shown.
struct TopView {
    enum Order: String, CaseIterable {
        case graph, rate, busy, wait, waiting, lost
    }

    var order = Order.graph
    var filter = ""
    var isPaused = false
    private var now: RunStatus?
    private var before: RunStatus?

    mutating func add(_ status: RunStatus) {
        guard !isPaused else { return }
        (before, now) = (now, status)
    }

    func text(width: Int, colour: Bool) -> String {
        guard let now else { return "waiting for the run's first numbers" }
        let table = RunTable(colour: colour, width: width)
        var shown = now.numbers.merged
        shown.stages = sorted(shown).filter { filter.isEmpty || $0.name.contains(filter) }
        var heading = table.heading(now.graph, now.numbers)
        if now.isDraining { heading += "  draining" }
        if !now.isBalanced { heading += "  THE BOOKS DO NOT BALANCE" }
        if isPaused { heading += "  paused" }
        if order != .graph { heading += "  by \(order.rawValue)" }
        if !filter.isEmpty { heading += "  only '\(filter)'" }
        let body =
            shown.stages.isEmpty
            ? "no stage's name holds '\(filter)'" : table.text(shown, since: before?.numbers, isRecent: true)
        return "\(heading.prefix(width))\n\(body)"
    }

    private func sorted(_ numbers: RunNumbers) -> [StageNumbers] {
        guard order != .graph else { return numbers.stages }
        let past = Dictionary(before?.numbers.merged.stages.map { ($0.name, $0) } ?? []) { first, _ in first }
        func weight(_ stage: StageNumbers) -> Double {
            let last = past[stage.name]
            switch order {
            case .graph: return 0
            case .rate: return Double(stage.out - (last?.out ?? 0))
            case .busy: return (stage.times - (last?.times ?? StageTimes())).working.seconds
            case .wait: return (stage.wait - (last?.wait ?? Histogram())).quantile(0.99)?.seconds ?? 0
            case .waiting: return Double(held(before: stage.name, numbers) + stage.books.held)
            case .lost:
                return Double(stage.books.dropped.total + stage.books.failed + lost(before: stage.name, numbers))
            }
        }
        return numbers.stages.map { ($0, weight($0)) }.sorted { $0.1 > $1.1 }.map(\.0)
    }

    private func links(before stage: String, _ numbers: RunNumbers) -> [LinkNumbers] {
        numbers.links.filter { $0.name.hasSuffix(" -> \(stage)") || $0.name.contains(" -> \(stage).") }
    }

    private func held(before stage: String, _ numbers: RunNumbers) -> Int {
        links(before: stage, numbers).reduce(0) { $0 + $1.books.held }
    }

    private func lost(before stage: String, _ numbers: RunNumbers) -> Int {
        links(before: stage, numbers).reduce(0) { $0 + $1.books.dropped.total }
    }

    mutating func sortByNext() {
        let all = Order.allCases
        order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
    }
}

/// `top` on a terminal: a screen of its own that is given back at the end, and keys.
private final class TopScreen {
    private let client: ControlClient
    private var view: TopView
    /// What is typed for a filter; nil while nothing is.
    private var typed: String?

    init(_ client: ControlClient, _ view: TopView) { (self.client, self.view) = (client, view) }

    func run() throws(UsageError) -> ExitCode {
        let terminal = RawTerminal()
        defer { terminal.restore() }
        while true {
            draw()
            var entries = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, 5000) >= 0 || errno == EINTR else { return .failed }
            if entries[0].revents != 0 {
                for key in terminal.keys() where !obey(key) { return .success }
            }
            guard entries[1].revents != 0 else { continue }
            var events: [JSON] = []
            do throws(ControlClient.Failure) {
                while case .event(let event)? = try client.next(within: .zero) { events.append(event) }
            } catch {
                terminal.restore()
                guard error.isEnd else { throw UsageError(message: error.message, hint: error.hint, code: .failed) }
                Terminal.complain("the run has ended")
                return .success
            }
            for event in events { view.add(try RunStatus(event)) }
        }
    }

    private func draw() {
        let (columns, rows) = Terminal.size
        let colour = Terminal.showsColour
        let keys = typed.map { "filter: \($0)▏" } ?? "s sort   f filter   p pause   d drain   q quit"
        var lines = view.text(width: columns, colour: colour).split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count > rows - 2 {
            lines = lines.prefix(max(1, rows - 3)) + ["… \(lines.count - max(1, rows - 3)) more: a filter shows fewer"]
        }
        let body = lines.map { "\($0)\u{1B}[K" }.joined(separator: "\r\n")
        let foot = colour ? "\u{1B}[2m\(keys)\u{1B}[0m" : keys
        Terminal.write("\u{1B}[H\(body)\r\n\u{1B}[J\u{1B}[\(rows);1H\(foot)\u{1B}[K", to: STDOUT_FILENO)
    }

    /// False at the end.
    private func obey(_ key: Character) -> Bool {
        if key == "\u{3}" || key == "\u{4}" { return false }
        if var text = typed {
            switch key {
            case "\r", "\n": typed = nil
            case "\u{1B}": (typed, view.filter) = (nil, "")
            case "\u{7F}", "\u{8}":
                if !text.isEmpty { text.removeLast() }
                (typed, view.filter) = (text, text)
            default:
                guard !key.isNewline, key.asciiValue.map({ $0 >= 0x20 }) ?? true else { return true }
                text.append(key)
                (typed, view.filter) = (text, text)
            }
            return true
        }
        switch key {
        case "q": return false
        case "s": view.sortByNext()
        case "f", "/": typed = view.filter
        case "p", " ": view.isPaused.toggle()
        case "d": _ = try? client.send("drain", [:])
        default: break
        }
        return true
    }
}

/// A terminal whose keys come at once and unseen, on a screen of its own.
private final class RawTerminal {
    private var saved = termios()
    private var isRaw = false

    init() {
        guard tcgetattr(STDIN_FILENO, &saved) == 0 else { return }
        var raw = saved
        raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        withUnsafeMutableBytes(of: &raw.c_cc) { bytes in
            bytes[Int(VMIN)] = 0
            bytes[Int(VTIME)] = 0
        }
        isRaw = tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0
        Terminal.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[H\u{1B}[J", to: STDOUT_FILENO)
    }

    func keys() -> String {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            // The end of the input is as good as being told to end.
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : "\u{4}"
        }
    }

    func restore() {
        guard isRaw else { return }
        isRaw = false
        Terminal.write("\u{1B}[?25h\u{1B}[?1049l", to: STDOUT_FILENO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
    }
}
