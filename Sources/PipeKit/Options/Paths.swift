import Glibc

/// A path as the graph states it and where it leads. A relative path starts from the directory of the file that it is
/// written in, so that a graph works from anywhere.
public struct ResolvedPath: Sendable, Hashable {
    public let written: String
    public let absolute: String
    /// What a relative path starts from.
    private let base: String

    init(_ text: FilledText) { self.init(text.text, from: text.directory) }

    public init(_ written: String, from directory: String) {
        self.written = written
        base = directory.hasPrefix("/") ? directory : "\(workingDirectory)/\(directory)"
        absolute = normalized(written.hasPrefix("/") ? written : "\(base)/\(written)")
    }

    var parent: String {
        let parent = absolute[..<(absolute.lastIndex(of: "/") ?? absolute.startIndex)]
        return parent.isEmpty ? "/" : String(parent)
    }
}

/// The path without `.`, `..` and doubled slashes.
public func normalized(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
        if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
    }
    if path.hasPrefix("/") { return "/" + parts.drop { $0 == ".." }.joined(separator: "/") }
    return parts.isEmpty ? "." : parts.joined(separator: "/")
}

/// A file that must exist and that the stage reads.
public struct InputFile: OptionValue, Hashable {
    public let path: ResolvedPath

    public static var kind: OptionKind { .path(.readsFile) }

    public static func read(_ node: Node, _ reader: Reader) -> InputFile? {
        guard let path = reader.path(node, wanted: "the path of a file") else { return nil }
        if case .directory = FileStatus(path.absolute) {
        } else {
            reader.worldClaims.append(WorldClaim(thing: .reading(path.absolute), place: node.place))
        }
        guard reader.looksAtWorld else { return InputFile(path: path) }
        switch FileStatus(path.absolute) {
        case .directory: reader.missing(node, "'\(path.written)' is a directory, and a file is read here")
        case .missing: reader.missing(node, "no file '\(path.written)'", path: path)
        case .unknown(let why): reader.missing(node, "'\(path.written)' cannot be looked at: \(why)")
        case .file where access(path.absolute, R_OK) != 0:
            reader.missing(node, "the file '\(path.written)' may not be read: \(lastSystemError())")
        case .file: break
        }
        return InputFile(path: path)
    }

    public var written: String { path.written }
}

/// A file that the stage writes. Its directory is made when the graph starts; two stages cannot write one file.
public struct OutputFile: OptionValue, Hashable {
    public let path: ResolvedPath

    public static var kind: OptionKind { .path(.writesFile) }

    public static func read(_ node: Node, _ reader: Reader) -> OutputFile? {
        guard let path = reader.path(node, wanted: "the path of a file") else { return nil }
        if path.written.hasSuffix("/") {
            reader.diagnostics.error(
                .wrongType,
                at: node.place,
                "'\(path.written)' names a directory, and a file is written here",
                hint: "add the name of the file"
            )
            return nil
        }
        if reader.looksAtWorld, !reader.checkWritable(path, node) { return OutputFile(path: path) }
        reader.worldClaims.append(WorldClaim(thing: .path(path.absolute), place: node.place))
        return OutputFile(path: path)
    }

    public var written: String { path.written }
}

/// A directory that must exist.
public struct InputDirectory: OptionValue, Hashable {
    public let path: ResolvedPath

    public static var kind: OptionKind { .path(.directory) }

    public static func read(_ node: Node, _ reader: Reader) -> InputDirectory? {
        guard let path = reader.path(node, wanted: "the path of a directory") else { return nil }
        guard reader.looksAtWorld else { return InputDirectory(path: path) }
        switch FileStatus(path.absolute) {
        case .directory: break
        case .file: reader.missing(node, "'\(path.written)' is a file, and a directory belongs here")
        case .missing: reader.missing(node, "no directory '\(path.written)'", path: path)
        case .unknown(let why): reader.missing(node, "'\(path.written)' cannot be looked at: \(why)")
        }
        return InputDirectory(path: path)
    }

    public var written: String { path.written }
}

/// A directory that the stage writes files into. It is made when the graph starts; two stages cannot write into one.
public struct OutputDirectory: OptionValue, Hashable {
    public let path: ResolvedPath

    public static var kind: OptionKind { .path(.writesDirectory) }

    public static func read(_ node: Node, _ reader: Reader) -> OutputDirectory? {
        guard let path = reader.path(node, wanted: "the path of a directory") else { return nil }
        if reader.looksAtWorld, !reader.checkTakesFiles(path, node) { return OutputDirectory(path: path) }
        reader.worldClaims.append(WorldClaim(thing: .path(path.absolute), place: node.place))
        return OutputDirectory(path: path)
    }

    public var written: String { path.written }
}

enum FileStatus {
    case file, directory, missing
    case unknown(String)

    init(_ path: String) {
        var status = stat()
        if stat(path, &status) == 0 {
            self = status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        } else {
            self = errno == ENOENT || errno == ENOTDIR ? .missing : .unknown(lastSystemError())
        }
    }
}

/// Where pipe was started.
private let workingDirectory: String = {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
}()

func lastSystemError() -> String { String(cString: strerror(errno)).lowercased() }

extension Reader {
    fileprivate func path(_ node: Node, wanted: String) -> ResolvedPath? {
        guard let text = text(node, wanted: wanted) else { return nil }
        guard !text.text.isEmpty, !text.text.utf8.contains(0), text.text.utf8.count < 4096 else {
            diagnostics.error(.wrongType, at: node.place, "\(text.quoted) is not \(wanted)")
            return nil
        }
        if !text.isFilled, let dollar = text.text.firstIndex(of: "$") {
            let name = text.text[text.text.index(after: dollar)...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            if !name.isEmpty {
                let better = text.text.replacing("$\(name)", with: "${env.\(name)}")
                wrongType(text, wanted: "a path: '$\(name)' is the shell's, and not known here", suggestion: better)
                return nil
            }
        }
        if text.text.hasPrefix("~/") || text.text == "~" {
            let better = "${env.HOME}\(text.text.dropFirst())"
            wrongType(text, wanted: "a path: '~' is the shell's, and not known here", suggestion: better)
            return nil
        }
        return ResolvedPath(text)
    }

    fileprivate func missing(_ node: Node, _ message: String, path: ResolvedPath? = nil) {
        guard let path else {
            diagnostics.error(.missingFile, at: node.place, message)
            return
        }
        let isFilled = if case .scalar(let text, _) = node.content { text.contains("${") } else { false }
        let best = path.nearest
        diagnostics.error(
            .missingFile,
            at: node.place,
            message,
            hint: best.map { "did you mean '\($0)'?" }
                ?? "pipe looks for \(path.absolute); --offline leaves files out of the check",
            suggestion: isFilled ? nil : best
        )
    }

    /// The nearest directory that exists must take new files; the rest of the path is made at the start.
    fileprivate func checkWritable(_ path: ResolvedPath, _ node: Node) -> Bool {
        if case .directory = FileStatus(path.absolute) {
            diagnostics.error(
                .notWritable,
                at: node.place,
                "'\(path.written)' is a directory, and a file is written here",
                hint: "add the name of the file"
            )
            return false
        }
        if case .file = FileStatus(path.absolute) {
            if access(path.absolute, W_OK) == 0 { return true }
            diagnostics.error(
                .notWritable,
                at: node.place,
                "the file '\(path.written)' may not be written: \(lastSystemError())",
                hint: "choose another path, or change its rights"
            )
            return false
        }
        return checkTakesFiles(ResolvedPath(path.parent, from: "/"), node)
    }

    /// A directory, or the nearest above it that exists, must take new files.
    fileprivate func checkTakesFiles(_ path: ResolvedPath, _ node: Node) -> Bool {
        var directory = path.absolute
        while case .missing = FileStatus(directory), directory != "/" {
            directory = ResolvedPath(directory, from: "/").parent
        }
        if case .file = FileStatus(directory) {
            diagnostics.error(.notWritable, at: node.place, "'\(directory)' is a file, so no file can be made in it")
            return false
        } else if access(directory, W_OK) != 0 {
            diagnostics.error(
                .notWritable,
                at: node.place,
                "no file can be made in '\(directory)': \(lastSystemError())",
                hint: "choose another path, or change the rights of that directory"
            )
            return false
        }
        return true
    }
}

extension ResolvedPath {
    /// The path that was meant by one that leads nowhere, as it would be written: each part that is not there becomes
    /// the nearest name that is.
    public var nearest: String? {
        var parts = written.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        var directory = written.hasPrefix("/") ? "/" : base
        for index in parts.indices where !["", "."].contains(parts[index]) {
            if case .missing = FileStatus("\(directory)/\(parts[index])") {
                guard let best = Suggestion.best(for: parts[index], among: Self.names(in: directory)) else {
                    return nil
                }
                parts[index] = best
            }
            directory = normalized("\(directory)/\(parts[index])")
        }
        let found = parts.joined(separator: "/")
        return found == written ? nil : found
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < 1000, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
