import Glibc
import PipeKit

/// Reads files with a bound on their size.
enum FileLoader {
    /// Ten thousand stages are about 2 MiB.
    static let mostBytes = 8 << 20

    struct Failure: Error {
        var code: DiagnosticCode
        var message: String
        var help: String?
    }

    /// The bytes of a file; `-` is standard input.
    static func bytes(of path: String, atMost most: Int = mostBytes) throws(Failure) -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let number = errno
            throw Failure(
                code: .unreadableFile,
                message: "the file cannot be opened: \(String(cString: strerror(number)).lowercased())",
                help: number == ENOENT ? "check the path; relative paths start at the directory you are in" : nil
            )
        }
        defer { if path != "-" { close(descriptor) } }
        var status = stat()
        if fstat(descriptor, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR {
                throw Failure(code: .unreadableFile, message: "this is a directory", help: "name a file in it")
            }
            if status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) > most {
                throw tooLarge(Int(status.st_size))
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(most, max(4096, Int(status.st_size) + 1)))
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = read(descriptor, chunk.baseAddress, chunk.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Failure(
                    code: .unreadableFile,
                    message: "the file cannot be read: \(String(cString: strerror(errno)).lowercased())"
                )
            }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > most { throw tooLarge(nil) }
        }
    }

    private static func tooLarge(_ size: Int?) -> Failure {
        let size = size.map { "of \($0) bytes" } ?? "this large"
        return Failure(
            code: .fileTooLarge,
            message: "a file \(size) is not read: a graph has \(mostBytes >> 20) MiB at most",
            help: "use 'stations', 'replicas' or 'include' to repeat stages"
        )
    }
}
