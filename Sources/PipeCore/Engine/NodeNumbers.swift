/// What others may read of a stage copy, as of the end of its last step; and times, which are recorded as they come.
struct NodeNumbers {
    var books = StageBooks()
    /// Items that came from the stage before without a queue.
    var passedOver = 0
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

    mutating func record(_ runs: inout TimeRuns) {
        for index in 0..<runs.count {
            let run = runs[index]
            switch run.kind {
            case .wait: wait.record(run.nanoseconds, times: run.items)
            case .service: service.record(run.nanoseconds, times: run.items)
            case .latency(let source):
                latencies[place(of: source)].histogram.record(run.nanoseconds, times: run.items)
            }
        }
        runs.removeAll()
    }

    private mutating func place(of source: UInt32) -> Int {
        if let last = latencies.indices.last, latencies[last].source == source { return last }
        if let known = latencyIndex[source] { return known }
        latencies.append((source, Histogram()))
        latencyIndex[source] = latencies.count - 1
        return latencies.count - 1
    }
}
