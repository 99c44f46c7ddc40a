/// Opens segments: three small reads each, every inconsistency an error or, while salvaging, a line in the list.
struct SegmentLoader {
    let channel: String
    let password: String?
    let reading: Reading
    let limits: Limits
    private(set) var damage: [Damage] = []

    init(channel: String, password: String?, reading: Reading, limits: Limits) {
        self.channel = channel
        self.password = password
        self.reading = reading
        self.limits = limits
    }

    /// Throws while reading strictly; otherwise notes the error and goes on.
    mutating func note(_ error: MefError, samples: Range<Int>? = nil) throws(MefError) {
        guard reading == .salvage, error.code != .locked, error.code != .wrongPassword else { throw error }
        damage.append(Damage(error, channel: channel, samples: samples))
    }

    /// The segment in a directory; `nil` when it holds no samples or cannot be interpreted.
    mutating func load(_ directory: String, name: String) throws(MefError) -> Segment? {
        let stem = directory + "/" + name
        let dataSize = FileSystem.size(of: stem + ".tdat") ?? 0
        let hasIndex = (FileSystem.size(of: stem + ".tidx") ?? 0) > UniversalHeader.size
        guard dataSize > UniversalHeader.size || hasIndex else { return nil }
        guard let metadata = try metadata(stem + ".tmet") else { return nil }

        let data = DataFile(path: stem + ".tdat", size: dataSize)
        var headers: [UniversalHeader] = []
        if dataSize > UniversalHeader.size {
            do throws(MefError) {
                let bytes = try FileSystem.read(data.path, limits: limits, most: UniversalHeader.size)
                headers.append(try UniversalHeader.checked(bytes, kind: .tdat, file: data.path, body: false))
            } catch {
                try note(error)
            }
        } else {
            try note(
                MefError(.missing, "the index lists blocks and the data file is missing or empty", file: data.path)
            )
        }
        let (index, entries) = try blocks(stem + ".tidx", data, metadata.times)
        if let index { headers.append(index) }
        return Segment(name: name, metadata: metadata, data: data, headers: headers, entries: entries)
    }

    private mutating func metadata(_ path: String) throws(MefError) -> Metadata? {
        let bytes: [UInt8]
        do throws(MefError) {
            bytes = try FileSystem.read(path, limits: limits)
        } catch {
            try note(error)
            return nil
        }
        do throws(MefError) {
            return try Metadata(bytes, file: path, password: password, checked: true)
        } catch {
            try note(error)
        }
        // Half of the file may be sound, and without it no sample can be read; the list says that it is doubtful.
        do throws(MefError) {
            return try Metadata(bytes, file: path, password: password, checked: false)
        } catch {
            // A damaged header makes any password look wrong.
            if error.code != damage.last?.error.code {
                damage.append(Damage(error, channel: channel))
            }
            return nil
        }
    }

    private mutating func blocks(
        _ path: String,
        _ data: DataFile,
        _ times: TimeRule
    ) throws(MefError) -> (UniversalHeader?, [BlockEntry]) {
        var index: IndexFile?
        do throws(MefError) {
            let bytes = try FileSystem.read(path, limits: limits)
            let file = try IndexFile(bytes, file: path)
            index = file
            if let entries = try file.entries(times, dataSize: data.size, limits: limits) {
                return (file.header, entries)
            }
        } catch {
            try note(error)
        }
        var walk = BlockWalk(data: data, times: times, limits: limits)
        let entries = walk.entries(hints: index)
        for error in walk.found { try note(error.0, samples: error.1) }
        return (index?.soundHeader, entries)
    }
}
