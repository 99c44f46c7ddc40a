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

    mutating func recordLatency(_ nanoseconds: Int, from source: UInt32) {
        let index: Int
        if let known = latencies.indices.last, latencies[known].source == source {
            index = known
        } else if let known = latencyIndex[source] {
            index = known
        } else {
            index = latencies.count
            latencies.append((source, Histogram()))
            latencyIndex[source] = index
        }
        latencies[index].histogram.record(nanoseconds)
    }
}
