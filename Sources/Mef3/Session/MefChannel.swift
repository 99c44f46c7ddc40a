/// Samples or values that were read, and what could not be.
public struct Answer<Value: Sendable>: Sendable {
    /// One value for each sample or position asked for.
    public var values: [Value]
    /// What was set aside; empty when reading strictly, which throws instead.
    public var damage: [Damage]
}

/// A run of consecutive samples, as the index lists it.
public struct BlockSpan: Sendable, Hashable {
    /// Numbers of the samples within the channel.
    public let samples: Range<Int>
    /// Time of the first sample in microseconds since 1970; `nil` when there is none.
    public let start: Int64?
    /// The smallest and the largest stored sample, if the writer noted them.
    public let extrema: ClosedRange<Int32>?
    /// Whether the writer marked the block as not continuing the one before. A hint: times decide.
    public let isMarkedDiscontinuous: Bool
}

/// One channel of a session: the chain of its segments.
///
/// Safe to use from several threads at once; reads share nothing but what was read while opening.
public final class MefChannel: Sendable {
    /// Name of the channel's directory without its extension.
    public let name: String
    /// Rate, unit and descriptions, which all segments share.
    public let metadata: ChannelMetadata
    /// What identifies the subject; `nil` while it is locked or when there is no segment.
    public let subject: SubjectMetadata?
    /// Stored samples of all segments; gaps are not counted.
    public let sampleCount: Int
    /// True time of the first sample, in microseconds since 1970.
    public let start: Int64?
    /// True time at which the last sample ends, in microseconds since 1970.
    public let end: Int64?
    /// The segments' names in the order of their samples.
    public var segmentNames: [String] { segments.map(\.name) }
    /// Whether the recording time offset is locked, so that times tell durations only.
    public var timesAreRelative: Bool { subject == nil }

    let directory: String
    let segments: [Segment]
    let keys: Keys
    let reading: Reading
    let limits: Limits

    init(name: String, directory: String, segments unnumbered: [Segment], reading: Reading, limits: Limits) {
        var segments = unnumbered
        var next = 0
        for index in segments.indices { next = segments[index].number(from: next) }
        self.name = name
        self.directory = directory
        self.segments = segments
        self.reading = reading
        self.limits = limits
        sampleCount = next
        metadata = segments.first?.metadata.channel ?? ChannelMetadata(samplingFrequency: 1)
        subject = segments.first?.metadata.subject
        keys = segments.first?.metadata.keys ?? Keys()
        start = segments.compactMap(\.start).min()
        end = segments.compactMap(\.end).max()
    }

    /// The channel's blocks in the order of their samples.
    public var blocks: [BlockSpan] {
        segments.flatMap { segment in
            segment.entries.map { entry in
                BlockSpan(
                    samples: entry.first..<entry.first + entry.samples,
                    start: entry.start,
                    extrema: entry.minimum <= entry.maximum && entry.minimum != .min
                        ? entry.minimum...entry.maximum : nil,
                    isMarkedDiscontinuous: entry.isDiscontinuity
                )
            }
        }
    }

    /// Samples of one segment as numbers within the channel; `nil` for a name the channel does not have.
    public func samples(ofSegment name: String) -> Range<Int>? {
        var first = 0
        for segment in segments {
            if segment.name == name { return first..<first + segment.samples }
            first += segment.samples
        }
        return nil
    }

    /// True time of a sample in microseconds since 1970, counted from the start of its block.
    public func time(ofSample number: Int) -> Int64? {
        guard let segment = segments.last(where: { ($0.entries.first?.first ?? .max) <= number }) else { return nil }
        let entry = segment.entries[segment.block(of: number)]
        guard let start = entry.start, (entry.first..<entry.first + entry.samples).contains(number) else { return nil }
        let offset = (Double(number - entry.first) / metadata.samplingFrequency * 1e6).rounded(.down)
        return Int64(exactly: offset).flatMap { start.addingReportingOverflow($0).overflow ? nil : start + $0 }
    }
}
