import PipeKit

/// The slips behind most YAML errors. libyaml stumbles over what follows from them, often a line later; a person wants
/// to be shown the slip.
struct YAMLSlips {
    let source: SourceFile
    let stumbled: Place
    let began: Place
    let problem: String
    let context: String

    func find() -> YAMLError? {
        conflict ?? tab ?? wideBlank ?? comment ?? fill ?? commaInFlow ?? foldedComparison ?? missingBlank
            ?? missingColon
    }

    /// `<<<<<<< HEAD` of a merge that was not finished.
    private var conflict: YAMLError? {
        for number in 1...max(1, min(source.lineCount, 100_000)) {
            guard let line = source.line(number) else { break }
            guard ["<<<<<<< ", "=======", ">>>>>>> "].contains(where: line.hasPrefix) else { continue }
            return YAMLError(
                .yamlSyntax,
                at: place(number, 1, line.unicodeScalars.count),
                "a merge conflict was left in the file",
                help: "keep one of the two sides, and remove these marks"
            )
        }
        return nil
    }

    /// A tab in the indent of the line, or of the one above it.
    private var tab: YAMLError? {
        for number in [Int(stumbled.line), Int(stumbled.line) - 1] {
            guard let line = source.line(number) else { continue }
            let indent = line.unicodeScalars.prefix { $0 == " " || $0 == "\t" }
            guard let tab = indent.firstIndex(of: "\t") else { continue }
            return YAMLError(
                .tabIndent,
                at: place(number, indent.distance(from: indent.startIndex, to: tab) + 1, 1),
                "a tab indents this line, and YAML indents with blanks",
                help: "replace the tab by blanks"
            )
        }
        return nil
    }

    /// A blank that YAML takes for a letter, pasted from a page or a document.
    private var wideBlank: YAMLError? {
        for number in linesAbove {
            guard let scalars = source.line(number).map({ Array($0.unicodeScalars) }),
                let index = scalars.firstIndex(where: {
                    $0.value > 0x7f && $0.properties.generalCategory == .spaceSeparator
                })
            else { continue }
            let name = "U+" + String(String(scalars[index].value + 0x10000, radix: 16, uppercase: true).dropFirst())
            return YAMLError(
                .yamlSyntax,
                at: place(number, index + 1, 1),
                "this blank is no ordinary one (\(name)), and YAML takes it for a letter",
                help: "type a blank in its place",
                suggestion: " "
            )
        }
        return nil
    }

    /// `// a word`, `; a word`: comments of other languages.
    private var comment: YAMLError? {
        for number in linesAbove {
            guard let line = source.line(number) else { continue }
            let indent = line.prefix { $0 == " " }.count
            let text = line.dropFirst(indent)
            guard let mark = ["//", "/*", ";", "--  ", "-- "].first(where: { text.hasPrefix($0) }) else { continue }
            let better = "#" + text.dropFirst(mark.count)
            return YAMLError(
                .yamlSyntax,
                at: place(number, indent + 1, text.unicodeScalars.count),
                "'\(mark)' begins no comment in YAML",
                help: "write '\(better)'",
                suggestion: better
            )
        }
        return nil
    }

    /// `{ count: ${params.n} }`: in flow style, the brace ends the text.
    private var fill: YAMLError? {
        guard let line = source.line(Int(stumbled.line)) else { return nil }
        let scalars = Array(line.unicodeScalars)
        let brace = Int(stumbled.column) - 1
        guard brace > 0, brace < scalars.count, scalars[brace] == "{", scalars[brace - 1] == "$" else { return nil }
        let rest = scalars[brace...]
        guard let close = rest.firstIndex(of: "}") else { return nil }
        let text = String(String.UnicodeScalarView(scalars[(brace - 1)...close]))
        return YAMLError(
            .yamlSyntax,
            at: place(Int(stumbled.line), brace, text.unicodeScalars.count),
            "inside {…} and […], '${…}' needs quotes",
            help: "write \"\(text)\"",
            suggestion: "\"\(text)\""
        )
    }

    /// `{ where: contains(a, "x") }`: in flow style, the comma ends the text.
    private var commaInFlow: YAMLError? {
        guard problem.contains("',' or '}'"), let line = source.line(Int(stumbled.line)) else { return nil }
        let scalars = Array(line.unicodeScalars)
        let end = Int(stumbled.column) - 1
        guard end < scalars.count, scalars[end] == ")", let open = scalars[..<end].lastIndex(of: "(") else {
            return nil
        }
        guard let colon = scalars[..<open].lastIndex(of: ":"), colon + 1 < open, scalars[colon + 1] == " " else {
            return nil
        }
        let text = String(String.UnicodeScalarView(scalars[(colon + 2)...end]))
        let quote = text.contains("'") ? "\"" : "'"
        return YAMLError(
            .yamlSyntax,
            at: place(Int(stumbled.line), colon + 3, text.unicodeScalars.count),
            "inside {…}, a comma ends a value",
            help: "put the expression in quotes: \(quote)\(text)\(quote)",
            suggestion: text.contains("'") && text.contains("\"") ? nil : "\(quote)\(text)\(quote)"
        )
    }

    /// `out: > 0`: a plain '>' begins a folded text.
    private var foldedComparison: YAMLError? {
        guard context.contains("block scalar"), let line = source.line(Int(began.line)) else { return nil }
        let text = line.unicodeScalars.dropFirst(Int(began.column) - 1)
        let value = String(String.UnicodeScalarView(text)).reversed().drop { $0 == " " }.reversed()
        guard let first = value.first, first == ">" || first == "|" else { return nil }
        let bare = String(value)
        return YAMLError(
            .yamlSyntax,
            at: place(Int(began.line), Int(began.column), bare.unicodeScalars.count),
            "a '\(first)' here begins a text of several lines",
            help: "write \"\(bare)\"",
            suggestion: "\"\(bare)\""
        )
    }

    private var isAboutKeys: Bool {
        problem.contains("mapping values are not allowed") || problem.contains("could not find expected ':'")
            || problem.contains("did not find expected key")
            || problem.contains("did not find expected <document start>")
    }

    /// `type:generate`: without a blank this is one word.
    private var missingBlank: YAMLError? {
        guard isAboutKeys else { return nil }
        for number in linesAbove {
            guard let (line, indent) = written(number) else { continue }
            let word = line.dropFirst(indent).prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
            let rest = line.dropFirst(indent + word.count)
            guard !word.isEmpty, rest.first == ":", let next = rest.dropFirst().first, next != " ",
                !rest.hasPrefix("://")
            else {
                continue
            }
            let better = "\(word): \(rest.dropFirst())"
            return YAMLError(
                .yamlSyntax,
                at: place(number, indent + 1, line.unicodeScalars.count - indent),
                "a blank is missing after the ':'",
                help: "write '\(better)'",
                suggestion: better
            )
        }
        return nil
    }

    /// A line that is only a word, or a word and a value, above one that goes on as if it were a key.
    private var missingColon: YAMLError? {
        guard isAboutKeys else { return nil }
        for number in linesAbove {
            guard let (line, indent) = written(number) else { continue }
            let dash = line.dropFirst(indent).hasPrefix("- ") ? 2 : 0
            let next = written(Int(stumbled.line))
            if dash > 0, next.map({ $0.line.dropFirst($0.indent).hasPrefix("-") }) ?? true { continue }
            let text = line.dropFirst(indent + dash)
            let isKeyed = text.contains(": ") || text.hasSuffix(":") || text.contains { "{}[]\"'&*|>".contains($0) }
            guard !isKeyed, !isInBlockText(number, indent), text.first?.isLetter == true else {
                continue
            }
            let word = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
            let rest = text.dropFirst(word.count).drop { " =".contains($0) }
            let better = rest.isEmpty ? "\(word):" : "\(word): \(rest)"
            return YAMLError(
                .yamlSyntax,
                at: place(number, indent + dash + 1, text.unicodeScalars.count),
                "a ':' is missing after '\(word)'",
                help: "write '\(better)'",
                suggestion: better
            )
        }
        return nil
    }

    /// The line is part of a text that began with '|' or '>'.
    private func isInBlockText(_ number: Int, _ indent: Int) -> Bool {
        let parent = stride(from: number - 1, to: max(0, number - 1000), by: -1).lazy.compactMap { written($0) }.first {
            $0.indent < indent
        }
        return parent.map { $0.line.contains { "|>".contains($0) } } ?? false
    }

    /// The line of the stumble and the last written one above it; a key on its own line is read before its end is.
    private var linesAbove: [Int] {
        let last = Int(stumbled.line)
        let above = stride(from: last - 1, to: max(0, last - 20), by: -1).first { written($0) != nil }
        return [above, last].compactMap { $0 }
    }

    /// A line without its comment and trailing blanks, and its indent; nil where nothing is written.
    private func written(_ number: Int) -> (line: String, indent: Int)? {
        guard var line = source.line(number) else { return nil }
        if let comment = line.firstRange(of: " #") { line = String(line[..<comment.lowerBound]) }
        while line.last == " " { line.removeLast() }
        let indent = line.prefix { $0 == " " }.count
        return line.count == indent || line.dropFirst(indent).hasPrefix("#") ? nil : (line, indent)
    }

    private func place(_ line: Int, _ column: Int, _ length: Int) -> Place {
        Place(file: stumbled.file, line: Int32(line), column: Int32(column), length: Int32(clamping: max(1, length)))
    }
}
