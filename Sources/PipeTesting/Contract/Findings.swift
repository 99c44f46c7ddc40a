import PipeCore
import PipeKit

/// What a check has found wrong.
struct Findings {
    private(set) var problems: [String] = []

    mutating func expect(_ holds: Bool, _ problem: @autoclosure () -> String) {
        if !holds { problems.append(problem()) }
    }

    /// Whatever happened: the books add up, nothing stands still, and nothing that has ended keeps items.
    mutating func expectBalance(_ result: StageResult) {
        problems += result.imbalances
        problems += result.troubles.filter { $0.hasPrefix("nothing can move") }
        problems += result.log.filter { $0.message.hasPrefix("ended with") }.map { "\($0.stage) \($0.message)" }
    }

    /// It came to its end, and all that it took has a fate.
    mutating func expectEnd(_ result: StageResult) {
        expectBalance(result)
        let running = result.numbers.stages.filter { $0.state != .ended && $0.state != .failed }
        expect(result.isComplete, "\(running.map { "\($0.name) is \($0.state.rawValue)" }) and should have ended")
        for stage in result.numbers.stages where stage.books.held > 0 {
            problems.append("\(stage.name) still holds \(stage.books.held) items")
        }
    }

    /// It came to its end, and has not failed.
    mutating func expectSuccess(_ result: StageResult) {
        expectEnd(result)
        problems += result.troubles
    }

    /// The items that were fed left each output in the order of their numbers, within a key.
    mutating func expectOrder(_ result: StageResult) {
        for (name, items) in result.outputs {
            let passed = items.filter { $0.source.hasPrefix("feed_") }
            for (_, stream) in Dictionary(grouping: passed, by: { "\($0.source) \($0.key)" }) {
                let isInOrder = zip(stream, stream.dropFirst()).allSatisfy { $0.sequence < $1.sequence }
                expect(isInOrder, "\(name): \(stream.map(\.sequence)) of key '\(stream[0].key)'")
            }
        }
    }

    mutating func expectSame(_ result: StageResult, _ other: StageResult, of trial: Trial) {
        let (one, two) = (trial.essence(result), trial.essence(other))
        for (name, lines) in one.sorted(by: { $0.key < $1.key }) where two[name] != lines {
            let rest = two[name] ?? []
            // A source that was stopped had more to say.
            if trial.type.isSource, zip(lines, rest).allSatisfy({ $0 == $1 }) { continue }
            let place = zip(lines, rest).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            let first = place ?? min(lines.count, rest.count)
            func line(_ lines: [String]) -> String { first < lines.count ? lines[first] : "nothing" }
            problems.append(
                "\(name): \(lines.count) and \(rest.count); number \(first) is \(line(lines)), and then \(line(rest))"
            )
        }
    }
}
