import PipeKit

/// Stations: a part of a graph with a copy for each camera, client or table.
///
/// A stage that states `stations` begins such a part, and every stage that it feeds belongs to it, until an input that
/// takes many links gathers them. A stage outside that feeds one inside feeds each copy.
extension GraphBuilder {
    mutating func spreadStations() {
        var origin = [Int?](repeating: nil, count: graph.stages.count)
        var queue: [Int] = []
        for (index, stage) in draft.stages.enumerated() {
            guard let stations = stage.common?.stations else { continue }
            graph.stages[index].stations = changed(stations, of: stage.name)
            origin[index] = index
            queue.append(index)
        }
        graph.indexLinks()
        var next = 0
        while next < queue.count {
            let stage = queue[next]
            next += 1
            for link in graph.linksFrom[stage] { spread(link, from: stage, &origin, &queue) }
        }
        for index in graph.stages.indices { checkCopies(index) }
    }

    /// The stations that a stage states, but for those that a running graph was told to add or to leave out.
    private func changed(_ stations: Stations, of stage: String) -> [String] {
        var names = stations.names
        for change in stationChanges where change.stage ?? stage == stage {
            names.removeAll { $0 == change.station }
            guard change.isAdded else { continue }
            _ = checkName(
                change.station,
                of: "a station",
                at: stations.place,
                &reader.diagnostics,
                allowsDigitFirst: true
            )
            names.append(change.station)
        }
        return names
    }

    private mutating func spread(_ link: Int, from stage: Int, _ origin: inout [Int?], _ queue: inout [Int]) {
        let target = graph.links[link].to
        guard graph.stages[target.stage].inputs[target.port].arity != .many else { return }
        let names = graph.stages[stage].stations
        guard let known = origin[target.stage] else {
            origin[target.stage] = origin[stage]
            graph.stages[target.stage].stations = names
            queue.append(target.stage)
            return
        }
        let others = graph.stages[target.stage].stations
        guard others != names, let begin = origin[stage] else { return }
        let place = draft.stages[target.stage].common?.stations?.place ?? graph.links[link].place
        reader.diagnostics.error(
            .stationMismatch,
            at: place,
            "'\(graph.stages[target.stage].name)' runs for \(describe(others, names)), and "
                + "'\(graph.stages[stage].name)' that feeds it for \(describe(names, others))",
            hint: "give both the same stations, or gather them first with a stage of type merge",
            notes: [begin, known].filter { $0 != target.stage }.compactMap { index in
                draft.stages[index].common?.stations.map { .init("\(count($0.names)) begin here", at: $0.place) }
            }
        )
    }

    /// How many stations there are; where that is no difference, their names.
    private func describe(_ stations: [String], _ others: [String]) -> String {
        stations.count == others.count ? shortened(stations.joined(separator: ", ")) : count(stations)
    }

    private func count(_ stations: [String]) -> String {
        stations.count == 1 ? "one station" : "\(stations.count) stations"
    }

    /// The stages outside of all stations that have some before them.
    func stagesBehindGathering() -> Set<Int> {
        var queue = graph.stages.indices.filter { !graph.stages[$0].stations.isEmpty }
        var found: Set<Int> = []
        while let stage = queue.popLast() {
            for link in graph.linksFrom[stage] {
                let target = graph.links[link].to.stage
                if graph.stages[target].stations.isEmpty, found.insert(target).inserted { queue.append(target) }
            }
        }
        return found
    }

    private func checkCopies(_ index: Int) {
        let stage = graph.stages[index]
        guard stage.copies > graph.limits.copies else { return }
        let common = draft.stages[index].common
        let place = (stage.replicas > 1 ? common?.$replicas.place : nil) ?? common?.stations?.place ?? stage.place
        reader.diagnostics.error(
            .tooManyCopies,
            at: place,
            "'\(stage.name)' has \(stage.copies) copies (\(max(1, stage.stations.count)) stations × \(stage.replicas) "
                + "replicas), and \(graph.limits.copies) are allowed",
            hint: "use fewer, or raise 'limits: { copies: \(stage.copies) }'",
            notes: graph.limits.$copies.place.map { [.init("the limit is set here", at: $0)] } ?? []
        )
    }
}
