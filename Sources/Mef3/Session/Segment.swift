/// One segment of a channel: its metadata, its blocks and where their bytes are.
struct Segment: Sendable {
    /// Name of the segment's directory without its extension.
    let name: String
    let metadata: Metadata
    let data: DataFile
    /// True start and end as the headers have them.
    let start: Int64?
    let end: Int64?
    var entries: [BlockEntry]

    /// Samples of all blocks.
    private(set) var samples = 0
    private(set) var largestBlock = 0
    /// Whether the blocks' times never go back, so that a time can be searched for.
    private(set) var isOrdered = true

    init(
        name: String,
        metadata: Metadata,
        data: DataFile,
        headers: [UniversalHeader],
        entries: [BlockEntry]
    ) {
        self.name = name
        self.metadata = metadata
        self.data = data
        self.entries = entries
        let times = metadata.times
        // After a crash the metadata can be ahead of the data, never behind; where it says nothing, the blocks do.
        let ends = ([metadata.header] + headers).compactMap { times.time($0.end) }
        start = times.time(metadata.header.start) ?? entries.compactMap(\.start).min()
        end = ends.min() ?? entries.compactMap { $0.end(at: metadata.channel.samplingFrequency) }.max()
    }

    /// Numbers the samples from `first` on and returns the number after the last.
    ///
    /// The start samples of the index are not used: writers disagree about what they count.
    mutating func number(from first: Int) -> Int {
        var next = first
        var last = Int64.min
        for index in entries.indices {
            entries[index].first = next
            next += entries[index].samples
            largestBlock = max(largestBlock, entries[index].samples)
            if let start = entries[index].start {
                if start < last { isOrdered = false }
                last = start
            } else {
                isOrdered = false
            }
        }
        samples = next - first
        return next
    }

    /// The blocks that can touch a span of time; at least those that do.
    func candidates(from t0: Int64, to t1: Int64) -> Range<Int> {
        guard isOrdered else { return entries.indices }
        // A period more on both sides: positions are rounded.
        let reach = Double(largestBlock + 2) / metadata.channel.samplingFrequency * 1e6
        let earliest = Double(t0) - reach
        let latest = Double(t1) + 2e6 / metadata.channel.samplingFrequency
        let lower = partition { Double($0.start ?? .min) >= earliest }
        let upper = partition { Double($0.start ?? .min) > latest }
        return lower..<max(lower, upper)
    }

    /// The last block that begins at or before a sample of the channel; the first block for samples before it.
    func block(of sample: Int) -> Int { max(0, partition { $0.first > sample } - 1) }

    /// The first block for which the condition holds, given that it holds for all blocks behind it.
    private func partition(_ isBehind: (BlockEntry) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(entries[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
