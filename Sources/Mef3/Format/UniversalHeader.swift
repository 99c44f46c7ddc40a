/// The first 1024 bytes of every file except video.
struct UniversalHeader: Sendable, Hashable {
    static let size = 1024

    enum Kind: String, Sendable {
        case tmet, tdat, tidx, rdat, ridx, vmet, vidx
    }

    var kind: Kind
    var headerCRC: UInt32 = 0
    var bodyCRC: UInt32 = 0
    var start = TimeRule.noEntry
    var end = TimeRule.noEntry
    var entries: Int64 = -1
    var maximumEntry: Int64 = -1
    var segment: Int32 = -1
    var channelName = ""
    var sessionName = ""
    var subject = ""
    var levelID = Unit.zero
    var fileID = Unit.zero
    var provenanceID = Unit.zero
    var passwords = PasswordFields.none

    init(kind: Kind) { self.kind = kind }

    /// Reads a header that must be of the given kind; its checksum is the caller's business.
    init(_ bytes: RawSpan, kind: Kind, file: String) throws(MefError) {
        guard bytes.byteCount >= Self.size else {
            throw MefError(.damaged, "\(bytes.byteCount) bytes are too few for a header of 1024", file: file)
        }
        let type = bytes.text(8, 4)
        guard type == kind.rawValue else {
            throw MefError(.unsupported, "the file type is '\(type)', '\(kind.rawValue)' was expected", file: file)
        }
        let (major, minor, order): (UInt8, UInt8, UInt8) = (bytes.integer(13), bytes.integer(14), bytes.integer(15))
        guard major == 3, minor == 0 else {
            throw MefError(.unsupported, "MEF version \(major).\(minor) is not read here, only 3.0", file: file)
        }
        guard order == 1 else {
            throw MefError(.unsupported, "byte order \(order) is not read here, only 1 (little-endian)", file: file)
        }
        self.kind = kind
        headerCRC = bytes.integer(0)
        bodyCRC = bytes.integer(4)
        start = bytes.integer(16)
        end = bytes.integer(24)
        entries = bytes.integer(32)
        maximumEntry = bytes.integer(40)
        segment = bytes.integer(48)
        channelName = bytes.text(52, 256)
        sessionName = bytes.text(308, 256)
        subject = bytes.text(564, 256)
        levelID = Unit(bytes.bytes(820, 16))
        fileID = Unit(bytes.bytes(836, 16))
        provenanceID = Unit(bytes.bytes(852, 16))
        passwords = PasswordFields(level1: Unit(bytes.bytes(868, 16)), level2: Unit(bytes.bytes(884, 16)))
    }

    /// The header of a file in memory, its checksums compared; a zero stands for "not recorded".
    ///
    /// `body` says what to make of the body's checksum; that of `.tdat` is left alone, because writers disagree about
    /// its start value and each block has its own.
    static func checked(_ bytes: [UInt8], kind: Kind, file: String, body: Bool) throws(MefError) -> UniversalHeader {
        let header = try UniversalHeader(bytes.span.bytes, kind: kind, file: file)
        let computed = Checksum.of(bytes[4..<size])
        if header.headerCRC != 0, header.headerCRC != computed {
            throw MefError(.damaged, "the header fails its checksum", file: file)
        }
        if body, header.bodyCRC != 0, header.bodyCRC != Checksum.of(bytes[size...]) {
            throw MefError(.damaged, "the body fails its checksum", file: file)
        }
        return header
    }

    /// The header in front of a body, with both checksums.
    func bytes(before body: [UInt8]) -> [UInt8] { bytes(bodyCRC: Checksum.of(body)) }

    func bytes(bodyCRC: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.put(bodyCRC, at: 4)
        bytes.put(text: kind.rawValue, at: 8, room: 5)
        bytes.put([3, 0, 1] as [UInt8], at: 13)
        bytes.put(start, at: 16)
        bytes.put(end, at: 24)
        bytes.put(entries, at: 32)
        bytes.put(maximumEntry, at: 40)
        bytes.put(segment, at: 48)
        bytes.put(text: channelName, at: 52, room: 256)
        bytes.put(text: sessionName, at: 308, room: 256)
        bytes.put(text: subject, at: 564, room: 256)
        bytes.put(levelID.bytes, at: 820)
        bytes.put(fileID.bytes, at: 836)
        bytes.put(provenanceID.bytes, at: 852)
        bytes.put(passwords.level1.bytes, at: 868)
        bytes.put(passwords.level2.bytes, at: 884)
        bytes.put(Checksum.of(bytes[4...]), at: 0)
        return bytes
    }
}
