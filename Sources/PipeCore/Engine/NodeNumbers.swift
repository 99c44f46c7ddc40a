/// What others may read of a stage copy, as of the end of its last step; and times, which are recorded as they come.
struct NodeNumbers {
    var books = StageBooks()
    var sent: [Int] = []
    var state = StageNumbers.State.running
    var restarts = 0
    var stalls = 0
    var busy = 0
    var wait = Histogram()
    var service = Histogram()
    var failure: String?
    /// Ways in for threads, with books of their own.
    var intakes: [Link] = []
    var latencies: [(source: UInt32, histogram: Histogram)] = []
    var latencyIndex: [UInt32: Int] = [:]

    /// Slots of one batch were sent at few different times: each such run is recorded at once.
    mutating func recordWaits(_ slots: UnsafeMutablePointer<Slot>, _ count: Int, now: Int) {
        var index = 0
        while index < count {
            let sent = slots[index].header.sent.nanoseconds
            var end = index + 1
            while end < count, slots[end].header.sent.nanoseconds == sent { end += 1 }
            wait.record(now - sent, times: end - index)
            index = end
        }
    }

    /// From capture to here, for a sink: runs of items that come from one source, which is most often the whole batch.
    mutating func recordLatencies(_ slots: UnsafeMutablePointer<Slot>, _ count: Int, now: Int) {
        var index = 0
        while index < count {
            let source = slots[index].header.source
            var end = index + 1
            while end < count, slots[end].header.source == source { end += 1 }
            latencies[place(of: source)].histogram.recordAges(slots + index, end - index, now: now)
            index = end
        }
    }

    private mutating func place(of source: UInt32) -> Int {
        if let last = latencies.indices.last, latencies[last].source == source { return last }
        if let known = latencyIndex[source] { return known }
        latencies.append((source, Histogram()))
        latencyIndex[source] = latencies.count - 1
        return latencies.count - 1
    }
}
