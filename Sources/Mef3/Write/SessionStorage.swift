/// Where a session is written: on disk, unless a program keeps its files elsewhere.
public protocol SessionStorage: Sendable {
    /// Makes a directory; one that is there already is no error.
    func makeDirectory(_ path: String) throws(MefError)
    /// Creates a file, which must not exist yet.
    func create(_ path: String) throws(MefError) -> any SessionFile
    /// Puts a whole file in place at once, so that a reader sees the old one or the new one.
    func replace(_ path: String, _ bytes: [UInt8]) throws(MefError)
}

/// A file of a session while it is written: from front to end, its header once more at the end.
public protocol SessionFile {
    /// Adds bytes: all of them, or an error.
    func append(_ bytes: [UInt8]) throws(MefError)
    /// Writes over bytes that are there.
    func put(_ bytes: [UInt8], at offset: Int) throws(MefError)
}

/// A session on disk.
public struct DiskStorage: SessionStorage {
    /// The files of the system.
    public init() {}

    public func makeDirectory(_ path: String) throws(MefError) { try FileWriter.makeDirectory(path) }

    public func create(_ path: String) throws(MefError) -> any SessionFile { try FileWriter(path) }

    public func replace(_ path: String, _ bytes: [UInt8]) throws(MefError) { try FileWriter.replace(path, bytes) }
}
