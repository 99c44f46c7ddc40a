/// What is known of a channel, or of one segment of it, besides its samples.
///
/// Read from section 2 of the metadata. The counters of that section are left out: they go stale when an acquisition
/// crashes, so sizes and counts come from the index and the blocks.
public struct ChannelMetadata: Sendable, Hashable {
    /// Samples a second.
    public var samplingFrequency: Double
    /// Factor from stored numbers to `units`; negative for an inverted channel, never zero.
    public var conversionFactor = 1.0
    /// Unit of a converted sample, such as `uV`.
    public var units = ""
    /// Free text about the channel.
    public var channelDescription = ""
    /// Free text about the session.
    public var sessionDescription = ""
    /// Free text about the reference.
    public var referenceDescription = ""
    /// Number of the channel in the acquisition system.
    public var acquisitionChannel: Int64 = -1
    /// Cut-off of the high-pass filter in Hz; -1 when not recorded.
    public var lowFrequencyFilter = -1.0
    /// Cut-off of the low-pass filter in Hz; -1 when not recorded.
    public var highFrequencyFilter = -1.0
    /// Frequency of the notch filter in Hz; -1 when not recorded.
    public var notchFilter = -1.0
    /// Frequency of the mains in Hz; -1 when not recorded.
    public var lineFrequency = -1.0

    /// Metadata with everything but the rate left out.
    public init(samplingFrequency: Double) { self.samplingFrequency = samplingFrequency }
}

/// What identifies the subject; read from section 3 of the metadata, which level 2 protects.
public struct SubjectMetadata: Sendable, Hashable {
    /// Offset by which stored times are shifted, in microseconds; `nil` when there is no entry.
    public var recordingTimeOffset: Int64?
    /// Start of daylight-saving time; `nil` when there is no entry.
    public var daylightStart: Int64?
    /// End of daylight-saving time; `nil` when there is no entry.
    public var daylightEnd: Int64?
    /// Seconds from UTC to local time; `nil` when there is no entry.
    public var gmtOffset: Int32?
    /// Usually the first name.
    public var subjectName1 = ""
    /// Usually the last name.
    public var subjectName2 = ""
    /// Identifier of the subject.
    public var subjectID = ""
    /// Where the recording was made.
    public var recordingLocation = ""

    /// Metadata that says nothing.
    public init() {}
}

/// A `.tmet` file: what it says, and at which level its sections are kept.
struct Metadata: Sendable {
    static let size = 16384
    private static let section2 = 2560..<13312
    private static let section3 = 13312..<16384
    private static let noOffset: Int32 = -86401
    // pymef writes this where it means "no entry" (its constant is wrong).
    private static let misprintedNoEntry: Int64 = 1 << 47

    var header: UniversalHeader
    var channel: ChannelMetadata
    /// `nil` when it is locked.
    var subject: SubjectMetadata?
    var keys: Keys

    /// True times from stored ones. Without access to section 3 they stay relative to an unknown offset.
    var times: TimeRule { TimeRule(offset: subject?.recordingTimeOffset ?? TimeRule.noEntry) }

    init(_ bytes: [UInt8], file: String, password: String?, checked: Bool) throws(MefError) {
        guard bytes.count == Self.size else {
            throw MefError(.damaged, "\(bytes.count) bytes, a metadata file has 16384", file: file)
        }
        header =
            checked
            ? try UniversalHeader.checked(bytes, kind: .tmet, file: file, body: true)
            : try UniversalHeader(bytes.span.bytes, kind: .tmet, file: file)
        let place = MefError.Place(file: file)
        do throws(MefError) {
            keys = try header.passwords.unlock(password)
            let second = try Self.section(bytes, Self.section2, level: bytes[1024], keys)
            channel = try Self.channel(second.span.bytes)
        } catch {
            throw error.at(place)
        }
        do throws(MefError) {
            let third = try Self.section(bytes, Self.section3, level: bytes[1025], keys)
            subject = Self.subject(third.span.bytes)
        } catch {
            guard error.code == .locked else { throw error.at(place) }
            subject = nil
        }
    }

    private static func section(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        level: UInt8,
        _ keys: Keys
    ) throws(MefError) -> [UInt8] {
        let section = Array(bytes[range])
        switch Int8(bitPattern: level) {
        case -128, -2, -1, 0: return section
        case 1: return try Cipher.decrypt(section, keys.key(level: 1))
        case 2: return try Cipher.decrypt(section, keys.key(level: 2))
        case let other: throw MefError(.damaged, "there is no encryption level \(other), -2 to 2 was expected")
        }
    }

    // Offsets are those of the file less the start of the section.
    private static func channel(_ bytes: RawSpan) throws(MefError) -> ChannelMetadata {
        var channel = ChannelMetadata(samplingFrequency: bytes.double(6160))
        guard channel.samplingFrequency.isFinite, channel.samplingFrequency > 0, channel.samplingFrequency < 1e9 else {
            throw MefError(.damaged, "a sampling frequency of \(channel.samplingFrequency) Hz cannot be")
        }
        let factor = bytes.double(6200)
        guard factor.isFinite else { throw MefError(.damaged, "a conversion factor of \(factor) cannot be") }
        channel.conversionFactor = factor == 0 ? 1 : factor
        channel.units = bytes.text(6208, 128)
        channel.channelDescription = bytes.text(0, 2048)
        channel.sessionDescription = bytes.text(2048, 2048)
        channel.referenceDescription = bytes.text(4104, 2048)
        channel.acquisitionChannel = bytes.integer(6152)
        channel.lowFrequencyFilter = bytes.double(6168)
        channel.highFrequencyFilter = bytes.double(6176)
        channel.notchFilter = bytes.double(6184)
        channel.lineFrequency = bytes.double(6192)
        return channel
    }

    private static func subject(_ bytes: RawSpan) -> SubjectMetadata {
        func entry(_ offset: Int) -> Int64? {
            let value: Int64 = bytes.integer(offset)
            return value == TimeRule.noEntry ? nil : value
        }
        func clock(_ offset: Int) -> Int64? { entry(offset).flatMap { $0 == misprintedNoEntry ? nil : $0 } }
        var subject = SubjectMetadata()
        subject.recordingTimeOffset = entry(0)
        subject.daylightStart = clock(8)
        subject.daylightEnd = clock(16)
        let offset: Int32 = bytes.integer(24)
        subject.gmtOffset = offset == noOffset ? nil : offset
        subject.subjectName1 = bytes.text(28, 128)
        subject.subjectName2 = bytes.text(156, 128)
        subject.subjectID = bytes.text(284, 128)
        subject.recordingLocation = bytes.text(412, 512)
        return subject
    }
}
