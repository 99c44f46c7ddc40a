/// Why something of a MEF 3 session could not be read or written, and what to do about it.
public struct MefError: Error, Sendable, Hashable {
    /// The kind of trouble, for a program to decide on.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The path, the channel or a file of a segment does not exist.
        case missing
        /// The system refused to open, read, map or write a file.
        case system
        /// The bytes are sound but not of a kind this library reads: another version, byte order or file type.
        case unsupported
        /// The bytes contradict each other, a checksum or the format.
        case damaged
        /// A password is needed, or one of a higher level than the one given.
        case locked
        /// A password was given and it opens nothing.
        case wrongPassword
        /// The caller asked for samples, times or a size that cannot be.
        case outOfRange
        /// Something is larger than the limits allow.
        case tooLarge
    }

    /// Where in a session the trouble is.
    public struct Place: Sendable, Hashable {
        /// Path of the file or directory, below the session where that is known.
        public var file: String
        /// Number of the block within the file, counted from 0.
        public var block: Int?

        /// A place in a file.
        public init(file: String, block: Int? = nil) {
            self.file = file
            self.block = block
        }
    }

    /// The kind of trouble.
    public let code: Code
    /// What happened and what to do, in lower case and without a full stop.
    public let message: String
    /// Where it happened; `nil` when it is about no file.
    public let place: Place?

    /// An error of this library.
    public init(_ code: Code, _ message: String, at place: Place? = nil) {
        self.code = code
        self.message = message
        self.place = place
    }

    init(_ code: Code, _ message: String, file: String, block: Int? = nil) {
        self.init(code, message, at: Place(file: file, block: block))
    }

    /// The same trouble, told of another place.
    func at(_ place: Place) -> MefError { MefError(code, message, at: place) }
}

extension MefError: CustomStringConvertible {
    /// File, block, message and code on one line.
    public var description: String {
        guard let place else { return "\(message) [\(code.rawValue)]" }
        let block = place.block.map { ", block \($0)" } ?? ""
        return "\(place.file)\(block): \(message) [\(code.rawValue)]"
    }
}

/// Something that was set aside while salvaging.
public struct Damage: Sendable, Hashable {
    /// What is wrong and where.
    public let error: MefError
    /// The channel it belongs to; `nil` for the session itself.
    public let channel: String?
    /// The samples that are lost, as numbers in the channel; `nil` when none are or when nobody can tell.
    public let samples: Range<Int>?

    init(_ error: MefError, channel: String? = nil, samples: Range<Int>? = nil) {
        self.error = error
        self.channel = channel
        self.samples = samples
    }
}

/// What to do about damage.
public enum Reading: Sendable, Hashable {
    /// The first inconsistency is an error.
    case strict
    /// What is sound is returned, what is not is listed.
    case salvage
}

/// Sizes beyond which a file is not believed.
///
/// A block of 304 bytes may claim four thousand million samples, so the size of a file alone bounds nothing.
public struct Limits: Sendable, Hashable {
    /// Samples of one block; common writers stay below half a million.
    public var blockSamples = 1 << 24
    /// Samples of one answer: 2 GiB of 64-bit numbers.
    public var answerSamples = 1 << 28
    /// Bytes of a file that is read whole: indices, records, metadata.
    public var wholeFile = 1 << 30
    /// Entries of one directory.
    public var directoryEntries = 1 << 20

    /// The usual limits.
    public init() {}
}
