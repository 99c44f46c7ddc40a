internal import Glibc

/// Keeps clients below the directories they may read.
struct Roots: Sendable {
    private let roots: [String]
    private let prefix: String

    /// Resolves the roots once; each must be a directory that exists.
    init(_ roots: [String], prefix: String) throws(MefServerError) {
        var resolved: [String] = []
        for root in roots {
            guard let path = Self.resolve(root) else {
                throw MefServerError(.configuration, "the root '\(root)' does not exist, make it or name another")
            }
            resolved.append(path)
        }
        self.roots = resolved
        self.prefix = prefix
    }

    /// The real path of a session a client names; `nil` when it does not exist or lies elsewhere.
    ///
    /// Both are the same to a client, who must not learn what there is outside. All links are followed before the path
    /// is compared.
    func admit(_ path: String) -> String? {
        guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
        guard let real = Self.resolve(path.hasPrefix("/") ? prefix + path : path), contains(real) else { return nil }
        return real
    }

    /// Whether no link below a session leads out of the roots.
    ///
    /// Looks at the names a reader would follow: channels, segments and their files. Somebody who can swap links while
    /// a session is read can write below a root, and needs no server to read.
    func holdsAll(below session: String) -> Bool {
        var pending = [(session, 0)]
        while let (directory, depth) = pending.popLast() {
            guard let stream = opendir(directory) else { return false }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != ".." else { continue }
                let path = directory + "/" + name
                var status = stat()
                guard lstat(path, &status) == 0 else { return false }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: if depth < 2 { pending.append((path, depth + 1)) }
                case S_IFLNK:
                    guard let real = Self.resolve(path), contains(real) else { return false }
                    // What a linked directory holds is looked at where it lies.
                    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, depth < 2 {
                        pending.append((path, depth + 1))
                    }
                default: break
                }
            }
        }
        return true
    }

    private func contains(_ path: String) -> Bool {
        // Byte by byte: two spellings of one letter are two directories.
        roots.contains { root in
            root == "/" || path.utf8.elementsEqual(root.utf8) || path.utf8.starts(with: (root + "/").utf8)
        }
    }

    private static func resolve(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
