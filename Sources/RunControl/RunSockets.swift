import Glibc
import PipeCore
import Sockets

/// Where runs can be talked to: a socket for each, in a directory that only its user can enter. Its name is the graph's and
/// the process's, `gate.4711`, so that several runs of a graph stand side by side.
public struct RunSockets: Sendable {
    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// `$PIPE_RUN_DIR`, or `pipe` in the user's own directory for such things, or one below /tmp.
    public init(environment: [String: String]) {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        directory =
            given("PIPE_RUN_DIR") ?? given("XDG_RUNTIME_DIR").map { "\($0)/pipe" } ?? "/tmp/pipe-\(getuid())"
    }

    /// A run that has a socket.
    public struct Entry: Sendable, Hashable {
        public let graph: String
        public let process: Int32
        public let path: String

        public var name: String { "\(graph).\(process)" }
        /// Whether the process lives. Its number may be another's by now: then nobody answers.
        var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }
    }

    /// The runs of this user, by name. What runs that were killed have left behind is cleared away.
    public func all() -> [Entry] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var entries: [Entry] = []
        while let item = readdir(handle) {
            let name = withUnsafeBytes(of: item.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let entry = entry(name) else { continue }
            if entry.isAlive { entries.append(entry) } else { unlink(entry.path) }
        }
        return entries.sorted { ($0.graph, $0.process) < ($1.graph, $1.process) }
    }

    /// Files of other kinds are nobody's run, whatever they are called.
    private func entry(_ name: String) -> Entry? {
        guard Self.isSocket("\(directory)/\(name)"), let dot = name.lastIndex(of: "."),
            let process = pid_t(name[name.index(after: dot)...]), process > 0
        else { return nil }
        return Entry(graph: String(name[..<dot]), process: process, path: "\(directory)/\(name)")
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Takes away a socket, and no other file.
    static func remove(_ path: String) { if isSocket(path) { unlink(path) } }

    /// The socket of this process for a graph. The directory is made, for this user alone; one that others could write to is
    /// not used.
    func path(for graph: String) throws -> String {
        if mkdir(directory, 0o700) != 0, errno == ENOENT {
            let parent = directory.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            mkdir(parent.joined(separator: "/"), 0o700)
            mkdir(directory, 0o700)
        }
        var status = stat()
        guard lstat(directory, &status) == 0 else {
            throw SystemFailure.error("'\(directory)' cannot be made", hint: "set PIPE_RUN_DIR to a directory")
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(), status.st_mode & 0o077 == 0 else {
            throw StageError(
                "'\(directory)' is not a directory that only you can enter",
                hint: "chmod 700 it, or set PIPE_RUN_DIR to another"
            )
        }
        // A file's name has no room for all that a graph's may hold, and a socket's path has little room at all.
        let safe = graph.map { $0.isLetter || $0.isNumber || "_-.".contains($0) ? $0 : "_" }
        let end = ".\(getpid())"
        let room = 107 - directory.utf8.count - 1 - end.utf8.count
        guard room > 0 else {
            throw StageError(
                "'\(directory)' is too long a name for the sockets of runs",
                hint: "set PIPE_RUN_DIR to a shorter one"
            )
        }
        var name = String(safe)
        while name.utf8.count > room { name.removeLast() }
        return "\(directory)/\(name)\(end)"
    }
}
