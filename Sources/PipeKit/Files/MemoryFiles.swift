public import PipeCore
import Synchronization

/// Files in memory: what a test writes leaves no trace on the disk.
public final class MemoryFiles: FileStore {
    private let files = Mutex<[String: [UInt8]]>([:])

    public init() {}

    /// The content of a file; nil where there is none.
    public func content(_ path: String) -> [UInt8]? { files.withLock { $0[path] } }

    /// The files that there are, by path.
    public var contents: [String: [UInt8]] { files.withLock { $0 } }

    public func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile {
        try files.withLock { files throws in
            switch mode {
            case .append: files[path] = files[path] ?? []
            case .fresh: files[path] = []
            case .exclusive:
                guard files[path] == nil else { throw StageError("'\(path)' is there already") }
                files[path] = []
            }
        }
        return MemoryFile(path: path, store: self)
    }

    public func rename(_ path: String, to other: String) throws {
        files.withLock { files in
            if let content = files.removeValue(forKey: path) { files[other] = content }
        }
    }

    public func place(_ path: String, at other: String) throws -> Bool {
        files.withLock { files in
            guard files[other] == nil, let content = files.removeValue(forKey: path) else { return false }
            files[other] = content
            return true
        }
    }

    public func remove(_ path: String) throws { files.withLock { $0[path] = nil } }

    public func list(_ directory: String) throws -> [FileEntry] {
        let start = "\(directory)/"
        var found: [String: FileEntry] = [:]
        for (path, content) in contents where path.hasPrefix(start) {
            let rest = path.dropFirst(start.count)
            let name = String(rest.prefix { $0 != "/" })
            let isDirectory = rest.contains("/")
            found[name] = FileEntry(name: name, size: isDirectory ? 0 : content.count, isDirectory: isDirectory)
        }
        return found.values.sorted { $0.name < $1.name }
    }

    fileprivate func append(_ bytes: [UInt8], to path: String) { files.withLock { $0[path, default: []] += bytes } }

    fileprivate func overwrite(_ bytes: [UInt8], at offset: Int, of path: String) throws {
        try files.withLock { files throws in
            guard let end = files[path]?.count, offset >= 0, offset <= end - bytes.count else {
                throw StageError("'\(path)' has no \(bytes.count) bytes at \(offset) to write over")
            }
            files[path]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
    }
}

private struct MemoryFile: AppendableFile {
    let path: String
    let store: MemoryFiles

    var size: Int { store.content(path)?.count ?? 0 }
    func append(_ bytes: [UInt8]) { store.append(bytes, to: path) }
    func overwrite(_ bytes: [UInt8], at offset: Int) throws { try store.overwrite(bytes, at: offset, of: path) }
    func sync() {}
    func close() {}
}
