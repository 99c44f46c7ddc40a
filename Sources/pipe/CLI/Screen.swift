import Glibc
import Synchronization

/// The part of the terminal that is written anew: the table of a run. What is said meanwhile goes above it.
final class Screen: Sendable {
    static let shared = Screen()

    private let lines = Mutex(0)

    /// Shows a text in the place of the one before.
    func show(_ text: String) {
        lines.withLock { lines in
            let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
            Terminal.complain(erased(lines) + rows.joined(separator: "\n"))
            lines = rows.count
        }
    }

    /// Says a line; the table is gone until it is shown again.
    func talk(_ text: String) {
        lines.withLock { lines in
            Terminal.complain(erased(lines) + text)
            lines = 0
        }
    }

    func clear() {
        lines.withLock { lines in
            if lines > 0 { Terminal.write(erased(lines), to: STDERR_FILENO) }
            lines = 0
        }
    }

    private func erased(_ lines: Int) -> String { lines > 0 ? "\u{1B}[\(lines)F\u{1B}[J" : "" }
}
