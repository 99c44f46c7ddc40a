/// A `.rdat` file: records behind each other, each with its own checksum.
///
/// The index beside it says nothing that the data do not, and where both disagree the data are right, so it is not
/// read.
struct RecordFile {
    static let headerSize = 24

    let path: String
    let times: TimeRule
    let password: String?
    let reading: Reading
    let limits: Limits

    /// The records of a file, and what was set aside; none when there is no file.
    func records(channel: String?) throws(MefError) -> (records: [MefRecord], damage: [Damage]) {
        var records: [MefRecord] = []
        var damage: [Damage] = []
        guard FileSystem.size(of: path) != nil else { return ([], []) }
        func note(_ error: MefError) throws(MefError) {
            guard reading == .salvage, error.code != .locked, error.code != .wrongPassword else { throw error }
            damage.append(Damage(error, channel: channel))
        }

        let bytes = try FileSystem.read(path, limits: limits)
        let header: UniversalHeader
        do throws(MefError) {
            header = try UniversalHeader.checked(bytes, kind: .rdat, file: path, body: false)
        } catch {
            try note(error)
            return ([], damage)
        }
        let keys = try header.passwords.unlock(password)
        var offset = UniversalHeader.size
        while offset < bytes.count, header.entries < 0 || records.count + damage.count < header.entries {
            do throws(MefError) {
                let (record, next) = try record(bytes, offset, keys)
                offset = next
                records.append(record)
            } catch {
                try note(error.at(MefError.Place(file: path, block: records.count + damage.count)))
                guard let next = skip(bytes, offset) else { break }
                offset = next
            }
        }
        if header.entries > records.count + damage.count {
            let message = "the header counts \(header.entries) records, there are \(records.count)"
            try note(MefError(.damaged, message, file: path))
        }
        return (records, damage)
    }

    /// Where the next record starts, if the length of this one can be.
    private func skip(_ bytes: [UInt8], _ offset: Int) -> Int? {
        guard bytes.count - offset >= Self.headerSize else { return nil }
        let length = Int(bytes.span.bytes.integer(offset + 12) as UInt32)
        let next = offset + Self.headerSize + length
        return length % 16 == 0 && next <= bytes.count ? next : nil
    }

    private func record(_ bytes: [UInt8], _ offset: Int, _ keys: Keys) throws(MefError) -> (MefRecord, Int) {
        guard let next = skip(bytes, offset) else {
            throw MefError(.damaged, "the record is longer than the file or its length is no multiple of 16")
        }
        let span = bytes.span.bytes
        let crc: UInt32 = span.integer(offset)
        guard crc == 0 || crc == Checksum.of(bytes[offset + 4..<next]) else {
            throw MefError(.damaged, "the record fails its checksum")
        }
        let type = span.text(offset + 4, 4)
        let level: Int8 = span.integer(offset + 11)
        guard level == -128 || (-2...2).contains(level) else {
            throw MefError(.damaged, "there is no encryption level \(level), -2 to 2 was expected")
        }
        var stored = Array(bytes[offset + Self.headerSize..<next])
        let body: RecordBody
        if level > 0, keys.access < Int(level) {
            body = .locked(level: Int(level))
        } else {
            if level > 0 { stored = try Cipher.decrypt(stored, keys.key(level: Int(level))) }
            body = RecordBody(type: type, stored)
        }
        let version = MefRecord.Version(major: bytes[offset + 9], minor: bytes[offset + 10])
        let time = times.time(span.integer(offset + 16))
        return (MefRecord(type: type, version: version, time: time, level: level, body: body), next)
    }
}

extension MefSession {
    /// The records of the session itself.
    public func records() throws(MefError) -> (records: [MefRecord], damage: [Damage]) {
        let times = channels.first?.segments.first?.metadata.times ?? TimeRule(offset: TimeRule.noEntry)
        let file = RecordFile(
            path: path + "/" + name + ".rdat",
            times: times,
            password: password,
            reading: reading,
            limits: limits
        )
        return try file.records(channel: nil)
    }

    /// The records of a channel.
    public func records(of channel: MefChannel) throws(MefError) -> (records: [MefRecord], damage: [Damage]) {
        let times = channel.segments.first?.metadata.times ?? TimeRule(offset: TimeRule.noEntry)
        return try records(channel.directory + "/" + channel.name + ".rdat", times, channel.name)
    }

    /// The records of one segment of a channel.
    public func records(
        of channel: MefChannel,
        segment name: String
    ) throws(MefError) -> (records: [MefRecord], damage: [Damage]) {
        guard let segment = channel.segments.first(where: { $0.name == name }) else {
            throw MefError(.missing, "there is no segment '\(name)'", file: channel.directory)
        }
        let path = channel.directory + "/" + name + ".segd/" + name + ".rdat"
        return try records(path, segment.metadata.times, channel.name)
    }

    private func records(
        _ path: String,
        _ times: TimeRule,
        _ channel: String
    ) throws(MefError) -> (records: [MefRecord], damage: [Damage]) {
        let file = RecordFile(path: path, times: times, password: password, reading: reading, limits: limits)
        return try file.records(channel: channel)
    }
}
