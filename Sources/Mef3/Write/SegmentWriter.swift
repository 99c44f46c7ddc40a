/// Writes one segment: blocks as they come, index and metadata at the end.
///
/// A crash before `finish` leaves metadata, a data file of whole blocks and no index, which salvaging can read.
public struct SegmentWriter: ~Copyable {
    private let session: SessionWriter
    private let metadata: ChannelMetadata
    private let blockSamples: Int
    private let times: TimeRule
    private let stem: String
    private let template: UniversalHeader
    private let key: Unit?
    private let data: any SessionFile
    private var dataBytes = UniversalHeader.size
    private var crc = Checksum.start
    private var index: [UInt8] = []
    private var counters = SegmentCounters()
    private var contiguous = (blocks: Int64(0), bytes: Int64(0), samples: Int64(0))
    private var start: Int64?
    private var end: Int64?

    private init(
        _ session: SessionWriter,
        metadata: ChannelMetadata,
        blockSamples: Int,
        stem: String,
        template: UniversalHeader,
        key: Unit?,
        data: any SessionFile
    ) {
        self.session = session
        self.metadata = metadata
        self.blockSamples = blockSamples
        self.stem = stem
        self.template = template
        self.key = key
        self.data = data
        times = TimeRule(offset: session.subject.recordingTimeOffset ?? TimeRule.noEntry)
    }

    static func create(
        _ session: SessionWriter,
        channel: String,
        number: Int,
        metadata: ChannelMetadata,
        firstSample: Int,
        blockSamples: Int
    ) throws(MefError) -> SegmentWriter {
        let digits = String(number)
        let name = channel + "-" + String(repeating: "0", count: 6 - digits.count) + digits
        let directory = session.path + "/" + channel + ".timd"
        let key = session.blockLevel == 0 ? nil : try session.keys.key(level: session.blockLevel)
        try session.storage.makeDirectory(directory)
        try session.storage.makeDirectory(directory + "/" + name + ".segd")
        let stem = directory + "/" + name + ".segd/" + name
        var template = UniversalHeader(kind: .tdat)
        template.segment = Int32(number)
        template.channelName = channel
        template.sessionName = session.name
        template.levelID = session.levelID()
        template.passwords = session.fields
        let data = try session.storage.create(stem + ".tdat")
        var writer = SegmentWriter(
            session,
            metadata: metadata,
            blockSamples: blockSamples,
            stem: stem,
            template: template,
            key: key,
            data: data
        )
        writer.counters.startSample = Int64(firstSample)
        try data.append(writer.header(.tdat, entries: 0, maximum: 0).bytes(bodyCRC: 0))
        try writer.writeMetadata()
        return writer
    }

    /// Adds a run of consecutive samples that begins at `time`, in microseconds since 1970.
    ///
    /// Each call starts a new block. A run that follows the last one within half a period continues it; any other is
    /// marked as a discontinuity.
    public mutating func append(_ samples: [Int32], at time: Int64) throws(MefError) {
        let rate = metadata.samplingFrequency
        let base = max(0, times.offset == TimeRule.noEntry ? 0 : times.offset)
        let length = Double(samples.count) / rate * 1e6
        guard time >= base, Double(time) + length < 9e18 else {
            throw MefError(.outOfRange, "the time \(time) cannot be stored, it must not be before \(base)")
        }
        // Half a period, because times are whole microseconds and rates need not divide a million.
        let continues = end.map { abs(Double($0) - Double(time)) < 0.5e6 / rate } ?? false
        var first = 0
        while first < samples.count {
            let count = min(blockSamples, samples.count - first)
            // Counted from the run's start, so that rounding does not add up.
            let offset = Int64((Double(first) / rate * 1e6).rounded())
            try block(samples[first..<first + count], at: time + offset, isDiscontinuity: first == 0 && !continues)
            first += count
        }
        if !samples.isEmpty { end = time + Int64(length.rounded()) }
    }

    private mutating func block(_ samples: ArraySlice<Int32>, at time: Int64, isDiscontinuity: Bool) throws(MefError) {
        let level = [0, RedHeader.level1, RedHeader.level2][session.blockLevel]
        let (bytes, header) = try RedEncoder.block(
            samples,
            storedStart: times.stored(time),
            flags: (isDiscontinuity ? RedHeader.discontinuity : 0) | level,
            key: key
        )
        let maximum = samples.max() ?? .min
        let minimum = samples.min() ?? .min
        var entry = [UInt8](repeating: 0, count: BlockEntry.size)
        entry.put(Int64(dataBytes), at: 0)
        entry.put(header.start, at: 8)
        entry.put(counters.samples, at: 16)
        entry.put(UInt32(header.samples), at: 24)
        entry.put(UInt32(header.blockBytes), at: 28)
        entry.put(maximum, at: 32)
        entry.put(minimum, at: 36)
        entry.put(header.flags, at: 44)
        try data.append(bytes)
        dataBytes += bytes.count
        index += entry
        crc = Checksum.of(bytes, from: crc)
        start = min(start ?? time, time)
        count(header, isDiscontinuity: isDiscontinuity)
        counters.minimum = min(counters.minimum, minimum)
        counters.maximum = max(counters.maximum, maximum)
    }

    private mutating func count(_ header: RedHeader, isDiscontinuity: Bool) {
        if isDiscontinuity {
            counters.discontinuities += 1
            contiguous = (0, 0, 0)
        }
        contiguous.blocks += 1
        contiguous.bytes += Int64(header.blockBytes)
        contiguous.samples += Int64(header.samples)
        counters.blocks += 1
        counters.samples += Int64(header.samples)
        counters.maximumBlockBytes = max(counters.maximumBlockBytes, Int64(header.blockBytes))
        counters.maximumBlockSamples = max(counters.maximumBlockSamples, UInt32(header.samples))
        counters.maximumDifferenceBytes = max(counters.maximumDifferenceBytes, UInt32(header.differenceBytes))
        counters.maximumContiguousBlocks = max(counters.maximumContiguousBlocks, contiguous.blocks)
        counters.maximumContiguousBytes = max(counters.maximumContiguousBytes, contiguous.bytes)
        counters.maximumContiguousSamples = max(counters.maximumContiguousSamples, contiguous.samples)
    }

    /// Writes index and metadata and closes the segment.
    ///
    /// - Returns: The number of samples in the segment.
    public consuming func finish() throws(MefError) -> Int {
        // Data before index before metadata: whatever was interrupted, the file before describes no more than exists.
        let largest = Int64(counters.maximumBlockSamples)
        try data.put(header(.tdat, entries: counters.blocks, maximum: largest).bytes(bodyCRC: crc), at: 0)
        let head = header(.tidx, entries: counters.blocks, maximum: Int64(BlockEntry.size))
        try session.storage.replace(stem + ".tidx", head.bytes(before: index) + index)
        if let start, let end {
            counters.duration = end - start
            counters.blockInterval = Int64(
                (Double(counters.maximumBlockSamples) / metadata.samplingFrequency * 1e6).rounded()
            )
        }
        try writeMetadata()
        return Int(counters.samples)
    }

    private func writeMetadata() throws(MefError) {
        let bytes = try Metadata.bytes(
            header: header(.tmet, entries: 1, maximum: Int64(Metadata.size)),
            channel: metadata,
            subject: session.subject,
            counters: counters,
            keys: session.keys
        )
        try session.storage.replace(stem + ".tmet", bytes)
    }

    private func header(_ kind: UniversalHeader.Kind, entries: Int64, maximum: Int64) -> UniversalHeader {
        var header = template
        header.kind = kind
        header.entries = entries
        header.maximumEntry = maximum
        header.start = start.map(times.stored) ?? TimeRule.noEntry
        header.end = end.map(times.stored) ?? TimeRule.noEntry
        session.sign(&header)
        return header
    }
}
