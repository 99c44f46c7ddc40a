import Mef3
import PipeCore
import PipeGraph
import PipeKit

/// Reads all of a session, and tells what could not be read.
struct MefVerification {
    private(set) var damage: [Damage]
    private var samples = 0
    private let session: MefSession
    /// So many samples are read at once.
    private static let step = 1 << 20

    init(_ session: MefSession) throws(UsageError) {
        self.session = session
        damage = session.damage
        let total = session.channels.reduce(0) { $0 + $1.sampleCount }
        let progress = ProgressBar("checked")
        for channel in session.channels {
            var next = 0
            while next < channel.sampleCount {
                let range = next..<min(next + Self.step, channel.sampleCount)
                do throws(MefError) {
                    // A block at the seam is met twice.
                    for found in try channel.counts(range).damage where damage.last != found { damage.append(found) }
                } catch {
                    Screen.shared.clear()
                    throw UsageError(message: error.description, code: .failed)
                }
                samples += range.count
                next = range.upperBound
                progress.show(Double(samples) / Double(total))
            }
        }
        progress.end()
    }

    private var lost: Int { damage.reduce(0) { $0 + ($1.samples?.count ?? 0) } }

    var json: JSON {
        [
            "session": .string(session.name), "channels": .integer(session.channels.count),
            "samples": .integer(samples), "lost": .integer(lost),
            "damage": .array(
                damage.map { damage in
                    .compact([
                        "channel": damage.channel.map { .string($0) },
                        "file": damage.error.place.map { .string($0.file) },
                        "block": damage.error.place?.block.map { .integer($0) },
                        "code": .string(damage.error.code.rawValue), "message": .string(damage.error.message),
                        "first_sample": damage.samples.map { .integer($0.lowerBound) },
                        "samples": damage.samples.map { .integer($0.count) },
                    ])
                }
            ),
        ]
    }

    var text: String {
        let read = "\(grouped(samples)) samples of \(counted(session.channels.count, "channel"))"
        guard !damage.isEmpty else { return "\(session.name): \(read), all sound" }
        return
            (damage.map { "damaged: \($0.error)" }
            + ["\(session.name): \(read), \(counted(damage.count, "thing")) damaged, \(grouped(lost)) samples lost"])
            .joined(separator: "\n")
    }
}

/// How far something is, on a terminal and nowhere else.
final class ProgressBar {
    private let verb: String
    private var shown = -1
    private let isShown = Terminal.talksToTerminal

    init(_ verb: String) { self.verb = verb }

    func show(_ share: Double) {
        guard isShown else { return }
        let percent = Int(100 * max(0, min(1, share)))
        guard percent != shown else { return }
        shown = percent
        let filled = String(repeating: "#", count: percent * 40 / 100)
        Screen.shared.show("\(verb) \(percent)% [\(filled)\(String(repeating: ".", count: 40 - filled.count))]")
    }

    func end() { if isShown { Screen.shared.clear() } }
}
