/// A stage's files on virtual time: while a test has filled the disk, nothing can be written.
struct FillableFiles: FileStore {
    let files: any FileStore
    let node: Node

    func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile {
        FillableFile(file: try files.open(path, mode), path: path, node: node)
    }

    func rename(_ path: String, to other: String) throws { try files.rename(path, to: other) }
    func place(_ path: String, at other: String) throws -> Bool { try files.place(path, at: other) }
    func remove(_ path: String) throws { try files.remove(path) }
    func list(_ directory: String) throws -> [FileEntry] { try files.list(directory) }
}

private struct FillableFile: AppendableFile {
    let file: any AppendableFile
    let path: String
    let node: Node

    var size: Int { get throws { try file.size } }

    func append(_ bytes: [UInt8]) throws {
        guard node.runner.time >= node.faults.diskFullUntil else {
            throw StageError("'\(path)' cannot be written: no space left on device")
        }
        try file.append(bytes)
    }

    /// A full disk takes what it has room for already.
    func overwrite(_ bytes: [UInt8], at offset: Int) throws { try file.overwrite(bytes, at: offset) }

    func sync() throws { try file.sync() }
    func close() throws { try file.close() }
}
