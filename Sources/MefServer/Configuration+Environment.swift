extension Configuration {
    /// Names the original servers read that mean nothing here: one process decodes on all cores, and the cache counts
    /// bytes.
    public static let ignoredNames: Set<String> = [
        "CACHE_CAPACITY_MULTIPLIER", "USE_PROCESS_POOL", "PREFETCH_PROCESSES", "MIN_PARALLEL_TILES",
        "RESPECT_MEF_BLOCKS",
    ]

    /// Takes over what the environment names of the original servers say; the newer name wins over the older.
    ///
    /// - Returns: Names that are set and mean nothing here, for the caller to mention.
    /// - Throws: One error for all values that are no number, or out of range.
    @discardableResult
    public mutating func apply(environment: [String: String]) throws(MefServerError) -> [String] {
        var problems: [String] = []
        func number(_ name: String, _ range: ClosedRange<Double>) -> Double? {
            guard let text = environment[name]?.trimmed, !text.isEmpty else { return nil }
            if let value = Double(text), range.contains(value) { return value }
            problems.append("\(name)='\(text)' is not a number in \(range.words)")
            return nil
        }
        func whole(_ name: String, _ range: ClosedRange<Int>) -> Int? {
            guard let text = environment[name]?.trimmed, !text.isEmpty else { return nil }
            if let value = Int(text), range.contains(value) { return value }
            problems.append("\(name)='\(text)' is not a whole number in \(range.lowerBound)...\(range.upperBound)")
            return nil
        }
        if let port = whole("PORT", 0...65535) {
            let host = address.lastIndex(of: ":").map { address[..<$0] } ?? address[...]
            address = "\(host):\(port)"
        }
        if let ahead = whole("N_PREFETCH", 0...64) { prefetchAhead = ahead }
        if let ahead = whole("PREFETCH_AHEAD_WINDOWS", 0...64) { prefetchAhead = ahead }
        if let behind = whole("PREFETCH_BEHIND_WINDOWS", 0...64) { prefetchBehind = behind }
        // Of the worker counts only those of processes name parallel decoding; 0 meant "in the main process".
        for name in ["N_PROCESS_WORKERS", "MAX_WORKERS", "READER_PROCESSES"] {
            if let count = whole(name, 0...1024) { threads = max(1, count) }
        }
        if let size = number("TILE_CACHE_MB", 1...1e8) { cacheBytes = Int(size * 1024 * 1024) }
        if let length = number("TILE_DURATION_S", 1e-3...1e6) { tileSeconds = length }
        if let lifetime = number("CACHE_TTL_S", 0.01...1e6) { tileLifetime = .milliseconds(Int(lifetime * 1000)) }
        if let lifetime = number("SESSION_TTL_S", 0.01...1e6) { holdLifetime = .milliseconds(Int(lifetime * 1000)) }
        if let count = whole("MAX_SESSIONS", 1...100_000) { maxHolds = count }
        guard problems.isEmpty else {
            throw MefServerError(.configuration, problems.joined(separator: "; "))
        }
        return Self.ignoredNames.filter { environment[$0]?.isEmpty == false }.sorted()
    }
}

extension String {
    fileprivate var trimmed: String {
        let blanks: Set<Character> = [" ", "\t", "\n"]
        return String(drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed())
    }
}

extension ClosedRange<Double> {
    fileprivate var words: String { "\(lowerBound)...\(upperBound)" }
}
