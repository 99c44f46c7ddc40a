import Glibc
import PipeCore
import Synchronization

/// Whether more is asked for than a change must pass.
let isLong = getenv("PIPE_LONG_TESTS") != nil

/// Counts what lives: a payload that is destroyed twice, or never, shows here.
final class Census: Sendable {
    private let count = Atomic<Int>(0)

    var living: Int { count.load(ordering: .acquiring) }

    func token() -> Token { Token(self) }

    final class Token: Sendable {
        private let census: Census

        fileprivate init(_ census: Census) {
            self.census = census
            census.count.add(1, ordering: .acquiringAndReleasing)
        }

        deinit { census.count.subtract(1, ordering: .acquiringAndReleasing) }
    }
}

/// A number: eight bytes that may be copied as they are.
struct Number: Payload, Hashable {
    static let payload = PayloadInfo("test_number", "A number.", worstCase: .kibibytes(1))

    var value: Int

    var described: JSON { .integer(value) }
}

/// A number with a reference: it stands in its slot, and must be copied and destroyed as what it is.
struct Tracked: Payload {
    static let payload = PayloadInfo("test_tracked", "A number that is counted.", worstCase: .kibibytes(1))

    var value: Int
    let token: Census.Token

    var described: JSON { .integer(value) }
}

/// Too large for a slot, and so boxed.
struct Bulky: Payload {
    static let payload = PayloadInfo("test_bulky", "A number in a box.", worstCase: .kibibytes(1))

    var value: Int
    let token: Census.Token
    var ballast = (1, 2, 3, 4)

    var described: JSON { .integer(value) }
}

/// The stages here write no files.
struct NoFiles: FileStore {
    func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile { throw StageError("no files") }
    func rename(_ path: String, to other: String) throws { throw StageError("no files") }
    func place(_ path: String, at other: String) throws -> Bool { throw StageError("no files") }
    func remove(_ path: String) throws { throw StageError("no files") }
    func list(_ directory: String) throws -> [FileEntry] { throw StageError("no files") }
}

extension EngineOptions {
    static func seeded(_ seed: UInt64) -> EngineOptions {
        var options = EngineOptions(epoch: 1_767_225_600, files: NoFiles())
        options.seed = seed
        return options
    }
}

extension Collection {
    /// One of them, by chance.
    func any(_ chance: inout RandomSource) -> Element {
        self[index(startIndex, offsetBy: Int.random(in: 0..<count, using: &chance))]
    }
}

final class Box<Value>: @unchecked Sendable {  // used by one thread
    var value: Value?
}
