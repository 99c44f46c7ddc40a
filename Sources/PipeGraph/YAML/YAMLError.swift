internal import CYaml
import PipeKit

/// What ends the reading of a file.
struct YAMLError: Error {
    var code: DiagnosticCode
    var place: Place
    var message: String
    var help: String?
    var suggestion: String?
    var notes: [Diagnostic.Note] = []

    init(_ code: DiagnosticCode, at place: Place, _ message: String, help: String? = nil, suggestion: String? = nil) {
        self.suggestion = suggestion
        self.code = code
        self.place = place
        self.message = message
        self.help = help
    }

    /// What libyaml could not read, in words that say what to do. It names two marks: where it stumbled, and what it
    /// was reading. For something that was never closed, the second is the one to look at.
    init(_ parser: yaml_parser_t, file: Int32, source: SourceFile) {
        let problem = parser.problem.map { String(cString: $0) } ?? "the file cannot be read"
        let context = parser.context.map { String(cString: $0) } ?? ""
        let stumbled = YAMLError.place(parser.problem_mark, file, source)
        let began = YAMLError.place(parser.context_mark, file, source)
        let slips = YAMLSlips(source: source, stumbled: stumbled, began: began, problem: problem, context: context)
        if let slip = slips.find() {
            self = slip
            return
        }
        let hasContext = parser.context != nil && began != stumbled
        let isEscape = problem.contains("escape")
        let isUnclosed =
            context.contains("quoted scalar") && !isEscape || context.contains("flow") && stumbled.line != began.line
        if hasContext, isUnclosed {
            let open = YAMLError.character(at: began, in: source)
            self.init(
                .yamlSyntax,
                at: began,
                open.map { "this \($0) is not closed" } ?? "what starts here is not closed",
                help: YAMLError.closing(open)
            )
            notes = [.init("reading went on until here", at: stumbled)]
            return
        }
        let (message, help) = YAMLError.words(problem, context)
        self.init(.yamlSyntax, at: stumbled, message, help: help)
        if hasContext, context.contains("block") || context.contains("flow") {
            notes = [.init("in the \(context.contains("sequence") ? "list" : "mapping") that starts here", at: began)]
        }
    }

    private static func words(_ problem: String, _ context: String) -> (String, String?) {
        switch problem {
        case "mapping values are not allowed in this context":
            ("a ':' cannot stand here", "quote a text that holds ': ', or check the indent of this line")
        case "did not find expected key":
            ("a key was expected here", "check the indent of this line against the lines above")
        case "did not find expected '-' indicator":
            ("a '-' was expected here", "a list goes on with '- ', at the indent of its first element")
        case "did not find expected ',' or '}'":
            ("a ',' or '}' was expected here", "separate the entries with commas, and quote a text with brackets")
        case "did not find expected ',' or ']'":
            ("a ',' or ']' was expected here", "separate the elements with commas, and quote a text with brackets")
        case "could not find expected ':'":
            ("a ':' was expected after this key", "write 'key: value' with a blank after the colon")
        case "found character that cannot start any token":
            ("no value can start with this character", "put the text in quotes")
        case "did not find expected alphabetic or numeric character":
            ("a name is missing after '&' or '*'", "put the text in quotes if it is no anchor or alias")
        case "block sequence entries are not allowed in this context":
            ("a list cannot start here", "put the first '- ' on a line of its own, below its key")
        case "did not find expected <document start>":
            ("text stands before the graph", "check the indent of this line: what is above it has ended")
        case "found unknown escape character":
            ("this escape is not known", "double the backslash, or use single quotes")
        case "found undefined tag handle":
            ("a tag like this has no meaning in a graph", "put a text that starts with '!' in quotes")
        default:
            (context.isEmpty ? problem : "\(problem), \(context)", nil)
        }
    }

    private static func closing(_ open: Character?) -> String? {
        switch open {
        case "\"": "add the closing '\"'"
        case "'": "add the closing quote; inside single quotes, write '' for one"
        case "{": "add the closing '}'"
        case "[": "add the closing ']'"
        default: nil
        }
    }

    private static func place(_ mark: yaml_mark_t, _ file: Int32, _ source: SourceFile) -> Place {
        // At the end of a file the mark may be on a line that does not exist.
        var line = Int(mark.line) + 1
        var column = Int(mark.column) + 1
        while line > 1, line > source.lineCount || (line == source.lineCount && source.line(line)?.isEmpty ?? true) {
            line -= 1
            column = (source.line(line)?.unicodeScalars.count ?? 0) + 1
        }
        return Place(file: file, line: Int32(clamping: line), column: Int32(clamping: column), length: 1)
    }

    private static func character(at place: Place, in source: SourceFile) -> Character? {
        source.line(Int(place.line))?.dropFirst(Int(place.column) - 1).first
    }
}
