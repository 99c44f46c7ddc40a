import PipeKit

/// The values that a param allows, as they are written: `1...64`, `0...`, `...10s`.
struct RangeText: OptionValue {
    let text: String

    static var kind: OptionKind { .text(name: "range", rule: "'low...high', 'low...' or '...high'") }

    var written: String { text }

    static func read(_ node: Node, _ reader: Reader) -> RangeText? {
        if case .list(let nodes) = node.content {
            let ends = nodes.compactMap { if case .scalar(let text, _) = $0.content { text } else { nil } }
            return report(node, reader, code: .wrongShape, better: ends.count == 2 ? "\(ends[0])...\(ends[1])" : nil)
        }
        guard let text = reader.text(node, wanted: "a range")?.text else { return nil }
        if text.contains("..."), !text.contains("...."), text != "..." { return RangeText(text: text) }
        if text.allSatisfy({ $0 == "." }) { return report(node, reader, code: .wrongType, better: nil) }
        // How others write it: 1..64, 1-64, 1 to 64, 1,64, 1:64.
        for separator in ["..<", "....", "..", " to ", "-", ",", ":", "–"] {
            let ends = text.split(separator: separator, omittingEmptySubsequences: false).map {
                $0.split(separator: " ").joined()
            }
            guard ends.count == 2, ends.contains(where: { !$0.isEmpty }) else { continue }
            return report(node, reader, code: .wrongType, better: "\(ends[0])...\(ends[1])")
        }
        return report(node, reader, code: .wrongType, better: nil)
    }

    private static func report(_ node: Node, _ reader: Reader, code: DiagnosticCode, better: String?) -> RangeText? {
        reader.diagnostics.error(
            code,
            at: node.place,
            "\(node.described) is not a range",
            hint: better.map { "did you mean '\($0)'?" } ?? "write 'low...high', 'low...' or '...high'",
            suggestion: better
        )
        return nil
    }
}

/// The version of the language: 1, so far.
struct LanguageVersion: OptionValue {
    let number: Int

    static var kind: OptionKind { .integer }

    var written: String { String(number) }

    static func read(_ node: Node, _ reader: Reader) -> LanguageVersion? {
        if case .scalar = node.content {
        } else {
            reader.diagnostics.error(
                .wrongShape,
                at: node.place,
                "the version of the language is 1, and here is \(node.described)",
                hint: "write 'pipe: 1'"
            )
            return nil
        }
        guard case .scalar(let text, let style) = node.content, !node.isEmpty, style == .plain, let number = Int(text)
        else {
            reader.diagnostics.error(
                node.isEmpty ? .missingValue : .wrongType,
                at: node.place,
                "the version of the language is 1, and here is \(node.described)",
                hint: "write 'pipe: 1'",
                suggestion: "1"
            )
            return nil
        }
        guard number == 1 else {
            reader.diagnostics.error(
                .unsupportedVersion,
                at: node.place,
                "this pipe reads version 1 of the language, not \(number)",
                hint: number > 1 ? "use a newer pipe, or write 'pipe: 1'" : "write 'pipe: 1'",
                suggestion: "1"
            )
            return nil
        }
        return LanguageVersion(number: number)
    }
}
