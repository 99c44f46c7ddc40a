import Glibc
import Synchronization

/// A histogram in which one thread at a time records, and which any thread may read meanwhile: to record costs no lock, and
/// a reader at worst misses what is being recorded.
struct LiveHistogram: Equatable {
    /// The sum, the greatest, the last, and a cell for each step.
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private static var sum: Int { 0 }
    private static var most: Int { 1 }
    private static var last: Int { 2 }
    private static var steps: Int { 3 }

    init() {
        // Pages that are never written cost nothing: most graphs have many quiet stages.
        guard let memory = calloc(Histogram.size + Self.steps, MemoryLayout<Atomic<Int>>.stride) else {
            fatalError("no memory for a histogram")
        }
        cells = memory.bindMemory(to: Atomic<Int>.self, capacity: Histogram.size + Self.steps)
    }

    /// To be called once.
    func deallocate() { free(cells) }

    @inline(__always)
    func record(_ nanoseconds: Int, times: Int) {
        let value = max(0, nanoseconds)
        cells[Self.last].store(value, ordering: .relaxed)
        enter(value, times)
        if value > cells[Self.most].load(ordering: .relaxed) { cells[Self.most].store(value, ordering: .relaxed) }
    }

    /// So many more count as the last that was recorded: nobody has looked.
    @inline(__always)
    func recordMore(times: Int) { enter(cells[Self.last].load(ordering: .relaxed), times) }

    @inline(__always)
    private func enter(_ value: Int, _ times: Int) {
        add(times, to: Self.steps + Histogram.bucket(of: value))
        add(value &* times, to: Self.sum)
    }

    /// There is one who writes, so that this need not be one step for the processor.
    @inline(__always)
    private func add(_ number: Int, to cell: Int) {
        cells[cell].store(cells[cell].load(ordering: .relaxed) &+ number, ordering: .relaxed)
    }

    /// What was recorded so far, and so many more like the last.
    func histogram(more: Int = 0) -> Histogram {
        let isEmpty = !(Self.steps..<Self.steps + Histogram.size).contains { cells[$0].load(ordering: .relaxed) != 0 }
        if isEmpty { return Histogram() }
        var histogram = Histogram(
            counts: (0..<Histogram.size).map { cells[Self.steps + $0].load(ordering: .relaxed) },
            sum: cells[Self.sum].load(ordering: .relaxed),
            most: cells[Self.most].load(ordering: .relaxed)
        )
        if more > 0 { histogram.record(cells[Self.last].load(ordering: .relaxed), times: more) }
        return histogram
    }
}
