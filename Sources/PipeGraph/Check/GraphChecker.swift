import PipeCore
public import PipeKit

/// Checks graphs: from YAML to a graph whose every name is resolved, or to all that is wrong with it.
///
/// The phases: read the files, read what every stage may state, resolve the links, spread the stations along them, bind
/// each stage's options, then look at the graph as a whole. Each goes on past mistakes as far as what it looks at is
/// sound, so that one run tells all.
public struct GraphChecker: Sendable {
    public let catalogue: Catalogue
    public var options: CheckOptions

    public init(catalogue: Catalogue, options: CheckOptions) {
        self.catalogue = catalogue
        self.options = options
    }

    /// Checks a file; `-` is standard input.
    public func check(path: String) -> CheckResult {
        do throws(FileLoader.Failure) {
            return check(try SourceFile(reading: path, or: options.texts))
        } catch {
            var files = SourceFiles()
            let file = files.add(SourceFile(path: path, bytes: []))
            var diagnostics = Diagnostics(fallback: Place(file: file, line: 1, column: 1, length: 1))
            diagnostics.error(error.code, at: nil, error.message, hint: error.help)
            return CheckResult(graph: nil, findings: diagnostics.sorted(), files: files)
        }
    }

    /// Checks a text; `name` stands for its file in findings, and relative paths start from its directory.
    public func check(text: String, name: String) -> CheckResult {
        check(SourceFile(path: name, bytes: Array(text.utf8)))
    }

    public func check(_ source: SourceFile) -> CheckResult {
        var loader = DraftLoader(catalogue: catalogue, options: options)
        loader.load(source)
        var builder = GraphBuilder(loader)
        builder.build()
        let reader = loader.reader
        let findings = reader.diagnostics.sorted().map { withIncludes($0, loader.includedAt) }
        let isSound = !findings.contains { $0.severity == .error }
        return CheckResult(graph: isSound ? builder.graph : nil, findings: findings, files: reader.files)
    }

    /// A finding in an included file also names the places that take the file in.
    private func withIncludes(_ finding: Diagnostic, _ includedAt: [Int32: Place]) -> Diagnostic {
        var finding = finding
        var file = finding.place.file
        while let place = includedAt[file] {
            finding.notes.append(.init("included here", at: place))
            file = place.file
        }
        return finding
    }
}
