public import PipeCore

/// What a drawing shows of a run: numbers beside names, and the stage that limits it.
public struct LiveDrawing: Sendable {
    private let stages: [String: StageNumbers]
    private let links: [String: LinkNumbers]
    private let seconds: Double
    let limit: String?

    public init(_ numbers: RunNumbers, limit: String?) {
        let merged = numbers.merged
        stages = Dictionary(merged.stages.map { ($0.name, $0) }) { first, _ in first }
        links = Dictionary(merged.links.map { ($0.name, $0) }) { first, _ in first }
        seconds = max(1e-9, (numbers.at - .zero).seconds)
        self.limit = limit
    }

    /// `1200, 100/s, work 3.1ms, 87 % busy`
    func line(of stage: String) -> String? {
        guard let numbers = stages[stage] else { return nil }
        let moved = numbers.isSource ? numbers.out : numbers.books.in
        var facts = ["\(grouped(moved))", ratePerSecond(Double(moved) / seconds)]
        if let work = numbers.service.quantile(0.5) { facts.append("work \(work.short)") }
        let total = numbers.times.total.seconds
        if total > 0 { facts.append("\(Int((100 * numbers.times.working.seconds / total).rounded())) % busy") }
        if ![.running, .ended].contains(numbers.state) { facts.append(numbers.state.rawValue) }
        return facts.joined(separator: ", ")
    }

    /// `3/64 wait, lost: overflow 12`
    func line(ofLink name: String) -> String? {
        guard let numbers = links[name] else { return nil }
        let lost = numbers.books.dropped.nonZero.map { "\($0.reason.rawValue) \(grouped($0.count))" }
        return
            (["\(numbers.books.held)/\(numbers.capacity) wait"]
            + (lost.isEmpty ? [] : ["lost: \(lost.joined(separator: ", "))"])).joined(separator: ", ")
    }
}
