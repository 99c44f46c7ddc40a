import Glibc
import Mef3
import MefServer
import PipeCore
import PipeKit

/// How a session is read by the patterns of the original server's benchmark: segment after segment, by the library alone
/// and through the server, with some work between two segments and without.
struct MefBench {
    struct Row {
        var name: String
        var work: Double
        var result: AccessPattern.Result

        var json: JSON {
            [
                "pattern": .string(name), "work": .number(work), "seconds": .number(result.seconds),
                "first": .number(result.first), "values": .integer(result.values),
                "rate": .number(Double(result.values) / result.seconds),
            ]
        }

        var text: String {
            let rate = Double(result.values) * 8e-6 / result.seconds
            return "\(name), \(shortest(work)) s of work: \(rounded(result.seconds)) s, first answer "
                + "\(Int((result.first * 1e3).rounded())) ms, \(Int(rate.rounded())) MB/s"
        }

        private func rounded(_ seconds: Double) -> String { shortest((seconds * 100).rounded() / 100) }
    }

    var session: String
    var segments: Int
    var length: Int
    var work: Double

    /// Tells each row as it comes.
    func run(_ tell: (Row) -> Void) throws {
        for work in work > 0 ? [0, work] : [0] {
            tell(Row(name: "the library alone", work: work, result: try direct(work)))
            for (name, clients, prefetch) in [
                ("one client, nothing read ahead", 1, 0), ("one client", 1, 1), ("three clients", 3, 1),
            ] {
                var pattern = AccessPattern(session: session)
                (pattern.segments, pattern.length, pattern.clients) = (segments, Int64(length), clients)
                (pattern.work, pattern.prefetch) = (.seconds(work), prefetch)
                tell(Row(name: name, work: work, result: try pattern.run()))
            }
        }
    }

    /// What a program does that has the library and no server: on one thread, one channel after the other.
    private func direct(_ work: Double) throws -> AccessPattern.Result {
        var result = AccessPattern.Result()
        let begin = ContinuousClock.now
        let session = try MefSession(path: session)
        guard let start = session.start, let end = session.end else { throw StageError("the session has no samples") }
        var time = start
        for number in 0..<segments where time < end {
            let next = min(end, time + Int64(length) * 1_000_000)
            for channel in session.channels { result.values += try channel.values(from: time, to: next).values.count }
            if number == 0 { result.first = (ContinuousClock.now - begin) / .seconds(1) }
            if work > 0 { pause(work) }
            time = next
        }
        result.seconds = (ContinuousClock.now - begin) / .seconds(1)
        return result
    }
}

/// What a client does with a segment: nothing that needs a processor.
private func pause(_ seconds: Double) {
    var left = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
    var rest = timespec()
    while nanosleep(&left, &rest) != 0, errno == EINTR { left = rest }
}
