import PipeCore

/// Whether pictures are recorded, for which experiment, and what is answered to whom asks: rules without sockets and clocks.
struct Recorder: Sendable {
    enum Mode: Hashable, Sendable {
        case idle
        /// So many pictures are still to come.
        case counted(left: Int)
        case endless
    }

    /// What a picture that comes is to be done with.
    enum Verdict: Hashable, Sendable {
        case leftOut
        /// It passes; `isLast` ends the recording.
        case passes(isLast: Bool)
    }

    let set: CommandSet
    /// Pictures of one recording.
    let count: Int
    private(set) var mode: Mode
    private(set) var experiment = ""
    /// Pictures of the recording that goes on, or of the last one.
    private(set) var recorded = 0
    private var began = Instant.zero

    init(_ set: CommandSet, count: Int, records: Bool) {
        self.set = set
        self.count = count
        mode = records ? .endless : .idle
    }

    var isRecording: Bool { mode != .idle }

    mutating func admit() -> Verdict {
        switch mode {
        case .idle: return .leftOut
        case .endless:
            recorded += 1
            return .passes(isLast: false)
        case .counted(let left):
            recorded += 1
            mode = left > 1 ? .counted(left: left - 1) : .idle
            return .passes(isLast: left <= 1)
        }
    }

    /// Carries a command out. `waiting` are pictures that wait to be looked at.
    mutating func perform(_ command: Command, _ now: Instant, waiting: Int) -> String {
        switch (set, command) {
        case (.server, .start):
            begin(.endless, now)
            return "OK: Camera server running"
        case (.server, .status): return "OK: Queue size: \(waiting)"
        case (.server, .stop):
            mode = .idle
            return "OK: Stopping..."
        case (.server, _): return "ERROR: Unknown command"
        case (.recorder, .start):
            begin(.counted(left: count), now)
            return "OK: Recording started"
        case (.recorder, .startEndless):
            begin(.endless, now)
            return "OK: Infinite capture started"
        case (.recorder, .stop):
            mode = .idle
            return "OK: Capture stopped"
        case (.recorder, .status):
            return isRecording
                ? "STATUS: Camera active (running for \(Self.tenths(now - began))s)" : "STATUS: Camera ready (idle)"
        case (.recorder, .experiment(let name)):
            guard Self.isName(name) else {
                return "ERROR: an experiment has a name of up to 64 letters, digits, '_', '-' and '.'"
            }
            experiment = name
            return "OK: Experiment ID set to \(name)"
        case (.recorder, .ping): return "PONG"
        case (.recorder, .ready): return isRecording ? "READY: busy" : "READY: yes"
        case (.recorder, .clear): return "ERROR: files are not removed by a command; the graph says how many are kept"
        case (.recorder, .unknown): return "ERROR: Unknown command"
        }
    }

    private mutating func begin(_ mode: Mode, _ now: Instant) {
        self.mode = mode
        recorded = 0
        began = now
    }

    /// It becomes a part of file names.
    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func tenths(_ time: Duration) -> String {
        let tenths = max(0, Int((time.seconds * 10).rounded()))
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// Which of the lab's two camera servers is played.
enum CommandSet: Sendable {
    case server, recorder
}

/// A line that somebody sends.
enum Command: Hashable, Sendable {
    case start, startEndless, stop, status, ping, ready, clear, unknown
    case experiment(String)

    /// Whether it may change what is recorded.
    var changes: Bool {
        switch self {
        case .start, .startEndless, .stop, .experiment: true
        case .status, .ping, .ready, .clear, .unknown: false
        }
    }

    init(_ line: String) {
        let text = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        switch text.uppercased() {
        case "START": self = .start
        case "START_INF": self = .startEndless
        case "STOP": self = .stop
        case "STATUS": self = .status
        case "PING": self = .ping
        case "READY": self = .ready
        case "STOP_CLEAR", "CLEAR_FRAMES": self = .clear
        default:
            let prefix = "EXP_ID:"
            self =
                text.uppercased().hasPrefix(prefix)
                ? .experiment(String(text.dropFirst(prefix.count).drop { $0 == " " })) : .unknown
        }
    }
}
