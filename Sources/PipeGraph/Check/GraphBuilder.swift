import PipeCore
import PipeKit

/// Makes a graph of a draft.
struct GraphBuilder {
    let catalogue: Catalogue
    let draft: Draft
    let reader: Reader
    let root: GraphFile
    let rootScope: Scope
    let hasLostStages: Bool
    var graph = Graph()
    /// Stages of which not all is known: findings about what is missing around them would be guesses.
    var isPartial: [Bool]
    /// Links that could not be resolved, where nothing tells where they were meant to come from.
    var lostLinks = 0
    /// Outputs that a link was meant to leave by, though it is wrong in another way.
    var presumedLinked: Set<GraphLink.End> = []
    var presumedInputs: Set<GraphLink.End> = []
    /// What stages have claimed so far.
    var claimed: [WorldClaim.Thing: (who: Claimant, place: Place)] = [:]
    var claimedPorts: [UInt16: [(host: String, who: Claimant, place: Place)]] = [:]
    let rootClaims: [WorldClaim]
    let stationChanges: [StationChange]
    /// The names of all stages as they are seen from files with this prefix.
    var scopeNames: (prefix: String?, names: [String])?

    init(_ loader: DraftLoader) {
        catalogue = loader.catalogue
        draft = loader.draft
        reader = loader.reader
        root = loader.root
        rootClaims = loader.rootClaims
        stationChanges = loader.options.stations
        rootScope = loader.rootScope
        hasLostStages = loader.hasLostStages
        isPartial = draft.stages.map { $0.type == nil }
    }

    mutating func build() {
        graph.name = root.name ?? fileName
        graph.description = root.description
        reader.filler = rootScope
        if let part = root.limits, let limits = readParts(of: Limits.self, part.node) { graph.limits = limits }
        if let threads = root.threads { graph.threads = threads }
        graph.web = root.web
        graph.stages = draft.stages.map { stage in
            // Stages of unknown type keep their index; what they are linked to is not judged.
            let type = stage.type ?? StageType.unknown
            var made = GraphStage(name: stage.name, type: type, place: stage.place, outputs: type.outputs)
            made.description = stage.common?.description
            made.replicas = stage.common?.replicas ?? 1
            made.onError = stage.common?.onError ?? root.defaults?.onError ?? .fail
            made.restart = stage.common?.restart ?? root.defaults?.restart
            made.expectItemWithin = stage.common?.expectItemWithin
            if made.onError == .deadLetter, let port = StageType.deadLetter(for: type) { made.outputs.append(port) }
            if let place = stage.common?.$onError.place, made.onError == .deadLetter, type.isSource, stage.type != nil {
                reader.diagnostics.error(
                    .optionConflict,
                    at: place,
                    "'\(stage.name)' is a source (\(type.name)), and has no items to set aside",
                    hint: "use 'fail', with 'restart' where it may begin anew"
                )
            }
            return made
        }
        resolveLinks()
        spreadStations()
        claimWorld(.page, rootClaims)
        bindStages()
        resolvePayloads()
        checkPorts()
        checkWhole()
        readTests()
        checkParams()
    }

    private var fileName: String {
        let name = reader.files.files.first?.name.split(separator: "/").last.map(String.init) ?? "graph"
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }

    /// Reads a block whose every option may be left out: one that is wrong does not hide the others.
    func readParts<Block: OptionBlock>(of type: Block.Type, _ node: Node, what: String = "option") -> Block? {
        guard let entries = reader.entries(node, wanted: "a mapping") else { return nil }
        let fields = Fields.of(type)
        let fallback = reader.diagnostics.fallback
        defer { reader.diagnostics.fallback = fallback }
        reader.diagnostics.fallback = node.place
        let values = fields.read(entries, of: node.place, reader, what: what)
        let block = fields.make(type, values)
        if values.canBeChecked { block.check(&reader.diagnostics) }
        return block
    }

    /// Reads the options of every stage, once for each station where they differ.
    private mutating func bindStages() {
        let gathered = stagesBehindGathering()
        for index in draft.stages.indices {
            let stage = draft.stages[index]
            reader.filler = stage.scope
            reader.diagnostics.fallback = stage.place
            guard let type = stage.type else {
                stage.scope.touch(stage.entries)
                continue
            }
            let stations = graph.stages[index].stations
            stage.scope.isBehindGathering = gathered.contains(index)
            let first = stage.scope.observingStation { bind(stage, type, station: stations.first) }
            graph.stages[index].values = [first.result.values]
            graph.stages[index].claims = first.result.claims
            if !first.result.values.isSound { isPartial[index] = true }
            claimWorld(.stage(index), reader.worldClaims)
            if graph.stages[index].replicas > 1 {
                reportShared(index, by: graph.stages[index].replicas, "replicas")
                if let reason = unshareable(type), let place = stage.common?.$replicas.place {
                    reader.diagnostics.error(
                        .optionConflict,
                        at: place,
                        "'\(stage.name)' (\(type.name)) \(reason), which would come to different replicas",
                        hint: "remove 'replicas'"
                    )
                }
            }
            guard stations.count > 1 else { continue }
            if first.usedStation {
                reader.diagnostics.skipsRepeats = true
                for station in stations.dropFirst() {
                    let bound = bind(stage, type, station: station)
                    graph.stages[index].values.append(bound.values)
                    graph.stages[index].claims.add(bound.claims)
                    claimWorld(.stage(index), reader.worldClaims)
                }
                reader.diagnostics.skipsRepeats = false
            } else {
                reportShared(index, by: stations.count, "stations")
            }
        }
    }

    /// Why replicas cannot share the work of a stage type; nil where they can.
    private func unshareable(_ type: StageType) -> String? {
        if type.awaitsPartners { return "waits for partners" }
        return type.info.traits.contains(.remembers) ? "goes by the items before" : nil
    }

    private func bind(_ stage: Draft.Stage, _ type: StageType, station: String?) -> (
        values: FieldValues, claims: Claims
    ) {
        stage.scope.station = station
        defer { stage.scope.station = nil }
        reader.worldClaims = []
        let common = Fields.of(StageCommon.self)
        let entries = withoutLinkOptions(stage.entries, type, common)
        let values = type.fields.read(entries, of: stage.place, reader, elsewhere: common)
        var claims = Claims()
        if values.canBeChecked {
            let made = type.stage(values)
            made.check(&reader.diagnostics)
        }
        if !values.lacksRequired {
            type.stage(values).claims(&claims)
            claims.dropGatherings(of: values.unreadable)
        }
        return (values, claims)
    }

    /// `capacity: 8` beside `from`, where the stage has no such option: it belongs into the link.
    private func withoutLinkOptions(_ entries: [Node.Entry], _ type: StageType, _ common: Fields) -> [Node.Entry] {
        let ofLinks = Fields.of(LinkOptions.self)
        return entries.filter { entry in
            guard ofLinks.option(named: entry.key) != nil, type.fields.option(named: entry.key) == nil,
                common.option(named: entry.key) == nil, !type.isSource
            else { return true }
            var value = "…"
            if case .scalar(let text, _) = entry.value.content { value = shortened(text) }
            reader.diagnostics.error(
                .unknownKey,
                at: entry.keyPlace,
                "'\(entry.key)' is an option of a link, not of a stage",
                hint: "write 'from: { SOURCE: { \(entry.key): \(value) } }'"
            )
            return false
        }
    }

    private func checkParams() {
        // A name that could not be resolved may have been meant for a param that now looks unused: as many as there are
        // such names say nothing.
        let misses = reader.diagnostics.all.count { finding in
            [.unknownParam, .badFill].contains(finding.code) || finding.suggestion == "params"
        }
        let unused = draft.scopes.flatMap { scope in
            scope.params.values.filter { !scope.usedParams.contains($0.name) && !$0.hasBadName }
        }
        guard unused.count > misses || misses == 0 else { return }
        for param in unused.sorted(by: { $0.place < $1.place }) {
            reader.diagnostics.warning(
                .unusedParam,
                at: param.place,
                "the param '\(param.name)' is not used",
                hint: "write ${params.\(param.name)} where it is meant to stand, or remove it"
            )
        }
    }
}

extension StageType {
    /// Stands for a type that is not known, so that indices hold.
    static let unknown = StageType(UnknownStage.self)

    /// The port that failed items leave by.
    static func deadLetter(for type: StageType) -> PortSpec? {
        type.inputs.first.map { input in
            PortSpec(
                name: "dead_letter",
                summary: "Items that the stage failed on.",
                payload: .like(input.name),
                arity: .required
            )
        }
    }
}

private struct UnknownStage: Stage {
    static let info = StageInfo("?", "A type that is not known.", example: "")
}
