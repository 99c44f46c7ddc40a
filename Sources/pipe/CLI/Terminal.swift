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

    /// The columns of the terminal; 80 where there is none.
    static var width: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return 80
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

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return  // the reader is gone; nobody is left to tell
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

/// A file that a command writes: whole, or not at all.
func writeFile(_ text: String, to path: String) throws(UsageError) {
    let temporary = "\(path).new-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    func failure() -> UsageError {
        UsageError(message: "'\(path)' cannot be written: \(String(cString: strerror(errno)).lowercased())", hint: nil)
    }
    guard descriptor >= 0 else { throw failure() }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 || errno == EINTR else {
            let error = failure()
            close(descriptor)
            unlink(temporary)
            throw error
        }
        rest = rest.dropFirst(max(0, count))
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
        let error = failure()
        unlink(temporary)
        throw error
    }
}
