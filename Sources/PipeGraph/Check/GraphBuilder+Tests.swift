import PipeKit

/// The structure of `tests:`; `pipe test` runs them.
extension GraphBuilder {
    mutating func readTests() {
        guard let part = root.tests else { return }
        reader.filler = rootScope
        guard case .list(let nodes) = part.node.content else {
            reader.diagnostics.error(
                .wrongShape,
                at: part.node.place,
                "a list of tests belongs here, not \(part.node.described)",
                hint: "write '- name: …'"
            )
            return
        }
        var names: [String: Place] = [:]
        for node in nodes {
            reader.diagnostics.fallback = node.place
            guard let entries = reader.entries(node, wanted: "a test with a 'name' and what it expects") else {
                continue
            }
            let fields = Fields.of(GraphTest.self)
            let values = fields.read(entries, of: node.place, reader, what: "key")
            let test = fields.make(GraphTest.self, values)
            checkSet(test)
            checkFeed(test)
            for fault in test.faults { _ = stage(named: fault.stage, at: fault.$stage.place) }
            for expectation in test.expect { check(expectation) }
            guard values.isSound else { continue }
            test.check(&reader.diagnostics)
            if let place = test.$name.place, let first = names.updateValue(place, forKey: test.name) {
                reader.diagnostics.error(
                    .duplicateKey,
                    at: place,
                    "two tests are named '\(shortened(test.name))'",
                    hint: "give each a name of its own",
                    notes: [.init("first named here", at: first)]
                )
            }
            graph.tests.append(test)
        }
    }

    private func checkSet(_ test: GraphTest) {
        guard let set = test.set else { return }
        for entry in reader.entries(set.node, wanted: "a mapping of params to values") ?? [] {
            guard let param = rootScope.params[entry.key] else {
                reader.diagnostics.unknown(
                    .unknownParam,
                    at: entry.keyPlace,
                    "there is no param '\(shortened(entry.key))'",
                    name: entry.key,
                    among: rootScope.params.keys.sorted(),
                    otherwise: "the graph declares no params"
                )
                continue
            }
            reader.check(entry.value, against: param)
        }
    }

    private func checkFeed(_ test: GraphTest) {
        guard let feed = test.feed else { return }
        for entry in reader.entries(feed.node, wanted: "a mapping of outputs to what is sent") ?? [] {
            let parts = entry.key.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if let stage = stage(
                named: parts[0],
                at: entry.keyPlace.part(from: 0, length: parts[0].unicodeScalars.count)
            ) {
                _ = output(parts.count > 1 ? parts[1] : nil, of: stage, at: entry.keyPlace)
            }
            let fallback = reader.diagnostics.fallback
            reader.diagnostics.fallback = entry.keyPlace
            _ = Feed.read(entry.value, reader)
            reader.diagnostics.fallback = fallback
        }
    }

    private func check(_ expectation: Expectation) {
        if let name = expectation.stage { _ = stage(named: name, at: expectation.$stage.place) }
        guard let text = expectation.link, let place = expectation.$link.place else { return }
        guard let arrow = text.firstRange(of: "->") else {
            reader.diagnostics.error(
                .unknownLink,
                at: place,
                "'\(shortened(text))' is not a link",
                hint: "write 'stage.output -> stage'"
            )
            return
        }
        let from = text[..<arrow.lowerBound].split(separator: " ").joined()
        let to = text[arrow.upperBound...].split(separator: " ").joined()
        let fromParts = from.split(separator: ".", maxSplits: 1).map(String.init)
        let toParts = to.split(separator: ".", maxSplits: 1).map(String.init)
        guard let origin = stage(named: fromParts.first ?? "", at: place),
            let target = stage(named: toParts.first ?? "", at: place),
            let output = output(fromParts.count > 1 ? fromParts[1] : nil, of: origin, at: place)
        else { return }
        let links = graph.links.filter { $0.from == .init(stage: origin, port: output) && $0.to.stage == target }
        if links.isEmpty, !isPartial[target], !hasLostLinks {
            let known = graph.links.map { graph.describe($0) }
            let best = Suggestion.best(for: text, among: known.count <= 1000 ? known : [])
            reader.diagnostics.error(
                .unknownLink,
                at: place,
                "no link leads from '\(from)' to '\(to)'",
                hint: best.map { "did you mean '\($0)'?" } ?? "'pipe graph --dot' draws the links there are",
                suggestion: best
            )
        }
    }

    private func stage(named name: String, at place: Place?) -> Int? {
        if let index = draft.index[name] { return index }
        reader.diagnostics.unknown(
            .unknownStage,
            at: place ?? reader.diagnostics.fallback,
            "there is no stage '\(shortened(name))'",
            name: name,
            among: draft.stages.map(\.name)
        )
        return nil
    }

    private func output(_ name: String?, of index: Int, at place: Place) -> Int? {
        let stage = graph.stages[index]
        guard draft.stages[index].type != nil else { return nil }
        guard let name else {
            if stage.type.outputs.count == 1 { return 0 }
            reader.diagnostics.error(
                stage.outputs.isEmpty ? .unknownPort : .ambiguousPort,
                at: place,
                stage.outputs.isEmpty ? "nothing leaves '\(stage.name)'" : "'\(stage.name)' has several outputs",
                hint: stage.outputs.isEmpty
                    ? "name a stage with an output"
                    : "write \(stage.outputs.map { "'\(stage.name).\($0.name)'" }.joined(separator: " or "))"
            )
            return nil
        }
        if let port = stage.outputs.firstIndex(where: { $0.name == name }) { return port }
        reader.diagnostics.unknown(
            .unknownPort,
            at: place,
            "'\(stage.name)' (\(stage.type.name)) has no output '\(shortened(name))'",
            name: name,
            among: stage.outputs.map(\.name),
            otherwise: "nothing leaves it"
        )
        return nil
    }
}
