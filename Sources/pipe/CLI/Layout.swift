/// Columns as wide as they must be: the first ones to the left, numbers to the right.
func aligned(_ rows: [[String]], textColumns: Int) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        var line = ""
        for (column, cell) in row.enumerated() {
            let pad = String(repeating: " ", count: widths[column] - cell.count)
            line += (column > 0 ? "  " : "") + (column < textColumns ? cell + pad : pad + cell)
        }
        while line.last == " " { line.removeLast() }
        return line
    }.joined(separator: "\n")
}

extension String {
    /// In lines of a width, where words allow it, each behind a margin.
    func wrapped(to width: Int, indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        return split(separator: "\n", omittingEmptySubsequences: false).map { paragraph in
            var lines: [String] = []
            var line = margin
            for word in paragraph.split(separator: " ") {
                if line.count > indent, line.count + word.count + 1 > width {
                    lines.append(line)
                    line = margin
                }
                line += (line.count > indent ? " " : "") + word
            }
            lines.append(line)
            return lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }
}
