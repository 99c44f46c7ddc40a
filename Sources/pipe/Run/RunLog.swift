import Glibc
import PipeCore
import PipeGraph
import Synchronization

/// What a run tells, for people or for programs: one line an entry, on standard error.
final class RunLog: Sendable {
    private let graph: String
    /// The date at which the run began: seconds since 1970.
    private let began: Double
    private let isJSON: Bool
    private let rank: Atomic<Int>

    init(_ graph: String, began: Double, isJSON: Bool, least level: LogLevel) {
        (self.graph, self.began, self.isJSON) = (graph, began, isJSON)
        rank = Atomic(Self.rank(level))
    }

    private static func rank(_ level: LogLevel) -> Int { LogLevel.allCases.firstIndex(of: level) ?? 0 }

    /// The least level that is told. Others may set it while the run goes on.
    func setLeast(_ level: LogLevel) { rank.store(Self.rank(level), ordering: .relaxed) }

    private func tells(_ level: LogLevel) -> Bool { Self.rank(level) >= rank.load(ordering: .relaxed) }

    func add(_ entry: LogEntry) {
        guard tells(entry.level) else { return }
        guard !isJSON else { return write(json(entry)) }
        let who = entry.stage.isEmpty ? "" : "\(entry.stage): "
        let item = entry.item.map { " (item \($0.source)#\($0.sequence))" } ?? ""
        let more = entry.leftOut > 0 ? " (and \(entry.leftOut) times more before)" : ""
        let time = Duration.nanoseconds(entry.at.nanoseconds).short
        Screen.shared.talk("\(time) \(entry.level.rawValue): \(who)\(entry.message)\(item)\(more)")
    }

    private func json(_ entry: LogEntry) -> JSON {
        .compact([
            "time": .string(timestamp(began + (entry.at - .zero).seconds)),
            "level": .string(entry.level.rawValue),
            "graph": .string(graph),
            "stage": entry.stage.isEmpty ? nil : .string(entry.stage),
            "message": .string(entry.message),
            "source": entry.item.map { .string($0.source) },
            "sequence": entry.item.map { .integer($0.sequence) },
            "left_out": entry.leftOut > 0 ? .integer(entry.leftOut) : nil,
        ])
    }

    /// What the program itself says of the run. For people the words suffice, whatever level is told.
    func say(_ words: String, _ level: LogLevel = .info, after time: Duration) {
        guard isJSON else { return Screen.shared.talk(level > .info ? "\(level.rawValue): \(words)" : words) }
        guard tells(level) else { return }
        write([
            "time": .string(timestamp(began + time.seconds)), "level": .string(level.rawValue), "graph": .string(graph),
            "message": .string(words),
        ])
    }

    private func write(_ json: JSON) { Terminal.complain(json.text()) }
}

/// A date as RFC 3339 has it, to the millisecond, in UTC.
func timestamp(_ seconds: Double) -> String {
    let milliseconds = Int((seconds * 1000).rounded(.down))
    var time = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&time, &parts)
    func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let date =
        "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
    let clock = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
    return "\(date)T\(clock).\(digits(milliseconds % 1000, 3))Z"
}
