import PipeKit

/// How fast a recording is played: `max`, `realtime`, or `4x`.
struct Speed: OptionValue, Hashable {
    /// Times the recording's own time; nil is as fast as it is taken.
    let factor: Double?

    static let max = Speed(factor: nil)

    static var kind: OptionKind { .text(name: "speed", rule: "max, realtime, or a number of times such as 4x or 0.5x") }

    static func read(_ node: Node, _ reader: Reader) -> Speed? {
        guard let text = reader.text(node, wanted: "a speed") else { return nil }
        switch text.text {
        case "max": return .max
        case "realtime": return Speed(factor: 1)
        case let other:
            if other.hasSuffix("x") || other.hasSuffix("×"), let factor = Double(other.dropLast()),
                (1e-6...1e6).contains(factor)
            {
                return Speed(factor: factor)
            }
            let isBare = Double(other).map { (1e-6...1e6).contains($0) } ?? false
            reader.wrongType(
                text,
                wanted: "a speed",
                hint: isBare ? nil : "write max, realtime, or a number of times such as 4x",
                suggestion: isBare ? "\(other)x" : nil
            )
            return nil
        }
    }

    var written: String { factor.map { $0 == 1 ? "realtime" : "\($0.written)x" } ?? "max" }
}
