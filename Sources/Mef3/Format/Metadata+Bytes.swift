/// The counters of section 2, which other readers allocate their buffers from.
struct SegmentCounters: Sendable {
    var duration: Int64 = 0
    var startSample: Int64 = 0
    var samples: Int64 = 0
    var blocks: Int64 = 0
    var maximumBlockBytes: Int64 = 0
    var maximumBlockSamples: UInt32 = 0
    var maximumDifferenceBytes: UInt32 = 0
    var blockInterval: Int64 = -1
    var discontinuities: Int64 = 0
    var maximumContiguousBlocks: Int64 = 0
    var maximumContiguousBytes: Int64 = 0
    var maximumContiguousSamples: Int64 = 0
    var minimum = Int32.max
    var maximum = Int32.min
}

extension Metadata {
    /// The bytes of a metadata file; sections are encrypted when both passwords are set, otherwise only the second.
    static func bytes(
        header: UniversalHeader,
        channel: ChannelMetadata,
        subject: SubjectMetadata,
        counters: SegmentCounters,
        keys: Keys
    ) throws(MefError) -> [UInt8] {
        var second = section2(channel, counters)
        var third = section3(subject)
        var levels: (Int8, Int8) = (-1, -2)
        if let key = keys.level1 {
            second = try Cipher.encrypt(second, key)
            levels.0 = 1
        }
        if let key = keys.level2 {
            third = try Cipher.encrypt(third, key)
            levels.1 = 2
        }
        var first = [UInt8](repeating: 0, count: 1536)
        first.put(levels.0, at: 0)
        first.put(levels.1, at: 1)
        let body = first + second + third
        return header.bytes(before: body) + body
    }

    private static func section2(_ channel: ChannelMetadata, _ counters: SegmentCounters) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 10752)
        bytes.put(text: channel.channelDescription, at: 0, room: 2048)
        bytes.put(text: channel.sessionDescription, at: 2048, room: 2048)
        bytes.put(counters.duration, at: 4096)
        bytes.put(text: channel.referenceDescription, at: 4104, room: 2048)
        bytes.put(channel.acquisitionChannel, at: 6152)
        let reals = [
            channel.samplingFrequency, channel.lowFrequencyFilter, channel.highFrequencyFilter, channel.notchFilter,
            channel.lineFrequency, channel.conversionFactor,
        ]
        for (index, real) in reals.enumerated() { bytes.put(real, at: 6160 + 8 * index) }
        bytes.put(text: channel.units, at: 6208, room: 128)
        let ends = [counters.maximum, counters.minimum].map { Double($0) * channel.conversionFactor }.sorted()
        bytes.put(counters.samples == 0 ? .nan : ends[1], at: 6336)
        bytes.put(counters.samples == 0 ? .nan : ends[0], at: 6344)
        bytes.put(counters.startSample, at: 6352)
        bytes.put(counters.samples, at: 6360)
        bytes.put(counters.blocks, at: 6368)
        bytes.put(counters.maximumBlockBytes, at: 6376)
        bytes.put(counters.maximumBlockSamples, at: 6384)
        bytes.put(counters.maximumDifferenceBytes, at: 6388)
        bytes.put(counters.blockInterval, at: 6392)
        bytes.put(counters.discontinuities, at: 6400)
        bytes.put(counters.maximumContiguousBlocks, at: 6408)
        bytes.put(counters.maximumContiguousBytes, at: 6416)
        bytes.put(counters.maximumContiguousSamples, at: 6424)
        return bytes
    }

    private static func section3(_ subject: SubjectMetadata) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 3072)
        bytes.put(subject.recordingTimeOffset ?? TimeRule.noEntry, at: 0)
        bytes.put(subject.daylightStart ?? TimeRule.noEntry, at: 8)
        bytes.put(subject.daylightEnd ?? TimeRule.noEntry, at: 16)
        bytes.put(subject.gmtOffset ?? -86401, at: 24)
        bytes.put(text: subject.subjectName1, at: 28, room: 128)
        bytes.put(text: subject.subjectName2, at: 156, room: 128)
        bytes.put(text: subject.subjectID, at: 284, room: 128)
        bytes.put(text: subject.recordingLocation, at: 412, room: 512)
        return bytes
    }
}
