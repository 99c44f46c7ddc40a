/// How times are stored: negated and relative to the recording time offset when below zero, plain otherwise.
///
/// Times are microseconds since 1970 in UTC. The rule is applied to each value on its own, since writers mix both
/// forms within one segment.
struct TimeRule: Sendable, Hashable {
    static let noEntry = Int64.min

    /// The recording time offset, or `noEntry`.
    var offset: Int64

    /// The true time; `nil` for "no entry" and for values that no clock can have written.
    func time(_ stored: Int64) -> Int64? {
        guard stored != Self.noEntry else { return nil }
        guard stored < 0 else { return stored }
        guard offset != Self.noEntry else { return -stored }
        let (time, overflow) = offset.addingReportingOverflow(-stored)
        return overflow ? nil : time
    }

    func stored(_ time: Int64) -> Int64 {
        let base = offset == Self.noEntry ? 0 : offset
        return base &- time
    }
}
