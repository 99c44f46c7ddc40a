/// Reads typed values out of nodes: fills in `${…}`, and collects what is wrong on the way.
///
/// One reader serves one walk over a graph. Every `read` function returns nil after it has reported why.
public final class Reader {
    public var diagnostics: Diagnostics
    public var files: SourceFiles
    /// False leaves out what touches the world: whether files exist, which variables are set.
    public let looksAtWorld: Bool
    /// Fills in `${…}`; nil takes every text as it is.
    public var filler: (any Filler)?
    /// What was read so far that only one stage of a graph can have. The graph's checker empties it for each stage.
    public var worldClaims: [WorldClaim] = []

    /// The nearest of the names that are in scope here, as long as comparing is worth its time.
    public func nearest(to name: String, among candidates: some Collection<String>) -> String? {
        diagnostics.nearest(to: name, among: candidates)
    }

    public init(files: SourceFiles = SourceFiles(), looksAtWorld: Bool = true, diagnostics: Diagnostics = Diagnostics())
    {
        self.files = files
        self.looksAtWorld = looksAtWorld
        self.diagnostics = diagnostics
    }

    /// The text of a scalar with everything filled in. `wanted` names what should stand there: "an integer".
    ///
    /// Secrets are let through only where the caller keeps them: in secrets and URLs.
    public func text(_ node: Node, wanted: String, allowsSecret: Bool = false) -> FilledText? {
        guard case .scalar(let text, let style) = node.content else {
            diagnostics.error(.wrongShape, at: node.place, "\(wanted) belongs here, not \(node.described)")
            return nil
        }
        if node.isEmpty {
            diagnostics.error(.missingValue, at: node.place, "\(wanted) belongs here, and nothing is written")
            return nil
        }
        let directory = files.files.isEmpty ? "." : files[node.place].directory
        guard text.utf8.contains(UInt8(ascii: "$")), let filler else {
            return FilledText(text: text, source: node, isQuoted: style != .plain, directory: directory)
        }
        guard let filled = filler.fill(text, of: node, directory: directory, self) else { return nil }
        if filled.isSecret, !allowsSecret {
            diagnostics.error(
                .exposedSecret,
                at: node.place,
                "a secret must not go where it would be printed",
                hint: "use it in an option of type secret or URL, and something public here"
            )
            return nil
        }
        return filled
    }

    /// Reports that a text is not of the type that is wanted.
    public func wrongType(
        _ text: FilledText,
        wanted: String,
        hint: String? = nil,
        suggestion: String? = nil,
        code: DiagnosticCode = .wrongType
    ) {
        let suggestion = text.replacement(suggestion)
        diagnostics.error(
            code,
            at: text.source.place,
            "\(text.quoted) is not \(wanted)",
            hint: hint ?? suggestion.map { "did you mean '\($0)'?" },
            suggestion: suggestion
        )
    }

    /// Like `text`, for a value that is no text: quotes around a literal are a mistake.
    public func bareText(_ node: Node, wanted: String) -> FilledText? {
        guard let text = text(node, wanted: wanted) else { return nil }
        if let meant = text.replacement(Reader.fillWithoutDollar(text)) {
            diagnostics.error(
                .wrongType,
                at: node.place,
                "\(text.quoted) is not \(wanted)",
                hint: "did you mean '\(meant)'?",
                suggestion: meant
            )
            return nil
        }
        if text.isQuoted, !text.isFilled {
            diagnostics.error(
                .wrongType,
                at: node.place,
                "\(text.quoted) in quotes is text, not \(wanted)",
                hint: "remove the quotes",
                suggestion: text.text
            )
            return nil
        }
        return text
    }
}

extension Reader {
    /// `{params.x}`, `$params.x` and `params.x` stand where `${params.x}` was meant.
    fileprivate static func fillWithoutDollar(_ text: FilledText) -> String? {
        guard !text.isFilled else { return nil }
        let bare = text.text.drop { "${(".contains($0) }.prefix { !"})".contains($0) }
        let isFill = ["params.", "env.", "secret."].contains { bare.hasPrefix($0) && bare.count > $0.count }
        return isFill ? "${\(bare)}" : nil
    }
}

/// Something of the world that a stage wants for itself.
public struct WorldClaim: Sendable, Hashable {
    public enum Thing: Sendable, Hashable {
        /// A file that is written.
        case path(String)
        /// A file that is read: by many, but not while one writes it.
        case reading(String)
        case address(Address)
        /// A path of the run's page.
        case page(String)
    }

    public let thing: Thing
    public let place: Place
}

/// Fills in `${…}` inside a scalar.
public protocol Filler {
    func fill(_ text: String, of node: Node, directory: String, _ reader: Reader) -> FilledText?
}

/// The text of a scalar after `${…}` was filled in.
public struct FilledText {
    public var text: String
    public var source: Node
    public var isQuoted: Bool
    /// Something was filled in, so the text differs from what the file states.
    public var isFilled = false
    /// Something secret was filled in: never print the text.
    public var isSecret = false
    /// What a relative path in the text starts from.
    public var directory: String

    public init(text: String, source: Node, isQuoted: Bool, directory: String) {
        self.text = text
        self.source = source
        self.isQuoted = isQuoted
        self.directory = directory
    }

    /// What may stand in the file instead, where that is one text for another: what was filled in is wrong elsewhere,
    /// and what YAML would read as something else keeps its quotes.
    public func replacement(_ text: String?) -> String? {
        guard let text, !isFilled else { return nil }
        return isQuoted && text.contains { "{}[]>|&*!%@#`".contains($0) } ? "\"\(text)\"" : text
    }

    /// The text for a message: what was filled in beside what was written, secrets left as written.
    public var quoted: String {
        guard isFilled, case .scalar(let written, _) = source.content else { return "'\(shortened(text))'" }
        return isSecret ? "'\(shortened(written))'" : "'\(shortened(text))' (from '\(shortened(written))')"
    }
}
