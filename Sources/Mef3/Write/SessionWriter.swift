/// Writes a MEF 3 session: channels, each of one or more segments.
///
/// Used from one thread at a time. Files are created and never overwritten, so a session that exists is added to by
/// writing new channels or segments.
public struct SessionWriter {
    /// The passwords of a protected session; level 2 needs level 1.
    public struct Passwords: Sendable {
        let level1: Password
        let level2: Password?

        /// Checks that both can be stored: 1 to 15 characters.
        public init(level1: String, level2: String?) throws(MefError) {
            self.level1 = try Password(level1)
            if let level2 { self.level2 = try Password(level2) } else { self.level2 = nil }
        }
    }

    let path: String
    let name: String
    let subject: SubjectMetadata
    let fields: PasswordFields
    let keys: Keys
    let blockLevel: Int
    let storage: any SessionStorage
    private let makeID: @Sendable () -> SIMD16<UInt8>

    /// A writer into a directory with the extension `.mefd`, which is made if need be.
    ///
    /// - Parameters:
    ///   - subject: Kept in section 3. Times are stored relative to its recording time offset.
    ///   - blockLevel: Level at which each block's statistics are encrypted; 0, as other writers do, leaves them clear.
    ///   - storage: Where the files are.
    ///   - makeID: The identifiers in the headers; random, unless a program wants to repeat them.
    public init(
        path: String,
        subject: SubjectMetadata = SubjectMetadata(),
        passwords: Passwords? = nil,
        blockLevel: Int = 0,
        storage: any SessionStorage = DiskStorage(),
        makeID: @escaping @Sendable () -> SIMD16<UInt8> = { .random(in: 0...255) }
    ) throws(MefError) {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        self.path = String(trimmed)
        guard let name = MefSession.stem(self.path.split(separator: "/").last.map(String.init) ?? "", ".mefd") else {
            throw MefError(.unsupported, "a session is a directory with the extension '.mefd'", file: path)
        }
        self.name = name
        self.subject = subject
        fields = passwords.map { PasswordFields(level1: $0.level1, level2: $0.level2) } ?? .none
        keys = Keys(level1: passwords?.level1.unit, level2: passwords?.level2?.unit)
        guard (0...keys.access).contains(blockLevel) else {
            throw MefError(.outOfRange, "blocks cannot be encrypted at level \(blockLevel), there is no such password")
        }
        self.blockLevel = blockLevel
        self.storage = storage
        self.makeID = makeID
        try storage.makeDirectory(self.path)
    }

    /// A header's identifiers: of the file, which is an original.
    func sign(_ header: inout UniversalHeader) {
        header.fileID = makeID()
        header.provenanceID = header.fileID
    }

    /// An identifier for the files of one segment, channel or session.
    func levelID() -> SIMD16<UInt8> { makeID() }

    /// Starts a segment of a channel.
    ///
    /// - Parameters:
    ///   - firstSample: Samples of the channel in the segments before this one.
    ///   - blockSamples: Most samples of a block; by default a second of a fast channel, ten of a slow one.
    public func segment(
        _ number: Int,
        of channel: String,
        metadata: ChannelMetadata,
        firstSample: Int = 0,
        blockSamples: Int? = nil
    ) throws(MefError) -> SegmentWriter {
        let rate = metadata.samplingFrequency
        guard rate.isFinite, rate > 0, rate < 1e9 else {
            throw MefError(.outOfRange, "a sampling frequency of \(rate) Hz cannot be")
        }
        guard !channel.isEmpty, !channel.hasPrefix("."), !channel.contains("/"), channel.utf8.count < 240 else {
            throw MefError(.outOfRange, "'\(channel)' cannot name a channel: it would not make a file name")
        }
        guard (0...999_999).contains(number) else {
            throw MefError(.outOfRange, "segment \(number) is not in 0...999999")
        }
        let usual = Int(max(1, rate >= 5000 ? rate : 10 * rate))
        let size = min(blockSamples ?? usual, Limits().blockSamples)
        guard size > 0 else { throw MefError(.outOfRange, "blocks of \(size) samples cannot be, give at least 1") }
        return try SegmentWriter.create(
            self,
            channel: channel,
            number: number,
            metadata: metadata,
            firstSample: firstSample,
            blockSamples: size
        )
    }

    /// Writes a whole segment: runs of samples, each with the time of its first one.
    ///
    /// - Returns: The number of samples written.
    @discardableResult
    public func write(
        _ runs: [(start: Int64, samples: [Int32])],
        segment number: Int = 0,
        of channel: String,
        metadata: ChannelMetadata,
        firstSample: Int = 0,
        blockSamples: Int? = nil
    ) throws(MefError) -> Int {
        var writer = try segment(
            number,
            of: channel,
            metadata: metadata,
            firstSample: firstSample,
            blockSamples: blockSamples
        )
        for run in runs { try writer.append(run.samples, at: run.start) }
        return try writer.finish()
    }
}
