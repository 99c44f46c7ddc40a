internal import Glibc
internal import Mef3

/// The numbers of one message, row by row, in memory from malloc, which gRPC frees.
// Sendable: there is one owner.
struct Block: ~Copyable, @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let bytes: Int
    private let columns: Int
    private let format: SignalWindow.Format

    /// Memory for rows of numbers; `nil` when there is none.
    init?(rows: Int, columns: Int, format: SignalWindow.Format) {
        bytes = rows * columns * format.bytes
        guard let memory = malloc(max(bytes, 1)) else { return nil }
        self.memory = memory
        self.columns = columns
        self.format = format
    }

    deinit { free(memory) }

    /// Gives the memory away.
    consuming func take() -> UnsafeMutableRawPointer {
        let memory = memory
        discard self
        return memory
    }

    /// Writes a row: samples times the factor where there are some, NaN elsewhere.
    func fill(row: Int, _ layout: Layout, _ tiles: [Int: Tile], tileSamples: Int, factor: Double) {
        let start = memory + row * columns * format.bytes
        switch format {
        case .float64:
            fill(start.bindMemory(to: Double.self, capacity: columns), layout, tiles, tileSamples) { $0 * factor }
        case .float32:
            fill(start.bindMemory(to: Float.self, capacity: columns), layout, tiles, tileSamples) { Float($0 * factor) }
        }
    }

    @inline(__always)
    private func fill<Value: BinaryFloatingPoint>(
        _ values: UnsafeMutablePointer<Value>,
        _ layout: Layout,
        _ tiles: [Int: Tile],
        _ tileSamples: Int,
        _ scale: (Double) -> Value
    ) {
        // Runs that are apart come in order, so what lies between them is known; otherwise all is blank first.
        var next = 0
        if !layout.areApart {
            values.update(repeating: .nan, count: columns)
            next = columns
        }
        for run in layout.runs {
            if run.position > next { (values + next).update(repeating: .nan, count: run.position - next) }
            let target = values + run.position
            let count = run.samples.count
            if let tile = tiles[run.block / tileSamples], tile.samples.contains(run.samples) {
                tile.counts.withUnsafeBufferPointer { samples in
                    let first = run.samples.lowerBound - tile.first
                    for index in 0..<count {
                        let sample = samples[first &+ index]
                        target[index] = sample == .min ? .nan : scale(Double(sample))
                    }
                }
            } else {
                target.update(repeating: .nan, count: count)
            }
            next = max(next, run.position + count)
        }
        if next < columns { (values + next).update(repeating: .nan, count: columns - next) }
    }
}
