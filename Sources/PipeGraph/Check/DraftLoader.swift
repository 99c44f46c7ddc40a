import PipeKit

/// Reads the file of a graph and the files it includes into a draft.
struct DraftLoader {
    let catalogue: Catalogue
    let options: CheckOptions
    let reader: Reader
    private(set) var draft = Draft()
    private(set) var root = GraphFile()
    /// What the graph itself wants of the world: the address of its page.
    private(set) var rootClaims: [WorldClaim] = []
    private(set) var rootScope: Scope
    /// For each included file: the place in another file that takes it in.
    private(set) var includedAt: [Int32: Place] = [:]
    /// Something that would have brought stages could not be read: that a stage is missing would be a guess.
    private(set) var hasLostStages = false

    private static let mostIncludes = 256
    private static let deepestInclude = 8

    init(catalogue: Catalogue, options: CheckOptions) {
        self.catalogue = catalogue
        self.options = options
        reader = Reader(looksAtWorld: options.looksAtWorld)
        rootScope = Scope(environment: options.environment)
    }

    mutating func load(_ source: SourceFile) {
        let file = reader.files.add(source)
        let start = Place(file: file, line: 1, column: 1, length: 1)
        reader.diagnostics.fallback = start
        guard let entries = entries(of: source, file: file) else { return }
        let parts = parts(of: entries, Fields.of(GraphFile.self))
        var given = ParamValues()
        for (name, value) in options.params { given.nodes[name] = commandLine(name, value) }
        let fields = Fields.of(GraphFile.self)
        let values = readHead(entries, fields, rootScope, given: given, start)
        root = fields.make(GraphFile.self, values)
        rootClaims = reader.worldClaims
        takeStages(parts, rootScope, prefixes: [""], chain: [source])
        if parts.stages == nil, parts.include == nil {
            reader.diagnostics.error(
                .missingKey,
                at: start,
                "the graph has no stages",
                hint: "add 'stages:' with a source and a sink, or run 'pipe new graph SOURCE/SINK'"
            )
        }
    }

    private func entries(of source: SourceFile, file: Int32) -> [Node.Entry]? {
        guard let node = YAMLReader.read(source, index: file, into: &reader.diagnostics) else { return nil }
        reader.filler = nil
        // Keys that begin with 'x-' hold what is of no interest here, such as anchors.
        return reader.entries(node, wanted: "a mapping with 'pipe' and 'stages'")?.filter { !$0.key.hasPrefix("x-") }
    }

    /// The parts of a file that hold stages and params.
    private struct Parts {
        var params: Node?
        var stages: Node?
        var include: Node?
    }

    /// A part under a misspelt key is read as what was meant; that it is misspelt is reported with the other keys.
    private func parts(of entries: [Node.Entry], _ fields: Fields) -> Parts {
        func part(_ name: String) -> Node? {
            if let entry = entries.first(where: { $0.key == name }) { return entry.value }
            return entries.first { entry in
                fields.option(named: entry.key) == nil && fields.meaning(of: entry.key, besides: entries) == name
            }?.value
        }
        return Parts(params: part("params"), stages: part("stages"), include: part("include"))
    }

    /// Reads all of a file but its stages. The params come first: everything else may be filled in from them.
    private mutating func readHead(
        _ entries: [Node.Entry],
        _ fields: Fields,
        _ scope: Scope,
        given: ParamValues,
        _ start: Place
    ) -> FieldValues {
        reader.filler = scope
        reader.diagnostics.fallback = start
        let params = parts(of: entries, fields).params.map { Part<ParamsPart>(node: $0) }
        scope.isReadingParams = true
        scope.params = reader.params(params, given: given, place: start)
        scope.isReadingParams = false
        draft.scopes.append(scope)
        let values = fields.read(entries, of: start, reader, what: "key")
        return values
    }

    /// A value from the command line: its place is in its own flag, and its paths start where pipe runs.
    private func commandLine(_ name: String, _ value: String) -> (node: Node, keyPlace: Place?) {
        let flag = "params.\(name)="
        let file = reader.files.add(SourceFile(name: "--set", directory: ".", bytes: Array((flag + value).utf8)))
        let key = Place(file: file, line: 1, column: 8, length: Int32(clamping: max(1, name.unicodeScalars.count)))
        let column = Int32(clamping: flag.unicodeScalars.count + 1)
        let length = Int32(clamping: max(1, value.unicodeScalars.count))
        let place = Place(file: file, line: 1, column: column, length: length)
        return (Node(.scalar(text: value, style: .plain), at: place), key)
    }

    // MARK: Stages

    private mutating func takeStages(_ file: Parts, _ scope: Scope, prefixes: [String], chain: [SourceFile]) {
        if let stages = file.stages {
            let entries = reader.entries(stages, wanted: "a mapping of stages")
            if entries?.isEmpty == true, file.include == nil {
                reader.diagnostics.error(
                    .missingValue,
                    at: stages.place,
                    "the graph has no stages",
                    hint: "add a source and a sink, or run 'pipe new graph SOURCE/SINK'"
                )
            }
            if entries == nil { hasLostStages = true }
            for entry in entries ?? [] {
                reader.filler = scope
                take(stage: entry, scope, prefixes)
            }
        }
        guard let includes = file.include else { return }
        guard case .list(let nodes) = includes.content else {
            hasLostStages = true
            reader.diagnostics.error(
                .wrongShape,
                at: includes.place,
                "a list of files belongs here, not \(includes.described)",
                hint: "write '- file: common.yaml'"
            )
            return
        }
        for node in nodes {
            reader.filler = scope
            take(include: node, scope, prefixes, chain)
        }
    }

    private mutating func take(stage entry: Node.Entry, _ scope: Scope, _ prefixes: [String]) {
        let name = (prefixes.first ?? "") + entry.key
        // A stage with a bad name is still known by it: that was said once.
        _ = checkName(entry.key, of: "a stage", at: entry.keyPlace, &reader.diagnostics)
        if entry.key.contains("${") { hasLostStages = true }
        if let first = draft.index[name] {
            if case .map(let entries) = entry.value.content { scope.touch(entries) }
            reader.diagnostics.error(
                .duplicateKey,
                at: entry.keyPlace,
                "a second stage is named '\(name)'",
                hint: "give an included file a 'prefix'",
                notes: [.init("first defined here", at: draft.stages[first].place)]
            )
            return
        }
        reader.diagnostics.fallback = entry.keyPlace
        let entries = reader.entries(entry.value, wanted: "a mapping with a 'type'")
        let stage = Draft.Stage(
            name: name,
            place: entry.keyPlace,
            entries: entries ?? [],
            scope: scope,
            prefixes: prefixes
        )
        if let entries { readCommon(entries, into: stage) }
        draft.index[name] = draft.stages.count
        draft.stages.append(stage)
    }

    /// Reads what every stage may state, and finds its type. A misspelt 'type' or 'from' is reported once, and read as
    /// what was meant, so that it is not followed by findings about what is missing.
    private func readCommon(_ entries: [Node.Entry], into stage: Draft.Stage) {
        let fields = Fields.of(StageCommon.self)
        let typeName = entries.first { $0.key == "type" }.flatMap { TypeName.read($0.value, reader) }
        stage.type = typeName.flatMap { catalogue[$0.name] }
        if let typeName, stage.type == nil {
            reader.diagnostics.unknown(
                .unknownType,
                at: typeName.place,
                "there is no stage type '\(shortened(typeName.name))'",
                name: typeName.name,
                among: catalogue.names,
                isFilled: typeName.isFilled,
                otherwise: "'pipe stages' lists the types"
            )
            // What was meant is plain enough to look at the rest of the stage.
            stage.type = Suggestion.slip(of: typeName.name, among: catalogue.names).flatMap { catalogue[$0] }
        }
        let unknown = entries.filter { entry in
            fields.option(named: entry.key) == nil && stage.type?.fields.option(named: entry.key) == nil
        }
        func meant(_ name: String) -> Node.Entry? {
            guard !entries.contains(where: { $0.key == name }) else { return nil }
            return unknown.first {
                (stage.type?.fields ?? fields).meaning(of: $0.key, besides: entries, elsewhere: fields) == name
            }
        }
        let misspeltType = meant("type")
        let common =
            entries.filter { $0.key != "type" && fields.option(named: $0.key) != nil }
            + [misspeltType].compactMap { $0 }
        let values = fields.read(common, of: stage.place, reader, assumes: ["type"])
        stage.common = fields.make(StageCommon.self, values)
        if misspeltType == nil, !entries.contains(where: { $0.key == "type" }) {
            reader.diagnostics.error(
                .missingKey,
                at: stage.place,
                "the stage '\(stage.name)' has no type",
                hint: "add 'type: …'; 'pipe stages' lists the types"
            )
        }
        stage.from = entries.first { $0.key == "from" }?.value ?? meant("from")?.value
    }

    // MARK: Includes

    private mutating func take(include node: Node, _ scope: Scope, _ prefixes: [String], _ chain: [SourceFile]) {
        if case .scalar(let text, _) = node.content, !node.isEmpty {
            hasLostStages = true
            reader.diagnostics.error(
                .wrongShape,
                at: node.place,
                "a mapping with 'file' belongs here, not \(node.described)",
                hint: "write { file: \(shortened(text)) }",
                suggestion: "{ file: \(text) }"
            )
            return
        }
        guard let include = Include.read(node, reader), let filePlace = include.$file.place else {
            hasLostStages = true
            return
        }
        if let place = include.$prefix.place, !include.prefix.isEmpty {
            _ = checkName(include.prefix, of: "a stage", at: place, &reader.diagnostics)
        }
        let outer = reader.files[node.place]
        let path = normalized(include.file.hasPrefix("/") ? include.file : "\(outer.directory)/\(include.file)")
        if chain.contains(where: { $0.path == path }) {
            let names = (chain.map(\.path) + [path]).map { $0.split(separator: "/").last.map(String.init) ?? $0 }
            hasLostStages = true
            reader.diagnostics.error(
                .includeCycle,
                at: filePlace,
                "the file includes itself: \(names.joined(separator: " -> "))",
                hint: "remove one of these includes"
            )
            return
        }
        guard chain.count <= Self.deepestInclude, includedAt.count < Self.mostIncludes else {
            reader.diagnostics.error(
                .includeCycle,
                at: filePlace,
                "includes go more than \(Self.deepestInclude) deep, or are more than \(Self.mostIncludes)",
                hint: "use 'stations' to repeat a part of a graph"
            )
            return
        }
        let source: SourceFile
        do throws(FileLoader.Failure) {
            source = try SourceFile(reading: path, or: options.texts)
        } catch {
            hasLostStages = true
            let best = ResolvedPath(include.file, from: outer.directory).nearest
            reader.diagnostics.error(
                error.code == .unreadableFile ? .missingFile : error.code,
                at: filePlace,
                "'\(include.file)': \(error.message)",
                hint: best.map { "did you mean '\($0)'?" }
                    ?? (error.code == .unreadableFile
                        ? "includes start at the directory of the file they stand in: \(outer.directory)" : error.help),
                suggestion: best
            )
            return
        }
        let file = reader.files.add(source)
        includedAt[file] = filePlace
        take(fragment: source, file, include, scope, prefixes, chain + [source])
    }

    private mutating func take(
        fragment source: SourceFile,
        _ file: Int32,
        _ include: Include,
        _ outer: Scope,
        _ prefixes: [String],
        _ chain: [SourceFile]
    ) {
        let start = Place(file: file, line: 1, column: 1, length: 1)
        guard var entries = entries(of: source, file: file) else {
            hasLostStages = true
            return
        }
        let fields = Fields.of(FragmentFile.self)
        let misplaced = entries.filter { entry in
            fields.option(named: entry.key) == nil && Fields.of(GraphFile.self).option(named: entry.key) != nil
        }
        for entry in misplaced {
            reader.diagnostics.error(
                .unknownKey,
                at: entry.keyPlace,
                "'\(entry.key)' has no place in a file that is included",
                hint: "move it to the graph that includes this file"
            )
        }
        entries.removeAll { entry in misplaced.contains { $0.key == entry.key } }

        reader.filler = outer
        let given = values(of: include)
        let scope = Scope(environment: options.environment)
        _ = readHead(entries, fields, scope, given: given, start)
        let prefix = (prefixes.first ?? "") + include.prefix
        takeStages(parts(of: entries, fields), scope, prefixes: [prefix] + prefixes, chain: chain)
    }

    /// The values of `with`, filled in where they are written.
    private func values(of include: Include) -> ParamValues {
        var values = ParamValues()
        guard let with = include.with else { return values }
        guard let entries = reader.entries(with.node, wanted: "a mapping of params to values") else {
            values.isPartial = true
            return values
        }
        for entry in entries {
            guard let text = reader.text(entry.value, wanted: "a value") else {
                values.isPartial = true
                continue
            }
            let style: Node.ScalarStyle = text.isQuoted && !text.isFilled ? .quoted : .plain
            values.nodes[entry.key] = (
                Node(.scalar(text: text.text, style: style), at: entry.value.place), entry.keyPlace
            )
        }
        return values
    }
}

extension SourceFile {
    /// Reads a file, unless there is a text for it; `-` is standard input.
    init(reading path: String, or texts: [String: [UInt8]]) throws(FileLoader.Failure) {
        let bytes = if let text = texts[path] { text } else { try FileLoader.bytes(of: path) }
        self.init(path: path, bytes: bytes)
    }

    /// A file with this path; `-` is standard input.
    init(path: String, bytes: [UInt8]) {
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        self.init(name: path == "-" ? "<stdin>" : path, directory: directory, bytes: bytes)
    }

    fileprivate var path: String { normalized(name) }
}
