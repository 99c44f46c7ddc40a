/// Did you mean: the name nearest to what was written.
public enum Suggestion {
    /// No name is longer, so nothing longer is a slip of one.
    static let longest = 128

    /// The best candidate, or nil when none is near enough to be worth saying.
    public static func best(for name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= longest else { return nil }
        let wanted = Folded(name)
        guard !wanted.letters.isEmpty else { return nil }
        var best: (candidate: String, cost: Int)?
        for candidate in candidates where candidate != name {
            let cost = wanted.cost(to: Folded(candidate), below: best?.cost ?? .max)
            if let cost, cost < best?.cost ?? .max { best = (candidate, cost) }
        }
        return best?.candidate
    }

    /// The candidate that a slip or two of the finger away was meant, if there is one.
    public static func slip(of name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= longest, let best = best(for: name, among: candidates) else { return nil }
        return Folded(name).cost(to: Folded(best), below: .max).map { $0 <= 8 } == true ? best : nil
    }

    /// The candidate that differs only in case and in what stands between words.
    static func sameButForCase(_ name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= longest else { return nil }
        let letters = Folded(name).letters
        return letters.isEmpty ? nil : candidates.first { Folded($0).letters == letters }
    }

    /// A help line for an unknown name: the nearest candidate, and the whole list while it is short.
    static func help(for name: String, among candidates: [String]) -> (help: String?, best: String?) {
        guard !candidates.isEmpty else { return (nil, nil) }
        let best =
            sameButForCase(name, among: candidates) ?? Synonyms.meaning(of: name, among: candidates)
            ?? best(for: name, among: candidates)
        let list = candidates.count <= 12 ? candidates.joined(separator: ", ") : nil
        switch (best, list) {
        case (let best?, let list?) where candidates.count > 1: return ("did you mean '\(best)'? (\(list))", best)
        case (let best?, _): return ("did you mean '\(best)'?", best)
        case (nil, let list?) where candidates.count == 1: return ("use '\(list)'", list)
        case (nil, let list?): return ("use one of \(list)", nil)
        case (nil, nil): return (nil, nil)
        }
    }

    /// A name without the differences that people do not see: case, and what stands between words.
    private struct Folded {
        let letters: [UInt8]
        let words: [String]

        init(_ name: String) {
            let name = name.utf8.allSatisfy { $0 < 0x80 } ? name : name.filter { !"‘’‚‛“”„".contains($0) }
            var words: [String] = []
            var word: [UInt8] = []
            var letters: [UInt8] = []
            var previousIsLower = false
            func end() {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word.removeAll(keepingCapacity: true)
            }
            // Names are ASCII; what else stands in a slip counts as letters.
            for byte in name.utf8.prefix(64) {
                let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte >= 0x80
                let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                if !(isUpper || isLower || isDigit) || (isUpper && previousIsLower) { end() }
                if isUpper || isLower || isDigit {
                    word.append(isUpper ? byte | 0x20 : byte)
                    letters.append(isUpper ? byte | 0x20 : byte)
                }
                previousIsLower = isLower || isDigit
            }
            end()
            self.words = words
            self.letters = letters
        }

        /// What it takes to get from here to the other name; nil where that is too much to call it a slip.
        func cost(to other: Folded, below limit: Int) -> Int? {
            if letters == other.letters { return 0 }
            if words.count > 1, words.sorted() == other.words.sorted() { return 1 }
            let longer = max(letters.count, other.letters.count)
            let shorter = min(letters.count, other.letters.count)
            let allowed = longer <= 3 ? 1 : longer <= 5 ? 2 : longer <= 8 ? 3 : longer / 3 + 1
            // One word of several: `file` for `file_lines`.
            if words.count == 1, letters.count >= 4, other.words.count > 1, other.words.contains(words[0]) { return 6 }
            if longer - shorter <= allowed {
                let distance = distance(to: other)
                // Half the letters must agree, or a short name would be near to everything.
                if distance <= allowed, distance * 2 <= longer { return distance * 4 }
            }
            // An abbreviation, or a name that says more: `dest` for `destination`, `max_queue_bytes` for `max_bytes`.
            if shorter >= 3, letters.starts(with: other.letters) || other.letters.starts(with: letters) {
                return 20 + longer - shorter
            }
            let common = Set(words).intersection(other.words)
            if common.contains(where: { $0.count >= 4 }), words.count + other.words.count <= 5 {
                return 30 + longer - shorter
            }
            return nil
        }

        /// Edits between the two: insert, delete, replace, or swap two neighbours.
        private func distance(to other: Folded) -> Int {
            let a = letters, b = other.letters
            var beforePrevious = [Int](repeating: 0, count: b.count + 1)
            var previous = Array(0...b.count)
            var current = previous
            for i in a.indices {
                current[0] = i + 1
                for j in b.indices {
                    let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
                    var cost = min(replaced, previous[j + 1] + 1, current[j] + 1)
                    if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                        cost = min(cost, beforePrevious[j - 1] + 1)
                    }
                    current[j + 1] = cost
                }
                (beforePrevious, previous, current) = (previous, current, beforePrevious)
            }
            return previous[b.count]
        }
    }
}
