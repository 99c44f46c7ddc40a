import Glibc
import PipeCore
import Synchronization

/// Waits until something happens to a file, and can be ended at any time from any thread.
final class FileWatch: Sendable {
    /// Says what happened to files that are looked at.
    private let changes: Int32
    /// A pipe without a writer is one that `poll` returns for: closing its end ends every wait.
    private let ended: Int32
    private let end: Mutex<Int32?>
    private let watched = Mutex<Int32>(-1)

    /// Of files on another machine nothing is told, so it looks by itself as well, though rarely.
    private static let patience: Int32 = 10_000

    init() throws {
        changes = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        var ends: [Int32] = [-1, -1]
        let hasPipe = pipe(&ends) == 0
        ended = ends[0]
        end = Mutex(ends[1])
        guard changes >= 0, hasPipe else {
            throw StageError(
                "no file can be watched: \(String(cString: strerror(errno)).lowercased())",
                hint: "raise fs.inotify.max_user_instances, or the number of files that a process may open"
            )
        }
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
        stop()
        for descriptor in [changes, ended] where descriptor >= 0 { close(descriptor) }
    }

    /// From now on `wait` returns when this file grows, shrinks or goes, or another takes its name.
    func look(at path: String) throws {
        let file = inotify_add_watch(changes, path, UInt32(IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF))
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let names = inotify_add_watch(changes, folder, UInt32(IN_CREATE | IN_MOVED_TO))
        guard names >= 0, file >= 0 || errno == ENOENT else {
            throw StageError(
                "'\(path)' cannot be watched: \(String(cString: strerror(errno)).lowercased())",
                hint: "raise fs.inotify.max_user_watches"
            )
        }
        watched.withLock { watched in
            if watched >= 0, watched != file { inotify_rm_watch(changes, watched) }
            watched = file
        }
    }

    /// Waits until a stream can be read, or without one until a file that is looked at has changed.
    func wait(for stream: Int32?) throws {
        var wanted = [ended, stream ?? changes].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&wanted, 2, stream == nil ? Self.patience : -1) >= 0 || errno == EINTR else {
            throw StageError("a file cannot be waited for: \(String(cString: strerror(errno)).lowercased())")
        }
        // What happened does not matter: whoever waits looks at the file.
        var events = [UInt8](repeating: 0, count: 4096)
        while stream == nil, read(changes, &events, events.count) > 0 {}
    }

    /// Ends the wait that is under way, and all that follow.
    func stop() {
        end.withLock { end in
            if let descriptor = end { close(descriptor) }
            end = nil
        }
    }
}
