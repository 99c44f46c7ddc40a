import PipeCore
import PipeKit

/// From `from:` to links between ports.
extension GraphBuilder {
    /// One source that a stage names, before it is resolved.
    private struct Reference {
        var text: String
        var place: Place
        /// Where the text stands as written, so that a part of it can be pointed at.
        var isAsWritten: Bool
        var isInList = false
        var options: LinkOptions?
        var hasBrokenOptions = false
    }

    mutating func resolveLinks() {
        for index in draft.stages.indices {
            let stage = draft.stages[index]
            guard let from = stage.from else { continue }
            reader.filler = stage.scope
            reader.diagnostics.fallback = stage.place
            if let type = stage.type, type.isSource {
                reader.diagnostics.error(
                    .tooManyLinks,
                    at: from.place,
                    "'\(stage.name)' is a source (\(type.name)), and nothing can lead to it",
                    hint: "remove 'from', or use another type"
                )
            }
            guard let references = references(from, of: index) else {
                lostLinks += 1000  // nobody can tell how many
                continue
            }
            for reference in references { resolve(reference, to: index) }
        }
        checkRepeatedLinks()
    }

    // MARK: Reading

    private mutating func references(_ from: Node, of stage: Int) -> [Reference]? {
        switch from.content {
        case .scalar: return reference(from, stage).map { [$0] }
        case .map(let entries): return references(entries, stage, of: from)
        case .list(let nodes):
            var all: [Reference] = []
            var isSound = true
            for node in nodes {
                if case .map(let entries) = node.content {
                    let found = references(entries, stage, of: node)
                    isSound = isSound && found != nil
                    all += found ?? []
                } else if var found = reference(node, stage) {
                    found.isInList = true
                    all.append(found)
                } else {
                    isSound = false
                }
            }
            if nodes.isEmpty {
                reader.diagnostics.error(
                    .missingValue,
                    at: from.place,
                    "the list of sources is empty",
                    hint: "name a stage"
                )
                return nil
            }
            if !isSound, all.isEmpty { return nil }
            return all
        }
    }

    private func reference(_ node: Node, _ stage: Int) -> Reference? {
        guard let text = reader.text(node, wanted: "the name of a stage") else { return nil }
        return Reference(text: text.text, place: node.place, isAsWritten: !text.isFilled && node.textOffset == 0)
    }

    private mutating func references(_ entries: [Node.Entry], _ stage: Int, of node: Node) -> [Reference]? {
        var all: [Reference] = []
        if entries.isEmpty {
            reader.diagnostics.error(.missingValue, at: node.place, "no source is named here", hint: "name a stage")
            return nil
        }
        for entry in entries {
            if entry.key.contains("${") {
                reader.diagnostics.error(
                    .badFill,
                    at: entry.keyPlace,
                    "a key is not filled in",
                    hint: "name the stage here, or use the short form: 'from: \(shortened(entry.key))'"
                )
                continue
            }
            let length = Int32(entry.key.unicodeScalars.count)
            var reference = Reference(
                text: entry.key,
                place: entry.keyPlace,
                isAsWritten: entry.keyPlace.length == length
            )
            if !entry.value.isEmpty {
                guard case .map = entry.value.content else {
                    reportNoOptions(entry, stage)
                    continue
                }
                let errors = reader.diagnostics.errorCount
                reference.options = readParts(of: LinkOptions.self, entry.value)
                reference.hasBrokenOptions = reader.diagnostics.errorCount > errors
            }
            all.append(reference)
        }
        return all.isEmpty && !entries.isEmpty ? nil : all
    }

    private mutating func reportNoOptions(_ entry: Node.Entry, _ stage: Int) {
        let inputs = graph.stages[stage].inputs.map(\.name)
        let options = Fields.of(LinkOptions.self)
        if case .scalar(let text, _) = entry.value.content {
            if inputs.contains(entry.key) {
                reader.diagnostics.error(
                    .wrongShape,
                    at: entry.value.place,
                    "the keys under 'from' are sources, and '\(entry.key)' is an input",
                    hint: "write '\(text): { to: \(entry.key) }'"
                )
                // What was meant is clear, and counts as linked.
                if let port = inputs.firstIndex(of: entry.key) {
                    presumedInputs.insert(.init(stage: stage, port: port))
                }
                if let meant = draft.stage(named: String(text.prefix { $0 != "." }), seenFrom: draft.stages[stage]) {
                    presumeAllLinked(meant)
                }
                return
            }
            if options.option(named: entry.key) != nil {
                reader.diagnostics.error(
                    .wrongShape,
                    at: entry.keyPlace,
                    "'\(entry.key)' is an option of a link, and stands beside the source here",
                    hint: "write 'SOURCE: { \(entry.key): \(shortened(text)) }'"
                )
                return
            }
        }
        reader.diagnostics.error(
            .wrongShape,
            at: entry.value.place,
            "options of the link belong here, not \(entry.value.described)",
            hint: "write '\(entry.key): { capacity: 8 }', or only the name"
        )
    }

    // MARK: Resolving

    private mutating func resolve(_ reference: Reference, to target: Int) {
        let stage = draft.stages[target]
        if reference.text.contains(where: { $0 == "," || $0 == " " }),
            draft.stage(named: reference.text, seenFrom: stage) == nil
        {
            reportSeveralNames(reference, target)
            return
        }
        // A stage whose name has a dot has a bad name, and is still meant by it.
        let isWholeName = draft.stage(named: reference.text, seenFrom: stage) != nil
        let parts =
            isWholeName
            ? [reference.text]
            : reference.text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let origin = draft.stage(named: parts[0], seenFrom: stage) else {
            reportUnknownStage(parts, reference, target)
            return
        }
        let input = inputPort(of: target, reference)
        guard draft.stages[origin].type != nil else {
            if let input { presumedInputs.insert(.init(stage: target, port: input)) }
            return
        }
        let output = outputPort(of: origin, parts.count > 1 ? parts[1] : nil, reference, name: parts[0])
        if let output { presumedLinked.insert(.init(stage: origin, port: output)) } else { presumeAllLinked(origin) }
        guard let input, let output else {
            if let input { presumedInputs.insert(.init(stage: target, port: input)) }
            return
        }
        let defaults = root.defaults?.links
        let options = reference.options ?? LinkOptions()
        let policy = options.policy(defaults: defaults)
        if policy.whenFull == .latest, !options.$whenFull.isStated, options.$capacity.isStated, options.capacity != 1 {
            reader.diagnostics.error(
                .optionConflict,
                at: options.$capacity,
                "by default links keep the latest item here, and such a link holds one, not \(options.capacity)",
                hint: "remove 'capacity', or give this link another 'when_full'"
            )
        }
        graph.links.append(
            GraphLink(
                from: .init(stage: origin, port: output),
                to: .init(stage: target, port: input),
                policy: policy,
                statesWhenFull: options.$whenFull.isStated || defaults?.$whenFull.isStated ?? false,
                payload: AnyPayload.payload,
                place: reference.place
            )
        )
    }

    private mutating func presumeAllLinked(_ stage: Int) {
        for port in graph.stages[stage].outputs.indices { presumedLinked.insert(.init(stage: stage, port: port)) }
    }

    private mutating func reportUnknownStage(_ parts: [String], _ reference: Reference, _ target: Int) {
        let stage = draft.stages[target]
        // What was meant counts as linked, or one slip would be followed by findings about what seems unlinked.
        for port in graph.stages[target].inputs.indices { presumedInputs.insert(.init(stage: target, port: port)) }
        if hasLostStages {
            lostLinks += 1000
            return
        }
        if scopeNames?.prefix != stage.prefixes.first {
            scopeNames = (stage.prefixes.first, draft.names(seenFrom: stage))
        }
        let names = scopeNames?.names ?? []
        let own = stage.name.dropFirst(stage.prefixes.first?.count ?? 0)
        var best = reader.nearest(to: parts[0], among: names)
        if best == String(own) { best = reader.nearest(to: parts[0], among: names.filter { $0 != own }) }
        // The type of a stage stands for its name, where only one is of that type.
        if best == nil, catalogue[parts[0]] != nil {
            let ofType = draft.stages.filter { $0.type?.name == parts[0] && $0.name != stage.name }
            if ofType.count == 1 { best = ofType[0].name }
        }
        if let best, let meant = draft.stage(named: best, seenFrom: stage) {
            presumeAllLinked(meant)
            isPartial[target] = true
        } else {
            lostLinks += 1
        }
        let place =
            reference.isAsWritten
            ? reference.place.part(from: 0, length: parts[0].unicodeScalars.count) : reference.place
        let others = names.count <= 12 ? names.filter { $0 != own } : []
        let list = others.isEmpty ? "" : " (\(others.joined(separator: ", ")))"
        reader.diagnostics.error(
            .unknownStage,
            at: place,
            "there is no stage '\(shortened(parts[0]))'",
            hint: best.map { "did you mean '\($0)'?\(list)" }
                ?? (list.isEmpty ? "add it under 'stages:'" : "stages:\(list)"),
            suggestion: best
        )
    }

    /// `from: left, right`, which YAML reads as one text.
    private mutating func reportSeveralNames(_ reference: Reference, _ target: Int) {
        let words = reference.text.split { $0 == "," || $0 == " " }.map(String.init)
        for word in words {
            if let meant = draft.stage(named: String(word.prefix { $0 != "." }), seenFrom: draft.stages[target]) {
                presumeAllLinked(meant)
            }
        }
        let list = words.joined(separator: ", ")
        // `from: a -> b` draws the link that is being declared.
        let isArrow = words.contains { $0.contains(">") }
        let better = isArrow ? words[0] : reference.isInList ? list : "[\(list)]"
        reader.diagnostics.error(
            .unknownStage,
            at: reference.place,
            "'\(shortened(reference.text))' is not the name of one stage",
            hint: isArrow
                ? "write the stage it comes from: \(better)"
                : reference.isInList ? "separate the names by commas: \(better)" : "write several as a list: \(better)",
            suggestion: better
        )
    }

    private func outputPort(of origin: Int, _ name: String?, _ reference: Reference, name stageName: String) -> Int? {
        let stage = graph.stages[origin]
        let names = stage.outputs.map(\.name)
        guard let name else {
            let own = stage.type.outputs
            if own.count == 1 { return 0 }
            reader.diagnostics.error(
                own.isEmpty ? .unknownPort : .ambiguousPort,
                at: reference.place,
                own.isEmpty
                    ? "'\(stage.name)' is a sink (\(stage.type.name)), and nothing leaves it"
                    : "'\(stage.name)' has several outputs",
                hint: own.isEmpty
                    ? "take the items from the stage before it"
                    : "write \(own.map { "'\(stageName).\($0.name)'" }.joined(separator: " or "))"
            )
            return nil
        }
        if let index = names.firstIndex(of: name) { return index }
        let place =
            reference.isAsWritten
            ? reference.place.part(from: stageName.unicodeScalars.count + 1, length: name.unicodeScalars.count)
            : reference.place
        if names.isEmpty {
            reader.diagnostics.error(
                .unknownPort,
                at: place,
                "'\(stage.name)' is a sink (\(stage.type.name)), and nothing leaves it",
                hint: "take the items from the stage before it"
            )
        } else if name == "dead_letter" {
            reader.diagnostics.error(
                .unknownPort,
                at: place,
                "'\(stage.name)' sends nothing to 'dead_letter'",
                hint: "add 'on_error: dead_letter' to '\(stage.name)'"
            )
        } else {
            // Where only the whole text can be pointed at, the whole text is suggested.
            let prefix = reference.isAsWritten ? "" : "\(stageName)."
            reader.diagnostics.unknown(
                .unknownPort,
                at: place,
                "'\(stage.name)' (\(stage.type.name)) has no output '\(shortened(name))'",
                name: prefix + name,
                among: names.map { prefix + $0 }
            )
        }
        return nil
    }

    private mutating func inputPort(of target: Int, _ reference: Reference) -> Int? {
        let stage = graph.stages[target]
        guard draft.stages[target].type != nil else { return nil }
        let names = stage.inputs.map(\.name)
        if let name = reference.options?.to, let place = reference.options?.$to.place {
            if let index = names.firstIndex(of: name) { return index }
            for port in names.indices { presumedInputs.insert(.init(stage: target, port: port)) }
            reader.diagnostics.unknown(
                .unknownPort,
                at: place,
                "'\(stage.name)' (\(stage.type.name)) has no input '\(shortened(name))'",
                name: name,
                among: names
            )
            return nil
        }
        if names.count == 1 { return 0 }
        if names.count > 1, reference.hasBrokenOptions {
            for port in names.indices { presumedInputs.insert(.init(stage: target, port: port)) }
            return nil
        }
        if names.count > 1 {
            for port in names.indices { presumedInputs.insert(.init(stage: target, port: port)) }
            reader.diagnostics.error(
                .ambiguousPort,
                at: reference.place,
                "'\(stage.name)' (\(stage.type.name)) has several inputs: \(names.joined(separator: ", "))",
                hint: "write '\(reference.text): { to: \(names[0]) }'"
            )
        }
        return nil
    }

    /// One output cannot lead to one input twice.
    private mutating func checkRepeatedLinks() {
        struct Ends: Hashable {
            var from: GraphLink.End
            var to: GraphLink.End
        }
        var seen: [Ends: Place] = [:]
        for link in graph.links {
            let ends = Ends(from: link.from, to: link.to)
            if let first = seen[ends] {
                reader.diagnostics.error(
                    .tooManyLinks,
                    at: link.place,
                    "'\(graph.describe(link))' is linked twice",
                    hint: "remove one of the two",
                    notes: [.init("first linked here", at: first)]
                )
            } else {
                seen[ends] = link.place
            }
        }
    }
}
