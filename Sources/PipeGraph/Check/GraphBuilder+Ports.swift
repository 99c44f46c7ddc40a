import PipeCore
import PipeKit

/// What every port carries, and whether it is linked as it must be.
extension GraphBuilder {
    /// Works out the payload of each link. A stage that passes on what it got carries what its input carries, which may
    /// lead through many stages, so the stages are taken in the order of the links as far as there is one.
    mutating func resolvePayloads() {
        let byTarget = graph.linksByTarget()
        var known: [GraphLink.End: PayloadInfo] = [:]
        for stage in inOrder(byTarget) {
            for (port, spec) in graph.stages[stage].outputs.enumerated() {
                known[.init(stage: stage, port: port)] = payload(of: spec, stage, byTarget[stage])
            }
            for link in graph.linksFrom[stage] {
                graph.links[link].payload = known[graph.links[link].from] ?? AnyPayload.payload
            }
        }
        for index in graph.links.indices { checkPayload(of: index, byTarget) }
    }

    private func payload(of spec: PortSpec, _ stage: Int, _ links: [Int]) -> PayloadInfo {
        switch spec.payload {
        case .payload(let info): return info
        case .any: return AnyPayload.payload
        case .like(let input):
            let port = graph.stages[stage].inputs.firstIndex { $0.name == input }
            let carried = links.filter { graph.links[$0].to.port == port }.map { graph.links[$0].payload }
            return carried.first { $0 != AnyPayload.payload } ?? AnyPayload.payload
        }
    }

    /// The stages, each after those that feed it; those in a loop come last.
    func inOrder(_ byTarget: [[Int]]) -> [Int] {
        var waiting = byTarget.map(\.count)
        var order = waiting.indices.filter { waiting[$0] == 0 }
        var next = 0
        while next < order.count {
            for link in graph.linksFrom[order[next]] {
                let target = graph.links[link].to.stage
                waiting[target] -= 1
                if waiting[target] == 0 { order.append(target) }
            }
            next += 1
        }
        return order + waiting.indices.filter { waiting[$0] > 0 }
    }

    private func checkPayload(of index: Int, _ byTarget: [[Int]]) {
        let link = graph.links[index]
        let target = graph.stages[link.to.stage]
        let input = target.inputs[link.to.port]
        guard link.payload != AnyPayload.payload else { return }
        switch input.payload {
        case .payload(let wanted) where wanted != link.payload:
            let origin = graph.stages[link.from.stage]
            let output = origin.outputs[link.from.port]
            let fits = origin.outputs.indices.filter { port in
                if case .payload(let info) = origin.outputs[port].payload { info == wanted } else { false }
            }
            let adapters = catalogue.stages.filter { type in
                type.inputs.contains { if case .payload(let info) = $0.payload { info == link.payload } else { false } }
                    && type.outputs.contains {
                        if case .payload(let info) = $0.payload { info == wanted } else { false }
                    }
            }
            let hint =
                fits.first.map { "take '\(origin.name).\(origin.outputs[$0].name)'" }
                ?? adapters.first.map { "put a stage of type \($0.name) between them" }
                ?? "link a stage that sends \(wanted.name)"
            reader.diagnostics.error(
                .typeMismatch,
                at: link.place,
                "'\(origin.name).\(output.name)' sends \(link.payload.name), and '\(target.name)' takes \(wanted.name)",
                hint: hint
            )
        case .any
        where input.arity == .many
            && target.outputs.contains { if case .like(input.name) = $0.payload { true } else { false } }:
            // One output cannot carry two payloads.
            let first = byTarget[link.to.stage].first { other in
                graph.links[other].to == link.to && graph.links[other].payload != AnyPayload.payload
            }
            guard let first, graph.links[first].payload != link.payload else { return }
            reader.diagnostics.error(
                .typeMismatch,
                at: link.place,
                "'\(target.name)' gathers \(graph.links[first].payload.name), and this sends \(link.payload.name)",
                hint: "gather one payload type a stage",
                notes: [.init("\(graph.links[first].payload.name) comes from here", at: graph.links[first].place)]
            )
        default:
            break
        }
    }

    /// Every port is linked as its declaration asks.
    func checkPorts() {
        let byTarget = graph.linksByTarget()
        var unlinked: [GraphLink.End] = []
        for (index, stage) in graph.stages.enumerated() where draft.stages[index].type != nil {
            for (port, spec) in stage.inputs.enumerated() {
                check(input: spec, port, of: index, byTarget[index].filter { graph.links[$0].to.port == port })
            }
            for (port, spec) in stage.outputs.enumerated() where spec.arity != .optional {
                let end = GraphLink.End(stage: index, port: port)
                let isLinked = graph.linksFrom[index].contains { graph.links[$0].from == end }
                if !isLinked, !presumedLinked.contains(end) { unlinked.append(end) }
            }
        }
        // Each link that was lost may have been meant for one of these: as many say nothing.
        guard unlinked.count > lostLinks else { return }
        for end in unlinked { report(unlinked: end) }
    }

    private func report(unlinked end: GraphLink.End) {
        let stage = graph.stages[end.stage]
        let name = stage.outputs[end.port].name
        let isPlain = stage.type.outputs.count == 1 && end.port == 0
        reader.diagnostics.error(
            .unlinkedOutput,
            at: stage.place,
            "nothing takes what leaves '\(stage.name)' by '\(name)'",
            hint:
                "write 'from: \(stage.name)\(isPlain ? "" : ".\(name)")' in a stage, or link a stage of type null to it"
        )
    }

    private func check(input spec: PortSpec, _ port: Int, of index: Int, _ links: [Int]) {
        let stage = graph.stages[index]
        let end = GraphLink.End(stage: index, port: port)
        if links.isEmpty, spec.arity != .optional, !presumedInputs.contains(end) {
            // 'from' is there, though nothing of it could be read: that was said.
            if draft.stages[index].from != nil, stage.inputs.count == 1 { return }
            // A second link to another input was meant for this one.
            let others = graph.links.filter { $0.to.stage == index }.map(\.to.port)
            if Set(others).count < others.count, stage.inputs.allSatisfy({ $0.arity != .many }) { return }
            let many = stage.inputs.count > 1
            reader.diagnostics.error(
                .unlinkedInput,
                at: stage.place,
                "nothing leads to the input '\(spec.name)' of '\(stage.name)'",
                hint: many ? "write 'from: { SOURCE: { to: \(spec.name) } }'" : "write 'from: SOURCE'"
            )
        }
        if links.count > 1, spec.arity != .many {
            reader.diagnostics.error(
                .tooManyLinks,
                at: graph.links[links[1]].place,
                "the input '\(spec.name)' of '\(stage.name)' takes one link, and this is the second",
                hint: "gather them with a stage of type merge",
                notes: [.init("the first is here", at: graph.links[links[0]].place)]
            )
        }
    }
}
