/// A stretch of time, `end` excluded, in microseconds since 1970.
struct TimeWindow: Hashable, Sendable {
    var start: Int64
    var end: Int64

    /// The window moved by some steps; `nil` beyond any clock.
    func moved(by step: Int64, times: Int64) -> TimeWindow? {
        let (distance, overflow) = step.multipliedReportingOverflow(by: times)
        let first = start.addingReportingOverflow(distance)
        let last = end.addingReportingOverflow(distance)
        return overflow || first.overflow || last.overflow
            ? nil : TimeWindow(start: first.partialValue, end: last.partialValue)
    }
}

/// Guesses from a client's last windows which it will ask for next.
///
/// Viewers page, scripts walk, in either direction and often with a stride that is not the window's length. After the
/// first window the next one is a fair guess; after that two equal steps make a stride. A client that jumps about is not
/// guessed at, since each wrong guess takes time and memory from others.
struct Forecast: Sendable {
    private var last: TimeWindow?
    private var stride: Int64?

    /// Notes a window and guesses the following ones, nearest first.
    mutating func observe(_ window: TimeWindow, ahead: Int, behind: Int) -> [TimeWindow] {
        let length = window.end - window.start
        defer { last = window }
        let step: Int64
        if let last {
            let (moved, overflow) = window.start.subtractingReportingOverflow(last.start)
            guard !overflow, moved != 0 else { return [] }
            defer { stride = moved }
            // A page on or back is a step at once; any other stride has to be seen twice.
            guard moved == stride || abs(moved) == length else { return [] }
            step = moved
        } else {
            step = length
        }
        let next = (0..<Int64(ahead)).compactMap { window.moved(by: step, times: $0 + 1) }
        return next + (0..<Int64(behind)).compactMap { window.moved(by: step, times: -1 - $0) }
    }
}
