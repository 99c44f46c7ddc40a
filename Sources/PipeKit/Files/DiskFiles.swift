import Glibc
public import PipeCore

/// Files on disk.
public struct DiskFiles: FileStore {
    public init() {}

    public func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile {
        try makeDirectory(of: path)
        var flags = O_RDWR | O_CREAT | O_CLOEXEC
        switch mode {
        case .append: break
        case .fresh: flags |= O_TRUNC
        case .exclusive: flags |= O_EXCL
        }
        let descriptor = Glibc.open(path, flags, 0o666)
        guard descriptor >= 0 else { throw StageError("'\(path)' cannot be opened: \(lastSystemError())") }
        return try DiskFile(path, descriptor)
    }

    public func rename(_ path: String, to other: String) throws {
        guard Glibc.rename(path, other) == 0 || errno == ENOENT else {
            throw StageError("'\(path)' cannot be renamed to '\(other)': \(lastSystemError())")
        }
    }

    public func place(_ path: String, at other: String) throws -> Bool {
        if link(path, other) == 0 {
            try remove(path)
            return true
        }
        switch errno {
        case EEXIST: return false
        case EPERM, EOPNOTSUPP, EMLINK, ENOSYS:
            // A file system without second names, such as that of a memory card: what is left is to look first.
            guard access(other, F_OK) != 0 else { return false }
            try rename(path, to: other)
            return true
        default: throw StageError("'\(path)' cannot become '\(other)': \(lastSystemError())")
        }
    }

    public func list(_ directory: String) throws -> [FileEntry] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw StageError("the directory '\(directory)' cannot be read: \(lastSystemError())")
        }
        defer { closedir(stream) }
        var entries: [FileEntry] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard name != ".", name != "..", stat("\(directory)/\(name)", &status) == 0 else { continue }
            let isFile = status.st_mode & S_IFMT == S_IFREG
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            entries.append(FileEntry(name: name, size: isFile ? Int(status.st_size) : 0, isDirectory: isDirectory))
        }
        return entries.sorted { $0.name < $1.name }
    }

    public func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StageError("'\(path)' cannot be removed: \(lastSystemError())")
        }
    }

    private func makeDirectory(of path: String) throws {
        var directory = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/").dropLast() {
            directory += "/\(part)"
            if mkdir(directory, 0o777) != 0, errno != EEXIST, errno != EISDIR, access(directory, X_OK) != 0 {
                throw StageError("the directory '\(directory)' cannot be made: \(lastSystemError())")
            }
        }
    }
}

/// A file that is written at its end. It holds whole appends only: what a power failure, a full disk or the end of the
/// process left of one is cut off, by whoever opens or writes it next.
private final class DiskFile: AppendableFile, @unchecked Sendable {  // one operation at a time uses it
    private let path: String
    private let descriptor: Int32
    private var end: Int
    private var isOpen = true

    init(_ path: String, _ descriptor: Int32) throws {
        self.path = path
        self.descriptor = descriptor
        end = 0
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("be looked at") }
        end = status.st_size
        // A device or a pipe has no end to repair.
        if status.st_mode & S_IFMT == S_IFREG { try repair() }
    }

    deinit { if isOpen { Glibc.close(descriptor) } }

    var size: Int { end }

    /// Cuts off a last line that was not finished.
    private func repair() throws {
        let whole = end
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while end > 0 {
            let start = max(0, end - chunk.count)
            let count = pread(descriptor, &chunk, end - start, start)
            guard count == end - start else { throw failure("be read") }
            if let newline = chunk[..<count].lastIndex(of: UInt8(ascii: "\n")) {
                end = start + newline + 1
                break
            }
            end = start
        }
        if end < whole, ftruncate(descriptor, end) != 0 { throw failure("be cut to its last whole line") }
    }

    func append(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                pwrite(descriptor, raw.baseAddress.map { $0 + written }, raw.count - written, end + written)
            }
            if count >= 0 {
                written += count
            } else if errno == ESPIPE {
                written += try appendToStream(bytes[written...])
            } else if errno != EINTR {
                let error = failure("be written")
                ftruncate(descriptor, end)
                throw error
            }
        }
        end += written
    }

    func overwrite(_ bytes: [UInt8], at offset: Int) throws {
        guard offset >= 0, offset <= end - bytes.count else {
            throw StageError("'\(path)' has no \(bytes.count) bytes at \(offset) to write over")
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                pwrite(descriptor, raw.baseAddress.map { $0 + written }, raw.count - written, offset + written)
            }
            guard count >= 0 || errno == EINTR else { throw failure("be written") }
            written += max(0, count)
        }
    }

    private func appendToStream(_ bytes: ArraySlice<UInt8>) throws -> Int {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 || errno == EINTR else { throw failure("be written") }
        return max(0, count)
    }

    func sync() throws {
        guard fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw failure("be synced") }
    }

    func close() throws {
        guard isOpen else { return }
        isOpen = false
        guard Glibc.close(descriptor) == 0 else { throw failure("be closed") }
    }

    private func failure(_ what: String) -> StageError { StageError("'\(path)' cannot \(what): \(lastSystemError())") }
}
