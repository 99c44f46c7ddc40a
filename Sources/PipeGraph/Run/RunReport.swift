public import PipeCore

/// What a run comes to: its numbers, its books, and whether it kept within the graph's limits.
public struct RunReport: Sendable {
    public let graph: String
    public let numbers: RunNumbers
    public let troubles: [String]
    /// Where the books do not add up.
    public let imbalances: [String]
    /// Limits of the graph that the run broke, in words.
    public let broken: [String]
    /// Where the run served its page, and numbers for monitors.
    public var web: String?
    public var metrics: String?

    public init(_ graph: Graph, _ outcome: RunOutcome) {
        self.graph = graph.name
        numbers = outcome.numbers
        troubles = outcome.troubles
        imbalances = outcome.numbers.imbalances(hasEnded: true)
        broken = graph.limits.broken(by: outcome.numbers)
    }

    public var json: JSON {
        let head = JSON.compact([
            "graph": .string(graph),
            "seconds": .number(numbers.seconds),
            "balanced": .bool(imbalances.isEmpty),
            "imbalances": imbalances.isEmpty ? nil : .strings(imbalances),
            "troubles": troubles.isEmpty ? nil : .strings(troubles),
            "limits_broken": broken.isEmpty ? nil : .strings(broken),
            "web": web.map { .string($0) },
            "metrics": metrics.map { .string($0) },
        ])
        return head.with(numbers.members(isWhole: false))
    }
}

extension Limits {
    /// What a run has broken, in words that name the place.
    func broken(by numbers: RunNumbers) -> [String] {
        let numbers = numbers.merged
        var found: [String] = []
        if let maxLoss {
            for link in numbers.links where link.books.in > 0 {
                let dropped = link.books.dropped
                let lost = dropped.total - dropped[.skipped] - dropped[.rate]
                let share = Percentage(percent: 100 * Double(lost) / Double(link.books.in))
                guard share > maxLoss else { continue }
                let reasons = dropped.nonZero.map { "\($0.reason.rawValue) \($0.count)" }.joined(separator: ", ")
                found.append(
                    "link \(link.name) lost \(share) of \(link.books.in) items (\(reasons)), and max_loss is \(maxLoss)"
                )
            }
        }
        for (name, share, limit) in [("p50", 0.5, p50), ("p95", 0.95, p95), ("p99", 0.99, p99)] {
            guard let limit else { continue }
            for path in numbers.paths {
                guard let time = path.latency.quantile(share), time > limit else { continue }
                found.append(
                    "from \(path.source) to \(path.sink) the \(name) is \(time.short), and \(limit.text) is allowed"
                )
            }
        }
        return found
    }
}

extension Duration {
    /// For people: three digits and a unit.
    public var short: String {
        let seconds = self.seconds
        switch seconds {
        case 86_400...: return "\(shortest(seconds / 86_400))d"
        case 600...: return "\(Int(seconds / 60))m\(Int(seconds) % 60)s"
        default: break
        }
        for (size, unit) in [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")] where seconds >= size {
            let value = seconds / size
            let digits = value >= 100 ? 1.0 : value >= 10 ? 10.0 : 100.0
            return "\(shortest((value * digits).rounded() / digits))\(unit)"
        }
        return seconds <= 0 ? "0" : "\(Int((seconds * 1e9).rounded()))ns"
    }
}
