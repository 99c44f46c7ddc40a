import PipeCore
import PipeKit
import Synchronization

/// Looks on while a test runs, as far as one expectation needs it, and compares at the end.
struct Observer {
    private let expectation: Expectation
    private let subject: Subject
    private let seen = Seen()

    private enum Subject {
        case books
        case stage(String, isSink: Bool)
        case link(String)
    }

    /// What passed: only what the expectation asks for is kept.
    private final class Seen: Sendable {
        struct Content {
            var values: [JSON] = []
            var latency: [Int] = []
            /// The last sequence of each source, or of each key of a source.
            var last: [Stream: Int] = [:]
            var disorder: String?
        }

        struct Stream: Hashable {
            var source: UInt32
            var key: Key
        }

        let content = Mutex(Content())
    }

    /// The most values that are kept for a comparison.
    private static let mostValues = 100_000

    init(_ expectation: Expectation, _ graph: Graph, _ plan: inout Plan) {
        self.expectation = expectation
        if let name = expectation.stage {
            let stage = graph.stages.first { $0.name == name }
            subject = .stage(name, isSink: stage?.outputs.isEmpty ?? true)
        } else if let link = expectation.link {
            subject = .link(Observer.canonical(link, graph))
        } else {
            subject = .books
        }
        guard expectation.valueList != nil || expectation.latency != nil || expectation.order != nil else { return }
        watch(&plan)
    }

    /// The name that the plan has for a link: `camera.frames -> numbers`.
    private static func canonical(_ text: String, _ graph: Graph) -> String {
        let sides = text.split(separator: "->", maxSplits: 1).map { $0.split(separator: " ").joined() }
        guard sides.count == 2 else { return text }
        let from = sides[0].split(separator: ".", maxSplits: 1).map(String.init)
        let to = sides[1].split(separator: ".", maxSplits: 1).map(String.init)
        let link = graph.links.first { link in
            let origin = graph.stages[link.from.stage]
            let target = graph.stages[link.to.stage]
            return origin.name == from[0] && target.name == to[0]
                && (from.count == 1 || origin.outputs[link.from.port].name == from[1])
                && (to.count == 1 || target.inputs[link.to.port].name == to[1])
        }
        return link.map { graph.describe($0) } ?? text
    }

    // MARK: While it runs

    private func watch(_ plan: inout Plan) {
        let keepsValues = expectation.valueList != nil
        let order = expectation.order
        let seen = seen
        @Sendable func note(_ header: Header, _ value: JSON, at now: Instant?) {
            seen.content.withLock { content in
                if keepsValues, content.values.count < Observer.mostValues { content.values.append(value) }
                if let now { content.latency.append((now - header.captured).nanoseconds) }
                guard let order else { return }
                let stream = Seen.Stream(source: header.source, key: order == .kept ? .none : header.key)
                if let last = content.last[stream], last >= header.sequence, content.disorder == nil {
                    let of = header.key.isEmpty ? "" : " of key '\(header.key)'"
                    content.disorder = "item \(header.sequence)\(of) came after item \(last)"
                }
                content.last[stream] = header.sequence
            }
        }
        for index in plan.links.indices {
            switch subject {
            case .books: break
            case .link(let name):
                guard plan.links[index].name == name else { continue }
                plan.links[index].addTap(left: { note($0, $1, at: $2) })
            case .stage(let name, let isSink):
                if isSink || expectation.latency != nil, plan.stages[plan.links[index].to.stage].name == name {
                    plan.links[index].addTap(left: { note($0, $1, at: $2) })
                } else if !isSink, expectation.latency == nil, plan.isFirstLink(index, ofStage: name) {
                    plan.links[index].addTap(entered: { note($0, $1, at: nil) })
                }
            }
        }
    }

    // MARK: At the end

    func failures(_ outcome: RunOutcome, _ imbalances: [String]) -> [TestResult.Failure] {
        let numbers = outcome.numbers.merged
        var found: [TestResult.Failure] = []
        func compare(_ what: String, _ wanted: Comparison?, _ reference: OptionReference, _ got: Int) {
            guard let wanted, !wanted.allowed.allows(Double(got)) else { return }
            found.append(.init("\(what): expected \(wanted.written), got \(got)", at: reference.place))
        }
        switch subject {
        case .books:
            found += imbalances.map { .init("the books do not add up: \($0)", at: expectation.$books.place) }
        case .link(let name):
            guard let link = numbers.links.first(where: { $0.name == name }) else { break }
            compare("in of \(name)", expectation.in, expectation.$in, link.books.in)
            compare("out of \(name)", expectation.out, expectation.$out, link.books.out)
            compare("held by \(name)", expectation.held, expectation.$held, link.books.held)
            compareDrops(name, link.books.dropped, &found)
        case .stage(let name, _):
            guard let stage = numbers.stages.first(where: { $0.name == name }) else { break }
            compare("in of \(name)", expectation.in, expectation.$in, stage.books.in)
            compare("out of \(name)", expectation.out, expectation.$out, stage.out)
            compare("failed at \(name)", expectation.failed, expectation.$failed, stage.books.failed)
            compare("held by \(name)", expectation.held, expectation.$held, stage.books.held)
            compare("restarts of \(name)", expectation.restarts, expectation.$restarts, stage.restarts)
            compareDrops(name, stage.books.dropped, &found)
        }
        seen.content.withLock { content in
            compareLatency(content.latency, &found)
            if let disorder = content.disorder {
                found.append(
                    .init(
                        "order: expected \(expectation.order?.rawValue ?? ""), but \(disorder)",
                        at: expectation.$order.place
                    )
                )
            }
            compareValues(content.values, &found)
        }
        return found
    }

    private func compareDrops(_ name: String, _ dropped: DropCounts, _ found: inout [TestResult.Failure]) {
        guard let wanted = expectation.dropped else { return }
        let place = expectation.$dropped.place
        let reasons = dropped.nonZero.map { "\($0.reason.rawValue) \($0.count)" }.joined(separator: ", ")
        if let all = wanted.all, !all.allowed.allows(Double(dropped.total)) {
            let detail = reasons.isEmpty ? "" : " (\(reasons))"
            found.append(.init("dropped at \(name): expected \(all.written), got \(dropped.total)\(detail)", at: place))
        }
        for (reason, comparison) in wanted.byReason where !comparison.allowed.allows(Double(dropped[reason])) {
            let message =
                "dropped as \(reason.rawValue) at \(name): expected \(comparison.written), got \(dropped[reason])"
            found.append(.init(message, at: place))
        }
    }

    private func compareLatency(_ times: [Int], _ found: inout [TestResult.Failure]) {
        guard let wanted = expectation.latency else { return }
        let sorted = times.sorted()
        let shares: [(String, Double, DurationComparison?)] = [
            ("p50", 0.5, wanted.p50), ("p95", 0.95, wanted.p95), ("p99", 0.99, wanted.p99),
            ("p999", 0.999, wanted.p999), ("max", 1, wanted.max),
        ]
        for (name, share, comparison) in shares {
            guard let comparison else { continue }
            guard !sorted.isEmpty else {
                found.append(.init("latency: nothing came, so there is no \(name)", at: expectation.$latency.place))
                return
            }
            let rank = max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)
            let time = Duration.nanoseconds(sorted[rank])
            if !comparison.allowed.allows(time) {
                let message = "latency \(name): expected \(comparison.written), got \(time.short)"
                found.append(.init(message, at: expectation.$latency.place))
            }
        }
    }

    private func compareValues(_ values: [JSON], _ found: inout [TestResult.Failure]) {
        guard let wanted = expectation.valueList else { return }
        let place = expectation.$values.place
        for (index, (want, got)) in zip(wanted, values).enumerated() where !got.matches(want) {
            found.append(.init("value \(index + 1): expected \(want.text()), got \(got.text())", at: place))
            return
        }
        guard values.count != wanted.count else { return }
        let rest =
            values.count > wanted.count
            ? "the first too many is \(values[wanted.count].text())"
            : "the first missing is \(wanted[values.count].text())"
        found.append(.init("values: expected \(wanted.count), got \(values.count); \(rest)", at: place))
    }
}

extension LinkPlan {
    /// Several expectations may look at one link.
    fileprivate mutating func addTap(
        entered: (@Sendable (Header, JSON) -> Void)? = nil,
        left: (@Sendable (Header, JSON, Instant) -> Void)? = nil
    ) {
        let earlier = tap
        var next = LinkTap()
        if entered != nil || earlier?.entered != nil {
            next.entered = { header, value in
                earlier?.entered?(header, value)
                entered?(header, value)
            }
        }
        if left != nil || earlier?.left != nil {
            next.left = { header, value, now in
                earlier?.left?(header, value, now)
                left?(header, value, now)
            }
        }
        tap = next
    }
}

extension Plan {
    /// Whether a link is the first of those that leave its output, and leaves a stage of this name.
    fileprivate func isFirstLink(_ index: Int, ofStage name: String) -> Bool {
        stages[links[index].from.stage].name == name
            && links.firstIndex { $0.from == links[index].from } == index
    }
}

extension JSON {
    /// Equal, where 1 and 1.0 are the same number; a text is the same as a document of one text.
    fileprivate func matches(_ wanted: JSON) -> Bool {
        switch (self, wanted) {
        case (.integer(let a), .number(let b)): return Double(a) == b
        case (.number(let a), .integer(let b)): return a == Double(b)
        case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy { $0.matches($1) }
        case (.object(let a), .object(let b)):
            guard a.count == b.count else { return false }
            return b.allSatisfy { member in self[member.key]?.matches(member.value) ?? false }
        case (.object(let members), .string):
            return members.count == 1 && members[0].key == "text" && members[0].value == wanted
        default: return self == wanted
        }
    }
}
