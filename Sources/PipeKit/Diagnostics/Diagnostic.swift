/// One finding about a graph: what is wrong, where, and the way out.
public struct Diagnostic: Sendable, Hashable {
    public enum Severity: String, Sendable {
        case error, warning
    }

    /// A second place that explains the first: "first defined here".
    public struct Note: Sendable, Hashable {
        public var message: String
        public var place: Place

        public init(_ message: String, at place: Place) {
            self.message = message
            self.place = place
        }
    }

    public var severity: Severity
    public var code: DiagnosticCode
    public var place: Place
    public var message: String
    /// An imperative sentence: what to do about it.
    public var help: String?
    /// The text that should stand at `place` instead, where that is known.
    public var suggestion: String?
    public var notes: [Note]
}

/// The findings of one check, collected and never thrown one by one.
public struct Diagnostics: Sendable {
    public private(set) var all: [Diagnostic] = []
    /// Where a finding goes that points at something the file does not state: the stage it is about.
    public var fallback: Place
    /// Set while a part of a graph is checked a second time, for its other stations: what was said is not said again.
    public var skipsRepeats = false

    /// Comparisons of names that are left for suggestions. In a large graph full of unknown names, the later ones are
    /// compared with nothing: ten thousand times ten thousand comparisons would help nobody.
    private var suggestionBudget = 300_000

    /// The nearest of the names that are in scope, as long as comparing is worth its time.
    public mutating func nearest(to name: String, among candidates: some Collection<String>) -> String? {
        suggestionBudget -= candidates.count
        return suggestionBudget > 0 ? Suggestion.best(for: name, among: candidates.sorted()) : nil
    }

    public init(fallback: Place = Place(file: 0, line: 1, column: 1, length: 1)) {
        self.fallback = fallback
    }

    public var errorCount: Int { all.count { $0.severity == .error } }
    public var warningCount: Int { all.count { $0.severity == .warning } }

    public mutating func error(
        _ code: DiagnosticCode,
        at place: Place?,
        _ message: String,
        hint: String? = nil,
        suggestion: String? = nil,
        notes: [Diagnostic.Note] = []
    ) {
        add(.error, code, place, message, hint, suggestion, notes)
    }

    public mutating func warning(
        _ code: DiagnosticCode,
        at place: Place?,
        _ message: String,
        hint: String? = nil,
        suggestion: String? = nil,
        notes: [Diagnostic.Note] = []
    ) {
        add(.warning, code, place, message, hint, suggestion, notes)
    }

    /// Points at an option: at its value where the file states it, else at the stage.
    public mutating func error(
        _ code: DiagnosticCode,
        at option: OptionReference,
        _ message: String,
        hint: String? = nil,
        suggestion: String? = nil
    ) {
        add(.error, code, option.place, message, hint, suggestion, [])
    }

    /// An unknown name among known ones: the nearest is suggested, and all are listed while they are few. A name that was
    /// filled in is wrong where it came from, so that nothing can take its place here.
    public mutating func unknown(
        _ code: DiagnosticCode,
        at place: Place,
        _ message: String,
        name: String,
        among candidates: some Sequence<String>,
        isFilled: Bool = false,
        otherwise hint: String? = nil,
        notes: [Diagnostic.Note] = []
    ) {
        let candidates = Array(candidates)
        suggestionBudget -= candidates.count
        let match = suggestionBudget > 0 ? Suggestion.help(for: name, among: candidates) : (help: nil, best: nil)
        add(.error, code, place, message, match.help ?? hint, isFilled ? nil : match.best, notes)
    }

    private mutating func add(
        _ severity: Diagnostic.Severity,
        _ code: DiagnosticCode,
        _ place: Place?,
        _ message: String,
        _ help: String?,
        _ suggestion: String?,
        _ notes: [Diagnostic.Note]
    ) {
        let place = place ?? fallback
        if skipsRepeats, all.contains(where: { $0.place == place && $0.code == code }) { return }
        all.append(
            Diagnostic(
                severity: severity,
                code: code,
                place: place,
                message: message,
                help: help,
                suggestion: suggestion,
                notes: notes
            )
        )
    }

    /// The findings in the order of the files, each stated once.
    public func sorted() -> [Diagnostic] {
        var seen = Set<Diagnostic>()
        return all.enumerated()
            .sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
            .compactMap { seen.insert($0.element).inserted ? $0.element : nil }
    }
}
