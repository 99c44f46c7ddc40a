extension SessionWriter {
    /// Writes the records of the session, or of a channel or segment that exists, as a new pair of files.
    ///
    /// Bodies whose `level` is 1 or 2 are encrypted with that password.
    public func write(
        records: [MefRecord],
        of channel: String? = nil,
        segment number: Int? = nil
    ) throws(MefError) {
        var stem = path + "/" + name
        var header = UniversalHeader(kind: .rdat)
        header.segment = -3
        header.sessionName = name
        if let channel {
            header.channelName = channel
            header.segment = -2
            stem = path + "/" + channel + ".timd/" + channel
            if let number {
                let digits = String(number)
                let segment = channel + "-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
                header.segment = Int32(truncatingIfNeeded: number)
                stem = path + "/" + channel + ".timd/" + segment + ".segd/" + segment
            }
        }
        header.passwords = fields
        header.levelID = levelID()
        header.entries = Int64(records.count)

        let times = TimeRule(offset: subject.recordingTimeOffset ?? TimeRule.noEntry)
        var data: [UInt8] = []
        var index: [UInt8] = []
        var largest = 0
        for record in records {
            let bytes = try bytes(of: record, times)
            var entry = [UInt8](repeating: 0, count: 24)
            entry.put(Array(bytes[4..<11]), at: 0)
            entry.put(record.level, at: 7)
            entry.put(Int64(UniversalHeader.size + data.count), at: 8)
            entry.put(Array(bytes[16..<24]), at: 16)
            index += entry
            data += bytes
            largest = max(largest, bytes.count)
        }
        let stored = records.compactMap(\.time)
        header.start = stored.min().map(times.stored) ?? TimeRule.noEntry
        header.end = stored.max().map(times.stored) ?? TimeRule.noEntry
        header.maximumEntry = Int64(largest)
        try put(stem + ".rdat", header, data)
        header.kind = .ridx
        header.maximumEntry = 24
        try put(stem + ".ridx", header, index)
    }

    private func put(_ path: String, _ header: UniversalHeader, _ body: [UInt8]) throws(MefError) {
        var header = header
        sign(&header)
        let file = try storage.create(path)
        try file.append(header.bytes(before: body) + body)
    }

    private func bytes(of record: MefRecord, _ times: TimeRule) throws(MefError) -> [UInt8] {
        guard record.type.utf8.count == 4 else {
            throw MefError(.outOfRange, "'\(record.type)' is no record type, four letters were expected")
        }
        var body = try record.body.bytes()
        while body.count % 16 != 0 { body.append(0x7E) }
        if record.level > 0 { body = try Cipher.encrypt(body, keys.key(level: Int(record.level))) }
        var bytes = [UInt8](repeating: 0, count: RecordFile.headerSize)
        bytes.put(text: record.type, at: 4, room: 5)
        bytes.put([record.version.major, record.version.minor] as [UInt8], at: 9)
        bytes.put(record.level, at: 11)
        bytes.put(UInt32(truncatingIfNeeded: body.count), at: 12)
        bytes.put(record.time.map(times.stored) ?? TimeRule.noEntry, at: 16)
        bytes += body
        bytes.put(Checksum.of(bytes[4...]), at: 0)
        return bytes
    }
}
