/// A MEF 3 session: a directory of channels.
///
/// Opening walks the directories and reads metadata and indices; samples are read when they are asked for. There is no
/// state outside the objects, and all of them can be used from several threads at once.
public final class MefSession: Sendable {
    /// Path of the session as it was given.
    public let path: String
    /// Name of the session's directory without its extension.
    public let name: String
    /// The time-series channels in byte order of their names.
    public let channels: [MefChannel]
    /// Names of the video channels, which are not read.
    public let videoChannels: [String]
    /// What was set aside while opening; empty when reading strictly, which throws instead.
    public let damage: [Damage]
    /// The highest level the password opened: 0 for a session without passwords, otherwise 1 or 2.
    public let accessLevel: Int

    let password: String?
    let reading: Reading
    let limits: Limits

    /// Opens a session.
    ///
    /// A protected session needs a password of either level. A missing or wrong one is an error in both ways of
    /// reading, since it is no damage.
    public init(
        path: String,
        password: String? = nil,
        reading: Reading = .strict,
        limits: Limits = Limits()
    ) throws(MefError) {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        let directory = String(trimmed)
        guard let name = Self.stem(directory.split(separator: "/").last.map(String.init) ?? "", ".mefd") else {
            throw MefError(.unsupported, "a session is a directory with the extension '.mefd'", file: path)
        }
        var damage: [Damage] = []
        var channels: [MefChannel] = []
        var videos: [String] = []
        for entry in try FileSystem.entries(of: directory, limits: limits) where entry.isDirectory {
            if let video = Self.stem(entry.name, ".vidd") { videos.append(video) }
            guard let channel = Self.stem(entry.name, ".timd") else { continue }
            var loader = SegmentLoader(channel: channel, password: password, reading: reading, limits: limits)
            if let channel = try loader.channel(directory + "/" + entry.name) { channels.append(channel) }
            damage += loader.damage
        }
        self.path = path
        self.name = name
        self.channels = channels
        videoChannels = videos
        self.damage = damage
        accessLevel = channels.map(\.keys.access).max() ?? 0
        self.password = password
        self.reading = reading
        self.limits = limits
    }

    /// The start of the earliest channel, in microseconds since 1970.
    public var start: Int64? { channels.compactMap(\.start).min() }

    /// The end of the latest channel, in microseconds since 1970.
    public var end: Int64? { channels.compactMap(\.end).max() }

    /// The channel of that name.
    public func channel(_ name: String) throws(MefError) -> MefChannel {
        if let channel = channels.first(where: { $0.name == name }) { return channel }
        let names = channels.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ")
        let more = channels.count > 8 ? ", …" : ""
        throw MefError(.missing, "there is no channel '\(name)', only \(names)\(more)", file: path)
    }

    static func stem(_ name: String, _ suffix: String) -> String? {
        guard name.hasSuffix(suffix), name.utf8.count > suffix.utf8.count else { return nil }
        return String(name.dropLast(suffix.count))
    }
}

extension SegmentLoader {
    /// The channel in a directory; `nil` when it has no segment with samples.
    mutating func channel(_ directory: String) throws(MefError) -> MefChannel? {
        let entries: [FileSystem.Entry]
        do throws(MefError) {
            entries = try FileSystem.entries(of: directory, limits: limits)
        } catch {
            try note(error)
            return nil
        }
        var segments: [Segment] = []
        for entry in entries where entry.isDirectory {
            guard let name = MefSession.stem(entry.name, ".segd") else { continue }
            guard let segment = try load(directory + "/" + entry.name, name: name) else { continue }
            if let first = segments.first?.metadata.channel {
                let next = segment.metadata.channel
                guard
                    first.samplingFrequency == next.samplingFrequency, first.conversionFactor == next.conversionFactor
                else {
                    let message =
                        "\(next.samplingFrequency) Hz times \(next.conversionFactor) in one segment and "
                        + "\(first.samplingFrequency) Hz times \(first.conversionFactor) in another do not make a channel"
                    try note(MefError(.unsupported, message, file: directory + "/" + entry.name))
                    continue
                }
            }
            segments.append(segment)
        }
        guard !segments.isEmpty else { return nil }
        return MefChannel(name: channel, directory: directory, segments: segments, reading: reading, limits: limits)
    }
}
