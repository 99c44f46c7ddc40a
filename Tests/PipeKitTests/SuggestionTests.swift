import PipeKit
import Testing

struct SuggestionTests {
    static let names = [
        "capacity", "max_bytes", "max_age", "when_full", "skip_frames", "rate", "priority", "stations", "replicas",
        "from",
        "type", "where", "window", "count",
    ]

    @Test(arguments: [
        ("capcity", "capacity"), ("capactiy", "capacity"), ("Capacity", "capacity"), ("max-bytes", "max_bytes"),
        ("maxBytes", "max_bytes"), ("bytes_max", "max_bytes"), ("max_byte", "max_bytes"), ("when_ful", "when_full"),
        ("skipframes", "skip_frames"), ("frm", "from"), ("form", "from"), ("tpye", "type"), ("rat", "rate"),
        ("replica", "replicas"), ("wehre", "where"), ("windw", "window"), ("statoins", "stations"),
        ("prio", "priority"),
    ])
    func `a slip finds what was meant`(slip: String, meant: String) {
        #expect(Suggestion.best(for: slip, among: Self.names) == meant)
    }

    @Test(arguments: ["", "x", "banana", "qq", "timeout_policy"])
    func `what is near to nothing finds nothing`(word: String) {
        #expect(Suggestion.best(for: word, among: ["from", "type", "capacity"]) == nil)
    }

    /// Every single slip of the finger in every name: leave out, double, swap, replace.
    @Test func `nine of ten single slips find what was meant`() {
        var found = 0, all = 0
        for name in Self.names where name.count >= 4 {
            let letters = Array(name)
            for index in letters.indices {
                var slips: [[Character]] = []
                var slip = letters
                slip.remove(at: index)
                slips.append(slip)
                slip = letters
                slip.insert(letters[index], at: index)
                slips.append(slip)
                slip = letters
                slip[index] = "q"
                slips.append(slip)
                if index + 1 < letters.count, letters[index] != letters[index + 1] {
                    slip = letters
                    slip.swapAt(index, index + 1)
                    slips.append(slip)
                }
                for slip in slips {
                    all += 1
                    if Suggestion.best(for: String(slip), among: Self.names) == name { found += 1 }
                }
            }
        }
        #expect(found * 10 >= all * 9, "\(found) of \(all)")
    }
}
