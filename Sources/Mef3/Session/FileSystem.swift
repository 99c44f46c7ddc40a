internal import Glibc
internal import Synchronization

/// The few system calls the library needs; errors name the path and what the system said.
enum FileSystem {
    struct Entry: Sendable, Hashable {
        var name: String
        var isDirectory: Bool
    }

    /// Entries of a directory in byte order of their names, without hidden ones.
    static func entries(of path: String, limits: Limits) throws(MefError) -> [Entry] {
        guard let directory = opendir(path) else { throw failure("open the directory", path) }
        defer { closedir(directory) }
        var entries: [Entry] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix(".") else { continue }
            guard entries.count < limits.directoryEntries else {
                throw MefError(.tooLarge, "more than \(limits.directoryEntries) entries in one directory", file: path)
            }
            let kind = Int32(entry.pointee.d_type)
            let isDirectory = kind == 4 || (kind == 0 || kind == 10) && self.isDirectory(path + "/" + name)
            entries.append(Entry(name: name, isDirectory: isDirectory))
        }
        return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The whole of a file, or its first `most` bytes.
    static func read(_ path: String, limits: Limits, most: Int = .max) throws(MefError) -> [UInt8] {
        let (descriptor, size) = try open(path)
        defer { close(descriptor) }
        let wanted = min(size, most)
        guard wanted <= limits.wholeFile else {
            throw MefError(.tooLarge, "\(size) bytes are above the limit of \(limits.wholeFile)", file: path)
        }
        var count = 0
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            while count < wanted, let base = buffer.baseAddress {
                let read = Glibc.read(descriptor, base + count, wanted - count)
                if read < 0, errno == EINTR { continue }
                if read < 0 { code = errno }
                guard read > 0 else { break }
                count += read
            }
            initialized = count
        }
        guard code == 0 else { throw failure("read", path, code) }
        return bytes
    }

    /// Bytes of a regular file; `nil` when there is none.
    static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// A descriptor of a regular file, which the caller closes, and the file's size.
    static func open(_ path: String) throws(MefError) -> (Int32, Int) {
        // Without O_NONBLOCK a named pipe in place of the file would wait for a writer for ever.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("open", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw MefError(.system, "not a regular file", file: path)
        }
        return (descriptor, Int(status.st_size))
    }

    /// Asks for large pages under a large answer that is about to be written for the first time.
    ///
    /// Otherwise the kernel is asked for each 4 KiB, which cost a fifth of the time of reading whole channels. It is a
    /// hint, so what the system makes of it does not matter.
    static func expectLarge(_ memory: UnsafeMutableRawBufferPointer) {
        let page = 2 << 20
        guard memory.count >= 2 * page, let base = memory.baseAddress else { return }
        let skip = (page - Int(bitPattern: base) % page) % page
        madvise(base + skip, (memory.count - skip) / page * page, MADV_HUGEPAGE)
    }

    static func failure(_ doing: String, _ path: String, _ code: Int32 = errno) -> MefError {
        let reason = String(cString: strerror(code))
        let kind: MefError.Code = code == ENOENT || code == ENOTDIR ? .missing : .system
        return MefError(kind, "cannot \(doing): \(reason)", file: path)
    }
}
