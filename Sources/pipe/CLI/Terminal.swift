import Glibc

/// Where pipe writes: data to standard output, talk about it to standard error.
enum Terminal {
    static func print(_ text: String) {
        write(text.hasSuffix("\n") || text.isEmpty ? text : text + "\n", to: STDOUT_FILENO)
    }
    static func complain(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: STDERR_FILENO) }

    /// Whether to colour what goes to standard output: on a terminal, unless NO_COLOR or a dumb terminal says no.
    static var showsColour: Bool {
        guard isatty(STDOUT_FILENO) == 1 else { return false }
        return (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb"
    }

    /// Whether talk goes to a terminal, and whether it may be coloured there.
    static var talksToTerminal: Bool { isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb" }
    static var talksInColour: Bool { talksToTerminal && (variable("NO_COLOR") ?? "").isEmpty }
    /// The columns for talk: without bound where it goes to a file.
    static var talkWidth: Int { talksToTerminal ? columns(of: STDERR_FILENO) : .max }

    /// The columns of the terminal; 80 where there is none.
    static var width: Int { columns(of: STDOUT_FILENO) }

    /// The columns for text: without bound where it goes to a file.
    static var textWidth: Int { isatty(STDOUT_FILENO) == 1 ? width : .max }

    private static func columns(of descriptor: Int32) -> Int { size(of: descriptor).columns }

    /// What standard output shows at once; 80 columns and 24 rows where it is no terminal.
    static var size: (columns: Int, rows: Int) { size(of: STDOUT_FILENO) }

    private static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
        return (Int(size.ws_col), max(4, Int(size.ws_row)))
    }

    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// All variables of the environment.
    static var environment: [String: String] {
        var all: [String: String] = [:]
        var next = UnsafePointer<UnsafeMutablePointer<CChar>?>(environ)
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let sign = text.firstIndex(of: "=") {
                all[String(text[..<sign])] = String(text[text.index(after: sign)...])
            }
            next = next.successor()
        }
        return all
    }

    static func write(_ text: String, to descriptor: Int32) {
        do throws(SystemFailure) {
            try writeAll(text, to: descriptor)
        } catch {
            // A reader that has gone away wanted no more. Anything else, such as a full disk, must not pass for success.
            if error.number == EPIPE || descriptor == STDERR_FILENO { return }
            complain("error: standard output cannot be written: \(error.words)")
            exit(ExitCode.failed.rawValue)
        }
    }
}

/// What the system answered.
struct SystemFailure: Error {
    let number = errno

    var words: String { String(cString: strerror(number)).lowercased() }
}

func writeAll(_ text: String, to descriptor: Int32) throws(SystemFailure) {
    try writeAll(Array(text.utf8), to: descriptor)
}

func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemFailure) {
    var bytes = bytes[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw SystemFailure() }
        bytes = bytes.dropFirst(count)
    }
}

func writeFile(_ text: String, to path: String) throws(UsageError) { try writeFile(Array(text.utf8), to: path) }

/// Writes a file: whole, or not at all. A link leads to the file it names, which keeps its rights; what is no file, such
/// as a device or a pipe, is written to.
func writeFile(_ bytes: [UInt8], to path: String) throws(UsageError) {
    do throws(SystemFailure) {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFREG {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw SystemFailure() }
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor)
            return
        }
        let resolved = exists ? realpath(path, nil) : nil
        defer { free(resolved) }
        let target = resolved.map { String(cString: $0) } ?? path
        var name = Array("\(target).XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw SystemFailure() }
        defer { close(descriptor) }
        do throws(SystemFailure) {
            try writeAll(bytes, to: descriptor)
            fchmod(descriptor, exists ? status.st_mode & 0o7777 : 0o666 & ~currentMask())
            guard rename(name, target) == 0 else { throw SystemFailure() }
        } catch {
            unlink(name)
            throw error
        }
    } catch {
        throw UsageError(message: "'\(path)' cannot be written: \(error.words)", code: .failed)
    }
}

private func currentMask() -> mode_t {
    let mask = umask(0)
    umask(mask)
    return mask
}
