internal import Mef3
internal import Synchronization

/// A session that is open: what it holds, and what clients of the first generation have set, which all of them share.
final class OpenFile: Sendable {
    /// Never used twice, so that tiles of a session that was closed are not mistaken for those of another.
    let number: Int
    /// Path as clients write it.
    let path: String
    let channels: [MefChannel]
    let info: Info
    private let indices: [String: Int]

    /// What clients are told about the session.
    struct Info: Sendable {
        var names: [String]
        var nameBytes: [UInt8]
        var rates: [Double]
        var starts: [Int64]
        var ends: [Int64]

        var start: Int64 { starts.min() ?? 0 }
        var end: Int64 { ends.max() ?? 0 }
        var duration: Double { (Double(end) - Double(start)) / 1e6 }
    }

    private struct Settings {
        var seconds: Int64?
        var active: [Int]
        var forecasts: [String: Forecast] = [:]
    }

    private let settings: Mutex<Settings>
    // A client that comes back after that many others is guessed at from anew.
    private static let maxForecasts = 64

    /// Takes channels that have a place in time; `nil` when there are none.
    init?(number: Int, path: String, session: MefSession) {
        let channels = session.channels.filter { channel in
            guard let start = channel.start, let end = channel.end else { return false }
            // Differences of times must be times.
            return start <= end && start > -(1 << 61) && end < 1 << 61
        }
        guard !channels.isEmpty else { return nil }
        self.number = number
        self.path = path
        self.channels = channels
        info = Info(
            names: channels.map(\.name),
            nameBytes: Self.bytes(channels.map(\.name)),
            rates: channels.map(\.metadata.samplingFrequency),
            starts: channels.map { $0.start ?? 0 },
            ends: channels.map { $0.end ?? 0 }
        )
        indices = Dictionary(channels.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        settings = Mutex(Settings(active: Array(channels.indices)))
    }

    /// Names as messages take them: each followed by a zero byte.
    static func bytes(_ names: [String]) -> [UInt8] { names.flatMap { Array($0.utf8) + [0] } }

    func index(of name: String) -> Int? { indices[name] }

    /// The length of segments in seconds, once somebody has set it.
    var seconds: Int64? {
        get { settings.withLock { $0.seconds } }
        set { settings.withLock { $0.seconds = newValue } }
    }

    var active: [Int] {
        get { settings.withLock { $0.active } }
        set { settings.withLock { $0.active = newValue } }
    }

    /// Segments of the length that is set; 0 while none is.
    var segments: Int64 {
        guard let length = segmentLength else { return 0 }
        let (duration, overflow) = info.end.subtractingReportingOverflow(info.start)
        return overflow ? 0 : duration / length + (duration % length == 0 ? 0 : 1)
    }

    /// The time of a segment; `nil` when there is no such segment.
    func segment(_ index: Int64) -> TimeWindow? {
        guard let length = segmentLength, index >= 0, index < segments else { return nil }
        let start = info.start + index * length
        return TimeWindow(start: start, end: length < info.end - start ? start + length : info.end)
    }

    private var segmentLength: Int64? {
        guard let seconds, seconds > 0 else { return nil }
        let (length, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : length
    }

    /// Notes what a client reads and guesses what it reads next.
    func foresee(_ window: TimeWindow, client: String, ahead: Int, behind: Int) -> [TimeWindow] {
        let guesses = settings.withLock { settings in
            if settings.forecasts.count >= Self.maxForecasts, settings.forecasts[client] == nil {
                settings.forecasts.removeAll()
            }
            return settings.forecasts[client, default: Forecast()].observe(window, ahead: ahead, behind: behind)
        }
        return guesses.filter { $0.end > info.start && $0.start < info.end }
    }
}
