/// Which files of an archive are kept: rules that know no disk.
struct Retention: Sendable {
    struct File: Hashable, Sendable {
        var path: String
        var size: Int
        /// In seconds since 1970.
        var date: Double
    }

    let count: Int?
    let bytes: Int?
    let seconds: Double?
    /// The oldest first; those before `first` are gone.
    private var files: [File] = []
    private var first = 0
    private var held = 0

    init(count: Int?, bytes: Int?, seconds: Double?) {
        (self.count, self.bytes, self.seconds) = (count, bytes, seconds)
    }

    /// Without a limit nothing needs to be known.
    var isLimited: Bool { count != nil || bytes != nil || seconds != nil }

    /// Files that were there before, in any order.
    mutating func begin(with found: [File]) {
        files = found.sorted { ($0.date, $0.path) < ($1.date, $1.path) } + files[first...]
        first = 0
        held = files.reduce(0) { $0 + $1.size }
    }

    mutating func add(_ file: File) {
        guard isLimited else { return }
        files.append(file)
        held += file.size
    }

    /// Takes out what is too much at a time, the oldest first. The newest file always stays.
    mutating func takeSurplus(at date: Double) -> [File] {
        let start = first
        while files.count - first > 1, isTooMuch(files[first], date) {
            held -= files[first].size
            first += 1
        }
        let surplus = Array(files[start..<first])
        // Moved down once in a while, so that the list does not grow for ever.
        if first > 1024, first * 2 > files.count {
            files.removeFirst(first)
            first = 0
        }
        return surplus
    }

    private func isTooMuch(_ oldest: File, _ date: Double) -> Bool {
        if let count, files.count - first > count { return true }
        if let bytes, held > bytes { return true }
        if let seconds, date - oldest.date > seconds { return true }
        return false
    }
}
