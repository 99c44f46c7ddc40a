import PipeCore
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
            var test = fields.make(GraphTest.self, values)
            test.params = readSet(test)
            test.feeds = readFeeds(test)
            // One by one, so that a mistake in one does not hide those in the next.
            test.faultList = test.faults.compactMap {
                read(Fault.self, $0.node) { fault in
                    if let name = fault.stage { _ = stage(named: name, at: fault.$stage.place) }
                }
            }
            for fault in test.faultList {
                guard let run = test.run, fault.at >= run, let place = fault.$at.place else { continue }
                reader.diagnostics.error(
                    .outOfRange,
                    at: place,
                    "the test has ended after \(run.text), before this happens",
                    hint: "use less than \(run.text), or raise 'run'"
                )
            }
            test.expectations = test.expect.compactMap { part in
                var expectation = read(Expectation.self, part.node) { check($0) }
                let values = expectation?.values?.map { json(of: $0.node) }
                expectation?.valueList = values
                return expectation
            }
            reader.diagnostics.fallback = node.place
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

    /// Reads a block whose every part may be left out, and looks at what could be read of it, sound or not.
    private func read<Block: OptionBlock>(_ type: Block.Type, _ node: Node, look: (Block) -> Void) -> Block? {
        guard let entries = reader.entries(node, wanted: "a mapping") else { return nil }
        let fields = Fields.of(type)
        reader.diagnostics.fallback = node.place
        let values = fields.read(entries, of: node.place, reader, what: "key")
        let block = fields.make(type, values)
        look(block)
        if values.canBeChecked { block.check(&reader.diagnostics) }
        return values.isSound ? block : nil
    }

    private func readSet(_ test: GraphTest) -> [(name: String, value: String)] {
        guard let set = test.set else { return [] }
        var values: [(name: String, value: String)] = []
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
            if case .scalar(let text, _) = entry.value.content { values.append((entry.key, text)) }
        }
        return values
    }

    /// A value as a payload is made of it: a plain scalar is a number, a boolean or null where it reads as one.
    private func json(of node: Node) -> JSON {
        switch node.content {
        case .list(let nodes): return .array(nodes.map(json(of:)))
        case .map(let entries): return .object(entries.map { JSON.Member($0.key, json(of: $0.value)) })
        case .scalar(let text, let style):
            guard style == .plain else { return .string(text) }
            switch text {
            case "null", "~", "": return .null
            case "true", "True", "TRUE": return true
            case "false", "False", "FALSE": return false
            default: return Int(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .string(text)
            }
        }
    }

    private func readFeeds(_ test: GraphTest) -> [GraphFeed] {
        guard let feed = test.feed else { return [] }
        var feeds: [GraphFeed] = []
        var fed: [GraphLink.End: Place] = [:]
        for entry in reader.entries(feed.node, wanted: "a mapping of outputs to what is sent") ?? [] {
            var end: GraphLink.End?
            let parts = entry.key.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if let stage = stage(
                named: parts[0],
                at: entry.keyPlace.part(from: 0, length: parts[0].unicodeScalars.count)
            ) {
                let place = parts.count > 1 ? part(1, of: parts, in: entry.keyPlace) : entry.keyPlace
                end = output(parts.count > 1 ? parts[1] : nil, of: stage, at: place).map {
                    .init(stage: stage, port: $0)
                }
                if let end, let first = fed.updateValue(entry.keyPlace, forKey: end) {
                    reader.diagnostics.error(
                        .duplicateKey,
                        at: entry.keyPlace,
                        "this output is fed twice",
                        hint: "remove one of the two",
                        notes: [.init("first fed here", at: first)]
                    )
                }
            }
            let fallback = reader.diagnostics.fallback
            reader.diagnostics.fallback = entry.keyPlace
            if let feed = Feed.read(entry.value, reader), let end {
                feeds.append(GraphFeed(output: end, feed: feed, values: feed.values?.map { json(of: $0.node) }))
            }
            reader.diagnostics.fallback = fallback
        }
        return feeds
    }

    private func check(_ expectation: Expectation) {
        if let name = expectation.stage { _ = stage(named: name, at: expectation.$stage.place) }
        guard let text = expectation.link, let place = expectation.$link.place else { return }
        guard let arrow = text.firstRange(of: "->") else {
            let sides = text.split { "=→>–—".contains($0) }.map { $0.split(separator: " ").joined() }
            let better = sides.count == 2 ? "\(sides[0]) -> \(sides[1])" : nil
            reader.diagnostics.error(
                .unknownLink,
                at: place,
                "'\(shortened(text))' is not a link",
                hint: better.map { "did you mean '\($0)'?" } ?? "write 'stage.output -> stage'",
                suggestion: better
            )
            return
        }
        let from = text[..<arrow.lowerBound].split(separator: " ").joined()
        let to = text[arrow.upperBound...].split(separator: " ").joined()
        let fromParts = from.split(separator: ".", maxSplits: 1).map(String.init)
        let toParts = to.split(separator: ".", maxSplits: 1).map(String.init)
        // Where a part of the text stands, if the text stands as it reads.
        func find(_ part: String, after start: String.Index) -> Place {
            let quotes = Int(place.length) - text.unicodeScalars.count
            guard quotes == 0 || quotes == 2, let range = text[start...].firstRange(of: part) else { return place }
            let offset = text.unicodeScalars.distance(from: text.startIndex, to: range.lowerBound) + quotes / 2
            return place.part(from: offset, length: part.unicodeScalars.count)
        }
        let begin = text.startIndex
        let fromPlace = find(fromParts.first ?? "", after: begin)
        let portPlace =
            fromParts.count > 1
            ? find(".\(fromParts[1])", after: begin).part(from: 1, length: fromParts[1].count) : fromPlace
        let origin = stage(named: fromParts.first ?? "", at: fromPlace)
        let target = stage(named: toParts.first ?? "", at: find(toParts.first ?? "", after: arrow.upperBound))
        guard let origin, let target,
            let output = output(fromParts.count > 1 ? fromParts[1] : nil, of: origin, at: portPlace)
        else {
            return
        }
        let end = GraphLink.End(stage: origin, port: output)
        let isLinked = graph.linksFrom[origin].contains {
            graph.links[$0].from == end && graph.links[$0].to.stage == target
        }
        let isLost = isPartial[target] || presumedInputs.contains { $0.stage == target }
        if !isLinked, !isLost {
            let known = graph.links.count <= 1000 ? graph.links.map { graph.describe($0) } : []
            let best = reader.nearest(to: text, among: known)
            reader.diagnostics.error(
                .unknownLink,
                at: place,
                "no link leads from '\(from)' to '\(to)'",
                hint: best.map { "did you mean '\($0)'?" } ?? "'pipe graph --dot' draws the links there are",
                suggestion: best
            )
        }
    }

    /// The place of a part of a name with a dot, in a key that stands as it reads.
    private func part(_ index: Int, of parts: [String], in place: Place) -> Place {
        let before = parts[..<index].reduce(0) { $0 + $1.unicodeScalars.count + 1 }
        return place.part(from: before, length: parts[index].unicodeScalars.count)
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
