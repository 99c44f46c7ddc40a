internal import CYaml
import PipeKit

/// Reads one YAML document into nodes that know their places.
///
/// libyaml's events are turned into a tree with a stack of our own, so that no nesting can exhaust the machine's. Every
/// limit is checked before anything is built beyond it: size of the file, depth, and number of values with aliases
/// counted as often as they are used.
struct YAMLReader {
    struct Limits {
        var depth = 64
        /// Ten thousand stages are about 150 000 values.
        var values = 500_000
        var aliasUses = 10_000
    }

    private let file: Int32
    private let source: SourceFile
    private let limits: Limits
    private var open: [Collection] = []
    private var anchors: [String: (node: Node, values: Int)] = [:]
    private var unfinishedAnchors: Set<String> = []
    private var valueCount = 0
    private var aliasUses = 0
    private var root: Node?

    /// The document in a file, or nil after the report.
    static func read(
        _ source: SourceFile,
        index: Int32,
        limits: Limits = Limits(),
        into diagnostics: inout Diagnostics
    ) -> Node? {
        do throws(YAMLError) {
            try TextCheck.check(source.bytes, file: index)
            var reader = YAMLReader(file: index, source: source, limits: limits)
            return try reader.read(&diagnostics)
        } catch {
            // libyaml cannot go on behind a slip; a file that is read whole shows the rest.
            let rest =
                error.code == .yamlSyntax || error.code == .tabIndent
                ? "what stands below is checked once this is mended" : nil
            diagnostics.error(
                error.code,
                at: error.place,
                error.message,
                hint: error.help.map { help in rest.map { "\(help); \($0)" } ?? help } ?? rest,
                suggestion: error.suggestion,
                notes: error.notes
            )
            return nil
        }
    }

    private init(file: Int32, source: SourceFile, limits: Limits) {
        self.file = file
        self.source = source
        self.limits = limits
    }

    private mutating func read(_ diagnostics: inout Diagnostics) throws(YAMLError) -> Node {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { preconditionFailure("libyaml has no memory for a parser") }
        defer { yaml_parser_delete(&parser) }
        let bytes = source.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? source.bytes.dropFirst(3) : source.bytes[...]
        var failure: YAMLError?
        bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            do throws(YAMLError) {
                while try step(&parser, &diagnostics) {}
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard let root, !root.isEmpty else {
            throw YAMLError(
                .emptyFile,
                at: Place(file: file, line: 1, column: 1, length: 1),
                "the file holds no graph",
                help: "start with 'pipe: 1' and 'stages:', or run 'pipe new graph'"
            )
        }
        return root
    }

    /// Takes one event; false after the last.
    private mutating func step(
        _ parser: inout yaml_parser_t,
        _ diagnostics: inout Diagnostics
    ) throws(YAMLError) -> Bool {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { throw YAMLError(parser, file: file, source: source) }
        defer { yaml_event_delete(&event) }
        let place = place(event)
        switch event.type {
        case YAML_STREAM_END_EVENT:
            return false
        case YAML_DOCUMENT_START_EVENT where root != nil:
            throw YAMLError(
                .yamlSyntax,
                at: place,
                "a second document starts here, and a graph is one document",
                help: "remove the '---', or move what follows into a file of its own"
            )
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try checkTag(scalar.tag, at: place, allowed: ["str", "int", "float", "bool", "null"])
            let node = scalarNode(scalar, place)
            try count(1, at: place)
            if let anchor = name(scalar.anchor) { anchors[anchor] = (node, 1) }
            try add(node, at: place, values: 1, &diagnostics)
        case YAML_ALIAS_EVENT:
            try addAlias(name(event.data.alias.anchor) ?? "", place, &diagnostics)
        case YAML_SEQUENCE_START_EVENT:
            try checkTag(event.data.sequence_start.tag, at: place, allowed: ["seq"])
            try begin(.list([]), anchor: name(event.data.sequence_start.anchor), at: place)
        case YAML_MAPPING_START_EVENT:
            try checkTag(event.data.mapping_start.tag, at: place, allowed: ["map"])
            try begin(.map(MapBuilder()), anchor: name(event.data.mapping_start.anchor), at: place)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            try end(event, &diagnostics)
        default:
            break
        }
        return true
    }

    // MARK: Building

    private struct Collection {
        enum Content {
            case list([Node])
            case map(MapBuilder)
        }

        var content: Content
        let anchor: String?
        var place: Place
        var values = 1
    }

    private mutating func begin(_ content: Collection.Content, anchor: String?, at place: Place) throws(YAMLError) {
        try count(1, at: place)
        guard open.count < limits.depth else {
            throw YAMLError(
                .tooDeep,
                at: place,
                "values are nested more than \(limits.depth) deep",
                help: "a graph needs a depth of about ten; is a bracket or an indent repeated?"
            )
        }
        if let anchor { unfinishedAnchors.insert(anchor) }
        open.append(Collection(content: content, anchor: anchor, place: place))
    }

    private mutating func end(_ event: yaml_event_t, _ diagnostics: inout Diagnostics) throws(YAMLError) {
        guard var done = open.popLast() else { return }
        // In flow style on one line, the place is the whole of it.
        if event.end_mark.column > event.start_mark.column, Int(event.end_mark.line) + 1 == Int(done.place.line) {
            done.place.length = Int32(clamping: event.end_mark.column) + 1 - done.place.column
        }
        let node: Node
        switch done.content {
        case .list(let nodes): node = Node(.list(nodes), at: done.place)
        case .map(let builder): node = Node(.map(builder.finish(&diagnostics)), at: done.place)
        }
        if let anchor = done.anchor {
            unfinishedAnchors.remove(anchor)
            anchors[anchor] = (node, done.values)
        }
        try add(node, at: done.place, values: done.values, &diagnostics)
    }

    /// `place` is where the value is used, which is not where it stands if an alias brought it.
    private mutating func add(_ node: Node, at place: Place, values: Int, _ diagnostics: inout Diagnostics)
        throws(YAMLError)
    {
        guard let last = open.indices.last else {
            root = node
            return
        }
        open[last].values += values
        switch open[last].content {
        case .list(var nodes):
            open[last].content = .list([])  // so that the array is not shared while it grows
            nodes.append(node)
            open[last].content = .list(nodes)
        case .map(var builder):
            open[last].content = .list([])
            try builder.add(node, at: place, &diagnostics)
            open[last].content = .map(builder)
        }
    }

    private mutating func addAlias(_ name: String, _ place: Place, _ diagnostics: inout Diagnostics) throws(YAMLError) {
        guard !unfinishedAnchors.contains(name) else {
            throw YAMLError(.badAlias, at: place, "'*\(name)' stands inside the value that it names")
        }
        guard let (node, values) = anchors[name] else {
            let meant = Suggestion.best(for: name, among: anchors.keys.sorted()).map { "*\($0)" }
            throw YAMLError(
                .badAlias,
                at: place,
                "no anchor '&\(name)' stands before this alias",
                help: meant.map { "did you mean '\($0)'?" }
                    ?? "define it with '&\(name)' first, or put the text in quotes if it is no alias",
                suggestion: meant
            )
        }
        aliasUses += 1
        guard aliasUses <= limits.aliasUses else {
            throw YAMLError(.tooManyValues, at: place, "aliases are used more than \(limits.aliasUses) times")
        }
        try count(values, at: place)
        try add(node, at: place, values: values, &diagnostics)
    }

    private mutating func count(_ values: Int, at place: Place) throws(YAMLError) {
        valueCount += values
        guard valueCount <= limits.values else {
            throw YAMLError(
                .tooManyValues,
                at: place,
                "the file expands to more than \(limits.values) values",
                help: "aliases count as often as they are used; use 'stations' to repeat stages, and a file for data"
            )
        }
    }

    // MARK: Events

    private func scalarNode(_ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar, _ place: Place) -> Node
    {
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        let isTaggedText = scalar.tag.map { String(cString: $0).hasSuffix(":str") } ?? false
        switch scalar.style {
        case YAML_PLAIN_SCALAR_STYLE where !isTaggedText:
            return Node(
                .scalar(text: text, style: .plain),
                at: place,
                textOffset: text.unicodeScalars.count == place.length ? 0 : nil
            )
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE:
            return Node(.scalar(text: text, style: .block), at: place)
        default:
            let isAsWritten = text.unicodeScalars.count + 2 == place.length
            return Node(.scalar(text: text, style: .quoted), at: place, textOffset: isAsWritten ? 1 : nil)
        }
    }

    private func checkTag(
        _ tag: UnsafeMutablePointer<yaml_char_t>?,
        at place: Place,
        allowed: [String]
    ) throws(YAMLError) {
        guard let tag else { return }
        let text = String(cString: tag)
        if text == "!" || allowed.contains(where: { text == "tag:yaml.org,2002:\($0)" }) { return }
        throw YAMLError(
            .unknownTag,
            at: place,
            "the tag '\(shortened(text))' has no meaning in a graph",
            help: "remove it: types come from the stages' declarations"
        )
    }

    private func name(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    /// From the start of an event to its end, or to the end of its first line.
    private func place(_ event: yaml_event_t) -> Place {
        let start = event.start_mark, end = event.end_mark
        var length = 1
        switch event.type {
        case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
            length = 1
        default:
            if start.line == end.line {
                length = Int(end.column) - Int(start.column)
            } else if let line = source.line(Int(start.line) + 1) {
                length = line.unicodeScalars.count - Int(start.column)
            }
        }
        // Nothing, at the end of a file, is placed behind the last line by libyaml.
        let last = max(1, source.lineCount)
        if Int(start.line) + 1 > last {
            let column = (source.line(last)?.unicodeScalars.count ?? 0) + 1
            return Place(file: file, line: Int32(clamping: last), column: Int32(clamping: column), length: 1)
        }
        return Place(
            file: file,
            line: Int32(clamping: start.line + 1),
            column: Int32(clamping: start.column + 1),
            length: Int32(clamping: max(1, length))
        )
    }
}
