import Glibc
import PipeCore
import PipeKit

/// Reads the lines of a file, a chunk at a time, and never waits: where there is nothing yet, `FileWatch` does. One
/// operation at a time uses it.
final class LineReader: @unchecked Sendable {
    struct Chunk: Sendable {
        var lines: [String] = []
        /// Lines that were longer than allowed.
        var tooLong = 0
        /// There is no more for now, or for good.
        var isDry = false
        var isLast = false
        /// Bytes read so far, of how many, where the file has an end.
        var progress: (done: Int, total: Int)?
    }

    private let path: String
    private let most: Int
    private let follows: Bool
    private let skipsEmpty: Bool
    private let watch: FileWatch
    /// How often it is to be read, and still; nil without end.
    private let allRounds: Int?
    private var rounds: Int?
    private var descriptor: Int32 = -1
    private var rest: [UInt8] = []
    /// The line that has begun is longer than allowed, and what comes of it is left out.
    private var isOverlong = false
    /// A file that holds no line is not read again and again.
    private var hasFoundLines = false
    /// Its place was taken, so what it still holds is the last of it.
    private var isReplaced = false
    private var isWatched = false
    private var isAtEnd = false
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(path: String, most: Int, repeats: Int, follows: Bool, skipsEmpty: Bool, watch: FileWatch) {
        self.path = path
        self.most = most
        self.follows = follows
        self.skipsEmpty = skipsEmpty
        self.watch = watch
        allRounds = repeats == 0 ? nil : repeats
        rounds = allRounds
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next lines, as far as there are any.
    func read() throws -> Chunk {
        if descriptor < 0 { try open() }
        var chunk = Chunk()
        while chunk.lines.isEmpty, chunk.tooLong == 0, !chunk.isLast, !chunk.isDry {
            guard isReadable else {
                chunk.isDry = true
                break
            }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            isAtEnd = count == 0
            if count > 0 {
                take(buffer[..<count], into: &chunk)
            } else if count < 0, errno == EAGAIN {
                chunk.isDry = true
            } else if count < 0, errno != EINTR {
                throw failure("be read")
            } else if count == 0 {
                if follows { try goOn(&chunk) } else { endRound(&chunk) }
            }
        }
        chunk.progress = progress
        return chunk
    }

    private var progress: (done: Int, total: Int)? {
        var status = stat()
        guard !follows, let allRounds, let rounds, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG
        else {
            return nil
        }
        let before = Int(status.st_size) * (allRounds - rounds)
        return (before + (rounds > 0 ? lseek(descriptor, 0, SEEK_CUR) : 0), Int(status.st_size) * allRounds)
    }

    /// Waits until `read` may find more, or until the watch is ended.
    func awaitMore() throws { try watch.wait(for: isAtEnd ? nil : descriptor) }

    /// Without waiting for who writes into a pipe: `poll` does not call it ended before the first has come.
    private func open() throws {
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("be opened") }
        (isReplaced, isWatched) = (false, false)
    }

    private var isReadable: Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, 0) != 0
    }

    // MARK: Lines

    private func take(_ bytes: ArraySlice<UInt8>, into chunk: inout Chunk) {
        var start = bytes.startIndex
        while let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            end(with: bytes[start..<newline], &chunk)
            start = newline + 1
        }
        let left = bytes[start...]
        if isOverlong || rest.count + left.count > most + 1 {  // one more for a '\r'
            isOverlong = true
            rest = []
        } else {
            rest += left
        }
    }

    private func end(with bytes: ArraySlice<UInt8>, _ chunk: inout Chunk) {
        var line = rest.isEmpty ? bytes : (rest + bytes)[...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if isOverlong || line.count > most {
            chunk.tooLong += 1
            hasFoundLines = true
        } else {
            let text = String(decoding: line, as: UTF8.self)
            if !skipsEmpty || !text.allSatisfy(\.isWhitespace) {
                chunk.lines.append(text)
                hasFoundLines = true
            }
        }
        rest = []
        isOverlong = false
    }

    /// A last line without a line break is a line too.
    private func endLastLine(_ chunk: inout Chunk) {
        if !rest.isEmpty || isOverlong { end(with: [], &chunk) }
    }

    // MARK: The end of the file

    private func endRound(_ chunk: inout Chunk) {
        endLastLine(&chunk)
        rounds = rounds.map { $0 - 1 }
        chunk.isLast = rounds == 0 || !hasFoundLines || lseek(descriptor, 0, SEEK_SET) != 0
        hasFoundLines = false
    }

    /// Goes on with what the file has become. The watch begins before the last look at it, so that no change is missed.
    private func goOn(_ chunk: inout Chunk) throws {
        var (current, named) = (stat(), stat())
        guard fstat(descriptor, &current) == 0 else { throw failure("be looked at") }
        let isNamed = stat(path, &named) == 0
        if isReplaced {
            endLastLine(&chunk)
            close(descriptor)
            try open()
        } else if isNamed, named.st_ino != current.st_ino || named.st_dev != current.st_dev {
            isReplaced = true
        } else if current.st_size < lseek(descriptor, 0, SEEK_CUR) {
            lseek(descriptor, 0, SEEK_SET)  // it was emptied
            rest = []
            isOverlong = false
        } else if !isWatched {
            try watch.look(at: path)
            isWatched = true
        } else {
            chunk.isDry = true
        }
    }

    private func failure(_ what: String) -> StageError {
        StageError("'\(path)' cannot \(what): \(String(cString: strerror(errno)).lowercased())")
    }
}
