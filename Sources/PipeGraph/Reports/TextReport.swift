public import PipeKit

/// Findings as a person reads them: place, message, code, the line with a caret, the way out.
public struct TextReport {
    public var colour: Bool

    public init(colour: Bool) { self.colour = colour }

    private enum Style: String {
        case error = "1;31", warning = "1;33", bold = "1", dim = "2", caret = "1;32", help = "36"
    }

    public func text(_ findings: [Diagnostic], _ files: SourceFiles) -> String {
        findings.map { text($0, files) }.joined()
    }

    public func text(_ finding: Diagnostic, _ files: SourceFiles) -> String {
        let severity = paint(finding.severity.rawValue, finding.severity == .error ? .error : .warning)
        let code = paint("[\(finding.code)]", .dim)
        var out = "\(paint(files.describe(finding.place), .bold)): \(severity): \(visible(finding.message)) \(code)\n"
        out += excerpt(finding.place, files)
        if let help = finding.help { out += "  \(paint("help", .help)): \(visible(help))\n" }
        for note in finding.notes {
            out += "  \(paint("note", .help)): \(files.describe(note.place)): \(visible(note.message))\n"
        }
        return out
    }

    /// The line and a caret under the place; nothing where the file has no such line.
    private func excerpt(_ place: Place, _ files: SourceFiles) -> String {
        guard let line = files[place].line(Int(place.line)) else { return "" }
        let scalars = Array(line.unicodeScalars)
        let start = Int(place.column) - 1
        guard !scalars.isEmpty, start <= scalars.count else { return "" }
        // A long line is shown around the place.
        let widest = 100
        let first = start > widest - 20 ? start - 40 : 0
        let last = min(scalars.count, first + widest)
        let shown = scalars[first..<last].map(printable).joined()
        let before = (first > 0 ? 1 : 0) + scalars[first..<min(start, last)].reduce(0) { $0 + width($1) }
        let end = min(start + Int(place.length), last)
        let length = start < end ? scalars[start..<end].reduce(0) { $0 + width($1) } : 1
        let number = String(place.line)
        let gutter = String(repeating: " ", count: max(0, 5 - number.count)) + number
        let blank = String(repeating: " ", count: gutter.count)
        let text = (first > 0 ? "…" : "") + shown + (last < scalars.count ? "…" : "")
        let caret =
            String(repeating: " ", count: before)
            + paint("^" + String(repeating: "~", count: max(0, length - 1)), .caret)
        return "\(paint("\(gutter) |", .dim)) \(text)\n\(paint("\(blank) |", .dim)) \(caret)\n"
    }

    private func paint(_ text: String, _ style: Style) -> String {
        colour ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    /// A text that cannot move the cursor or change colours, whatever a file holds.
    private func visible(_ text: String) -> String {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) }
            ? text : text.unicodeScalars.map(printable).joined()
    }

    private func printable(_ scalar: Unicode.Scalar) -> String {
        if scalar == "\t" { return " " }
        return scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "\u{fffd}" : String(scalar)
    }

    /// Columns that a character takes: two for the wide ones of East Asia and for most pictures, none for marks.
    private func width(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            return 2
        default: return 1
        }
    }
}
