/// A symmetric positive matrix of a bounded size, solved in place without allocating.
struct CholeskyMatrix: ~Copyable {
    private let cells: UnsafeMutablePointer<Double>
    private let room: Int
    private(set) var size = 0

    init(room: Int) {
        self.room = room
        cells = .allocate(capacity: room * room)
        cells.initialize(repeating: 0, count: room * room)
    }

    deinit { cells.deallocate() }

    mutating func clear(size: Int) {
        precondition(size <= room, "a matrix of \(size) in room for \(room)")
        self.size = size
        for row in 0..<size { (cells + row * room).update(repeating: 0, count: size) }
    }

    /// Only the lower triangle counts: `row >= column`.
    subscript(row: Int, column: Int) -> Double {
        get { cells[row * room + column] }
        nonmutating set { cells[row * room + column] = newValue }
    }

    /// Turns the matrix into its lower factor; false when it is not positive.
    mutating func factor() -> Bool {
        for column in 0..<size {
            var pivot = self[column, column]
            let scale = pivot
            for k in 0..<column { pivot -= self[column, k] * self[column, k] }
            guard pivot > 1e-12 * scale, pivot.isFinite else { return false }
            let root = pivot.squareRoot()
            self[column, column] = root
            for row in column + 1..<max(size, column + 1) {
                var value = self[row, column]
                for k in 0..<column { value -= self[row, k] * self[column, k] }
                self[row, column] = value / root
            }
        }
        return true
    }

    /// After `factor`: what the original matrix maps to `vector`, in its place.
    func solve(_ vector: UnsafeMutablePointer<Double>) {
        for row in 0..<size {
            for k in 0..<row { vector[row] -= self[row, k] * vector[k] }
            vector[row] /= self[row, row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for k in row + 1..<max(size, row + 1) { vector[row] -= self[k, row] * vector[k] }
            vector[row] /= self[row, row]
        }
    }

    /// After `factor`: element (index, index) of the inverse. `scratch` holds `size` values.
    func inverseDiagonal(_ index: Int, _ scratch: UnsafeMutablePointer<Double>) -> Double {
        var total = 0.0
        for row in index..<size {
            var value = row == index ? 1.0 : 0
            for k in index..<max(row, index) { value -= self[row, k] * scratch[k] }
            scratch[row] = value / self[row, row]
            total += scratch[row] * scratch[row]
        }
        return total
    }
}
