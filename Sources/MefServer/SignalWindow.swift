internal import Mef3

/// What one answer consists of: rows of channels, columns of time, and the messages it is cut into.
struct SignalWindow: Sendable {
    /// One row: a channel, and which position of which window its first column is.
    struct Row: Sendable {
        /// Index of the channel within the session.
        var index: Int
        var channel: MefChannel
        var anchor: Int64
        var first: Int
    }

    /// How numbers are written.
    enum Format: Sendable {
        case float64
        case float32

        var bytes: Int { self == .float64 ? 8 : 4 }
    }

    /// Bytes of samples of one message. Clients take 4 MiB by default; the original sends this many.
    static let messageBytes = 5 << 19

    let rows: [Row]
    let columns: Int
    let rate: Double
    let time: TimeWindow
    let format: Format
    /// Each channel's name followed by a zero byte.
    let names: [UInt8]

    /// Columns of all messages but the last.
    var step: Int { max(Self.messageBytes / max(1, rows.count * format.bytes), 1) }

    /// The columns of each message; at least one message, if need be an empty one.
    var parts: [Range<Int>] {
        columns == 0 ? [0..<0] : stride(from: 0, to: columns, by: step).map { $0..<min($0 + step, columns) }
    }

    /// The time at a column, as the original server computes it in each generation.
    func time(at column: Int) -> Int64 {
        guard columns > 0 else { return column == 0 ? time.start : time.end }
        let share = Double(column) / Double(columns) * Double(time.end - time.start)
        switch format {
        case .float64: return time.start + (Int64(exactly: share.rounded(.towardZero)) ?? 0)
        case .float32: return Int64(exactly: (Double(time.start) + share).rounded(.towardZero)) ?? time.end
        }
    }

    /// The window of the first generation: position 0 is its start, for each channel.
    static func segment(
        _ channels: [(index: Int, channel: MefChannel)],
        _ time: TimeWindow,
        names: [UInt8]
    ) -> SignalWindow {
        let rate = channels.first?.channel.metadata.samplingFrequency ?? 1
        let columns = (Double(time.end - time.start) / 1e6 * rate + 0.5).rounded(.down)
        return SignalWindow(
            rows: channels.map { Row(index: $0.index, channel: $0.channel, anchor: time.start, first: 0) },
            columns: clamped(columns),
            rate: rate,
            time: time,
            format: .float64,
            names: names
        )
    }

    /// The window of the later generation: positions are counted from each channel's start, halves rounded to even.
    static func range(
        _ channels: [(index: Int, channel: MefChannel)],
        _ time: TimeWindow,
        names: [UInt8]
    ) -> SignalWindow {
        let rate = channels.first?.channel.metadata.samplingFrequency ?? 1
        let columns = (Double(time.end - time.start) * rate / 1e6).rounded(.toNearestOrEven)
        let rows = channels.map { index, channel in
            let anchor = channel.start ?? time.start
            let first = ((Double(time.start) - Double(anchor)) * rate / 1e6).rounded(.toNearestOrEven)
            return Row(index: index, channel: channel, anchor: anchor, first: clamped(first))
        }
        return SignalWindow(
            rows: rows,
            columns: clamped(columns),
            rate: rate,
            time: time,
            format: .float32,
            names: names
        )
    }

    // Positions beyond this are beyond any recording, and sums of two stay numbers.
    private static func clamped(_ value: Double) -> Int { Int(max(-1e15, min(value, 1e15))) }
}
