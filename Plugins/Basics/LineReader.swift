import Glibc
import PipeKit
import PipeCore

/// Reads the lines of a file, a chunk at a time. One operation at a time uses it.
final class LineReader: @unchecked Sendable {
    struct Chunk: Sendable {
        var lines: [String] = []
        /// Lines that were longer than allowed.
        var tooLong = 0
        var isLast = false
    }

    private let path: String
    private let most: Int
    private let follows: Bool
    /// How often it is still to be read; nil without end.
    private var rounds: Int?
    private var descriptor: Int32 = -1
    private var rest: [UInt8] = []
    /// The line that has begun is longer than allowed, and what comes of it is left out.
    private var isOverlong = false
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(path: String, most: Int, repeats: Int, follows: Bool) {
        self.path = path
        self.most = most
        self.follows = follows
        rounds = repeats == 0 ? nil : repeats
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next lines; waits for them where the file is one that grows.
    func read() throws -> Chunk {
        if descriptor < 0 { try open() }
        var chunk = Chunk()
        while chunk.lines.isEmpty, chunk.tooLong == 0, !chunk.isLast {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                take(buffer[..<count], into: &chunk)
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0 {
                throw failure("be read")
            } else if follows {
                try awaitMore(&chunk)
            } else {
                endOfFile(&chunk)
            }
        }
        return chunk
    }

    private func open() throws {
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("be opened") }
    }

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
        var line = rest.isEmpty ? Array(bytes) : rest + bytes
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if isOverlong || line.count > most {
            chunk.tooLong += 1
        } else {
            chunk.lines.append(String(decoding: line, as: UTF8.self))
        }
        rest = []
        isOverlong = false
    }

    /// A last line without a line break is a line too.
    private func endOfFile(_ chunk: inout Chunk) {
        if !rest.isEmpty || isOverlong { end(with: [], &chunk) }
        rounds = rounds.map { $0 - 1 }
        if rounds == 0 || lseek(descriptor, 0, SEEK_SET) != 0 { chunk.isLast = true }
    }

    /// Goes on with a file that took this one's place, or waits a moment for this one to grow.
    private func awaitMore(_ chunk: inout Chunk) throws {
        var current = stat()
        var named = stat()
        guard fstat(descriptor, &current) == 0 else { throw failure("be looked at") }
        if stat(path, &named) == 0, named.st_ino != current.st_ino || named.st_dev != current.st_dev {
            if !rest.isEmpty || isOverlong { end(with: [], &chunk) }
            close(descriptor)
            try open()
        } else if named.st_size < lseek(descriptor, 0, SEEK_CUR), named.st_size > 0 || current.st_size == 0 {
            lseek(descriptor, 0, SEEK_SET)  // it was emptied
            rest = []
        } else {
            usleep(100_000)
        }
    }

    private func failure(_ what: String) -> StageError {
        StageError("'\(path)' cannot \(what): \(String(cString: strerror(errno)).lowercased())")
    }
}
