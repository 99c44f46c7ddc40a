import Glibc
import PipeCore
import PipeKit

/// A stage type with options to be tried with, and what it is fed: all derived from its declaration.
struct Trial: Sendable {
    let type: StageType
    /// `batch`, or `batch with per_key: true`.
    let name: String
    /// Options as a user writes them.
    let options: String
    /// What documents have values for.
    private let words: [String]

    private init(type: StageType, name: String, options: String) {
        self.type = type
        self.name = name
        self.options = options
        words = Set(options.split { !$0.isLetter && $0 != "_" }.map(String.init)).sorted()
    }

    /// The example, and for each choice and switch the example with another value. What the checker does not take is
    /// no way to use the stage.
    static func all(of type: StageType, with options: [String: String]) -> [Trial] {
        var text = OptionText(example: type)
        for (name, value) in options.sorted(by: { $0.key < $1.key }) { text.set(name, value) }
        let example = Trial(type: type, name: type.name, options: text.text)
        let variants = type.fields.options.flatMap { option in
            option.otherValues.map { value in
                var text = OptionText(example.options)
                text.set(option.name, value)
                return Trial(type: type, name: "\(type.name) with \(option.name): \(value)", options: text.text)
            }
        }
        return [example] + variants.filter { (try? $0.harness(0).start()) != nil }
    }

    static let usual = 40

    /// The stage with so many items for each input. An item that it fails on is skipped: documents of numbers are not
    /// what every stage hopes for.
    func harness(
        _ count: Int = usual,
        every time: Duration = .zero,
        keys: [String] = ["a", "b", "c"],
        setting more: [String: String] = [:]
    ) -> StageHarness {
        harness(setting: more) { input in
            (0..<count).map { number in
                item(number, of: input, key: keys.isEmpty ? "" : keys[number % keys.count], at: time * number)
            }
        }
    }

    /// The stage with a feed of the test's own.
    func harness(setting more: [String: String] = [:], feeding: (PortSpec) -> [Fed]) -> StageHarness {
        var text = OptionText(options)
        if !type.isSource, more["on_error"] == nil { text.set("on_error", "skip") }
        for (name, value) in more.sorted(by: { $0.key < $1.key }) { text.set(name, value) }
        var harness = StageHarness(type, text.text)
        for input in type.inputs {
            for _ in 0..<(input.arity == .many ? 2 : 1) { harness.feed(input.name, feeding(input)) }
        }
        return harness
    }

    /// Runs to the end; a source that has none of its own is stopped after a while.
    func run(_ harness: StageHarness) throws -> StageResult {
        let run = try harness.start()
        run.advance(to: type.isSource ? .seconds(2) : .seconds(400 * 86_400), steps: type.isSource ? 500 : 1_000_000)
        if !run.isFinished {
            run.stop()
            run.advance(to: run.time + .seconds(86_400), steps: 1_000_000)
        }
        return run.end()
    }

    /// Runs with threads: to the end, or a source for a moment.
    func runBriefly(_ harness: StageHarness) throws -> StageResult {
        try harness.run(on: .real, stoppingAt: type.isSource ? .milliseconds(50) : nil)
    }

    // MARK: What is fed

    /// The time of capture does not depend on when it comes, so that the results of two runs can be compared.
    func item(_ number: Int, of input: PortSpec, key: String = "", at time: Duration? = nil) -> Fed {
        let captured = Duration.milliseconds(number)
        return payload(number, of: input).map { .payload($0, key: key, captured: captured, at: time) }
            ?? .item(.null, key: key, at: time)
    }

    /// Most are a document, or the text of one where text is taken; each fourth is the type's own sample, which for some
    /// stages is a mistake.
    private func payload(_ number: Int, of input: PortSpec) -> (any Payload)? {
        let document = document(number)
        guard case .payload(let info) = input.payload else { return Document(document) }
        guard let type = PayloadType.named(info.name) else { return nil }
        if number % 4 == 3, let sample = type.sample(number) { return sample }
        return type.read(document) ?? type.read(.string(document.text())) ?? type.sample(number)
    }

    func document(_ number: Int) -> JSON {
        .object(
            [.init("sequence", .integer(number))]
                + words.enumerated().map { .init($0.element, .integer((number * 37 + $0.offset * 11) % 211)) }
        )
    }

    // MARK: What comes out

    /// What two runs of the same feed have in common: what left each output and what was written. Items of several
    /// links, and of several keys, may overtake each other.
    func essence(_ result: StageResult) -> [String: [String]] {
        let isGathered = type.inputs.count > 1 || type.inputs.first?.arity == .many
        var essence: [String: [String]] = [:]
        for (name, items) in result.outputs {
            let lines = items.map { (key: $0.key, text: "\($0.sequence) \($0.key) \($0.value.text())") }
            if isGathered {
                essence["output \(name)"] = lines.map(\.text).sorted()
            } else {
                for line in lines { essence["output \(name) of key '\(line.key)'", default: []].append(line.text) }
            }
        }
        for (path, bytes) in result.files {
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            essence["file \(path)"] = isGathered ? lines.sorted() : lines
        }
        return essence
    }
}
