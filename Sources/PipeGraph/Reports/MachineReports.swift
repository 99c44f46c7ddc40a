public import PipeCore
import PipeKit

/// Findings for programs. The shapes are promised: fields are added, never changed.
public enum MachineReport {
    /// One object: counts, and the findings in the order of the files.
    public static func json(_ results: [CheckResult]) -> JSON {
        [
            "errors": .integer(results.reduce(0) { $0 + $1.errorCount }),
            "warnings": .integer(results.reduce(0) { $0 + $1.warningCount }),
            "findings": .array(results.flatMap { result in result.findings.map { json($0, result.files) } }),
        ]
    }

    private static func json(_ finding: Diagnostic, _ files: SourceFiles) -> JSON {
        .compact([
            "file": .string(files[finding.place].name),
            "line": .integer(Int(finding.place.line)),
            "column": .integer(Int(finding.place.column)),
            "length": .integer(Int(finding.place.length)),
            "severity": .string(finding.severity.rawValue),
            "code": .string(finding.code.name),
            "message": .string(finding.message),
            "help": finding.help.map { .string($0) },
            "suggestion": finding.suggestion.map { .string($0) },
            "notes": finding.notes.isEmpty
                ? nil
                : .array(
                    finding.notes.map { note in
                        [
                            "file": .string(files[note.place].name),
                            "line": .integer(Int(note.place.line)),
                            "column": .integer(Int(note.place.column)),
                            "message": .string(note.message),
                        ]
                    }
                ),
        ])
    }

    // MARK: SARIF

    /// SARIF 2.1.0, as code scanning services read it.
    public static func sarif(_ results: [CheckResult], version: String) -> JSON {
        let codes = Set(results.flatMap { $0.findings.map(\.code.name) }).sorted()
        let ruleIndex = Dictionary(uniqueKeysWithValues: codes.enumerated().map { ($1, $0) })
        let rules = codes.map { code -> JSON in
            let page = Explanation.page(for: code)
            return .compact([
                "id": .string(code),
                "shortDescription": page.map { ["text": .string($0.title)] },
                "fullDescription": page.map { ["text": .string($0.text)] },
            ])
        }
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                [
                    "tool": [
                        "driver": ["name": "pipe", "version": .string(version), "rules": .array(rules)]
                    ],
                    "columnKind": "unicodeCodePoints",
                    "results": .array(
                        results.flatMap { result in result.findings.map { sarif($0, result.files, ruleIndex) } }
                    ),
                ]
            ],
        ]
    }

    private static func sarif(_ finding: Diagnostic, _ files: SourceFiles, _ rules: [String: Int]) -> JSON {
        let text = finding.help.map { "\(finding.message)\nhelp: \($0)" } ?? finding.message
        return .compact([
            "ruleId": .string(finding.code.name),
            "ruleIndex": rules[finding.code.name].map { .integer($0) },
            "level": .string(finding.severity.rawValue),
            "message": ["text": .string(text)],
            "locations": [location(finding.place, files, message: nil)],
            "relatedLocations": finding.notes.isEmpty
                ? nil : .array(finding.notes.map { location($0.place, files, message: $0.message) }),
            "fixes": finding.suggestion.map { [fix($0, finding.place, files)] },
        ])
    }

    private static func location(_ place: Place, _ files: SourceFiles, message: String?) -> JSON {
        .compact([
            "physicalLocation": [
                "artifactLocation": ["uri": .string(uri(files[place].name))],
                "region": region(place),
            ],
            "message": message.map { ["text": .string($0)] },
        ])
    }

    private static func region(_ place: Place) -> JSON {
        [
            "startLine": .integer(Int(place.line)),
            "startColumn": .integer(Int(place.column)),
            "endLine": .integer(Int(place.line)),
            "endColumn": .integer(Int(place.column + place.length)),
        ]
    }

    private static func fix(_ suggestion: String, _ place: Place, _ files: SourceFiles) -> JSON {
        [
            "description": ["text": .string("replace it by '\(suggestion)'")],
            "artifactChanges": [
                [
                    "artifactLocation": ["uri": .string(uri(files[place].name))],
                    "replacements": [
                        ["deletedRegion": region(place), "insertedContent": ["text": .string(suggestion)]]
                    ],
                ]
            ],
        ]
    }

    /// The name of a file with what a URI does not allow as percent escapes.
    private static func uri(_ name: String) -> String {
        let plain = "-._~/".utf8
        return name.utf8.map { byte in
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || plain.contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.count < 2 ? "0" : "") + hex
        }.joined()
    }

    // MARK: GitHub

    /// Annotations for GitHub's actions, one line each.
    public static func github(_ results: [CheckResult]) -> String {
        results.flatMap { result in
            result.findings.map { finding in
                let place = finding.place
                let file = escape(result.files[place].name, isProperty: true)
                let notes = finding.notes.map { "note: \(result.files.describe($0.place)): \($0.message)" }
                let lines = [finding.message] + [finding.help.map { "help: \($0)" }].compactMap { $0 } + notes
                let text = escape(lines.joined(separator: "\n"), isProperty: false)
                return "::\(finding.severity.rawValue) file=\(file),line=\(place.line),endLine=\(place.line),"
                    + "col=\(place.column),endColumn=\(place.column + place.length),title=\(finding.code)::\(text)\n"
            }
        }.joined()
    }

    private static func escape(_ text: String, isProperty: Bool) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": out += "%25"
            case "\r": out += "%0D"
            case "\n": out += "%0A"
            case ":" where isProperty: out += "%3A"
            case "," where isProperty: out += "%2C"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
