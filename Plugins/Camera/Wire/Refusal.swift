import PipeCore
import PipeKit

/// Why a picture did not come in, or who sends them was not let in. Each counts as failed.
enum Refusal: String {
    case tooManyClients = "too_many_clients"
    case notAllowed = "not_allowed"
    case tooLong = "too_long"
    case empty
    case cut
    case stalled
    case noRoom = "no_room"
    case stopped

    var meaning: String {
        switch self {
        case .tooManyClients: "there were as many clients as 'max_clients' lets in"
        case .notAllowed: "its address is not one of 'allow'"
        case .tooLong: "it announced a picture of more than 'max_frame_bytes'"
        case .empty: "it announced a picture of no bytes"
        case .cut: "it was gone in the midst of a picture"
        case .stalled: "nothing came for 'stall_timeout' in the midst of a picture"
        case .noRoom: "unfinished pictures took all of 'max_pending'"
        case .stopped: "the run was stopped in the midst of a picture"
        }
    }
}

/// Tells the log of refusals: the first at once, and then so many a second as one line each reason. A hundred connections
/// a second must not be a hundred lines.
struct RefusalLog {
    private var entries: [(reason: String, meaning: String, count: Int, last: String)] = []
    private var next = Instant.zero
    private static let pause = Duration.seconds(1)

    mutating func note(_ refusal: Refusal, of client: String) { note(refusal.rawValue, refusal.meaning, of: client) }

    mutating func note(_ reason: String, _ meaning: String, of client: String) {
        if let place = entries.firstIndex(where: { $0.reason == reason }) {
            entries[place].count += 1
            entries[place].last = client
        } else {
            entries.append((reason, meaning, 1, client))
        }
    }

    /// Tells what there is, if it is time, and otherwise asks to be woken when it is.
    mutating func tell(_ context: StageContext, isLast: Bool = false) {
        guard !entries.isEmpty else { return }
        guard isLast || context.now >= next else { return context.wake(at: next) }
        next = context.now + Self.pause
        for (reason, meaning, count, last) in entries {
            let who = count == 1 ? last : "\(count) times, the last time \(last)"
            context.log(.warning, "refused (\(reason)) \(who): \(meaning)")
        }
        entries = []
    }
}
