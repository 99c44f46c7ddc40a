/// A stretch of text in one of the files a graph was read from. Lines and columns count from 1; columns and length
/// count Unicode scalars. A stretch never goes past the end of its line.
public struct Place: Sendable, Hashable {
    public var file: Int32
    public var line: Int32
    public var column: Int32
    public var length: Int32

    public init(file: Int32, line: Int32, column: Int32, length: Int32) {
        self.file = file
        self.line = line
        self.column = column
        self.length = length
    }

    /// A part of this place.
    public func part(from offset: Int, length: Int) -> Place {
        Place(file: file, line: line, column: column + Int32(offset), length: Int32(max(1, length)))
    }
}

extension Place: Comparable {
    public static func < (a: Place, b: Place) -> Bool {
        (a.file, a.line, a.column, a.length) < (b.file, b.line, b.column, b.length)
    }
}

/// A file that a graph was read from: its name as the user wrote it, and its text.
public struct SourceFile: Sendable {
    public let name: String
    /// The directory that relative paths inside the file start from.
    public let directory: String
    public let bytes: [UInt8]
    private let lineStarts: [Int]

    public init(name: String, directory: String, bytes: [UInt8]) {
        self.name = name
        self.directory = directory
        self.bytes = bytes
        self.lineStarts = SourceFile.lineStarts(in: bytes)
    }

    public var lineCount: Int { lineStarts.count }

    /// The text of a line, counted from 1, without its line break; nil where there is no such line.
    public func line(_ number: Int) -> String? {
        guard number >= 1, number <= lineStarts.count else { return nil }
        var end = number < lineStarts.count ? lineStarts[number] : bytes.count
        let start = lineStarts[number - 1]
        while end > start, bytes[end - 1] == 0x0a || bytes[end - 1] == 0x0d { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// Line feed, carriage return, or both in a row end a line, as they do in YAML.
    private static func lineStarts(in bytes: [UInt8]) -> [Int] {
        var starts = [0]
        bytes.withUnsafeBufferPointer { bytes in
            for index in bytes.indices where bytes[index] == 0x0a || bytes[index] == 0x0d {
                if bytes[index] == 0x0d, index + 1 < bytes.count, bytes[index + 1] == 0x0a { continue }
                starts.append(index + 1)
            }
        }
        return starts
    }
}

/// All files of one graph. A place names its file by index.
public struct SourceFiles: Sendable {
    public private(set) var files: [SourceFile] = []

    public init() {}

    public mutating func add(_ file: SourceFile) -> Int32 {
        files.append(file)
        return Int32(files.count - 1)
    }

    public subscript(place: Place) -> SourceFile { files[Int(place.file)] }

    /// `gate.yaml:17:14`
    public func describe(_ place: Place) -> String {
        "\(self[place].name):\(place.line):\(place.column)"
    }
}
