import PipeCore
import PipeKit

/// A graph as a picture, before any notation: boxes for stages, arrows for links, frames for stations.
///
/// A part with few stations is drawn once for each; one with many is drawn once, and its frame says how many there are.
struct GraphDrawing {
    struct Box {
        var id: String
        var stage: GraphStage
        /// The index of its frame, or nil outside of all.
        var frame: Int?
    }

    struct Frame {
        var title: String
    }

    struct Arrow {
        var from: String
        var to: String
        var link: GraphLink
        /// Several copies on one side that is drawn once: `× 8`.
        var times: Int
    }

    private(set) var boxes: [Box] = []
    private(set) var frames: [Frame] = []
    private(set) var arrows: [Arrow] = []

    static let mostDrawnStations = 3

    init(_ graph: Graph, expandsStations: Bool) {
        var frameOf: [String: Int] = [:]
        var drawn: [[(station: String?, id: String)]] = []
        for (index, stage) in graph.stages.enumerated() {
            guard !stage.stations.isEmpty else {
                drawn.append([(nil, "s\(index)")])
                boxes.append(Box(id: "s\(index)", stage: stage, frame: nil))
                continue
            }
            let isExpanded = expandsStations || stage.stations.count <= Self.mostDrawnStations
            let shown: [String?] = isExpanded ? stage.stations.map { $0 } : [nil]
            var ids: [(String?, String)] = []
            for (number, station) in shown.enumerated() {
                let title = station.map { "station \($0)" } ?? "\(stage.stations.count) stations, as this one"
                let key = "\(stage.stations.joined(separator: " ")) \(station ?? "")"
                if frameOf[key] == nil {
                    frameOf[key] = frames.count
                    frames.append(Frame(title: title))
                }
                let id = isExpanded ? "s\(index)_\(number + 1)" : "s\(index)"
                ids.append((station, id))
                boxes.append(Box(id: id, stage: stage, frame: frameOf[key]))
            }
            drawn.append(ids.map { (station: $0.0, id: $0.1) })
        }
        for link in graph.links {
            let from = drawn[link.from.stage], to = drawn[link.to.stage]
            let isSamePart = graph.stages[link.from.stage].stations == graph.stages[link.to.stage].stations
            for origin in from {
                for target in to where !isSamePart || origin.station == target.station {
                    let hidden = isSamePart ? 1 : hiddenCopies(graph, link, from.count, to.count)
                    arrows.append(Arrow(from: origin.id, to: target.id, link: link, times: hidden))
                }
            }
        }
    }

    /// How many links an arrow stands for that leaves or enters a part drawn once.
    private func hiddenCopies(_ graph: Graph, _ link: GraphLink, _ from: Int, _ to: Int) -> Int {
        max(1, graph.stages[link.from.stage].stations.count / from, graph.stages[link.to.stage].stations.count / to)
    }
}

extension GraphDrawing.Arrow {
    /// What is written beside the arrow: the payload, and what differs from a plain link.
    func lines(in graph: Graph) -> [String] {
        var lines = [link.payload.name + (times > 1 ? " × \(times)" : "")]
        let origin = graph.stages[link.from.stage], target = graph.stages[link.to.stage]
        if origin.outputs.count > 1 { lines[0] = "\(origin.outputs[link.from.port].name): \(lines[0])" }
        if target.inputs.count > 1 { lines[0] += " → \(target.inputs[link.to.port].name)" }
        let policy = link.policy, plain = LinkPolicy()
        var facts: [String] = []
        if policy.whenFull != .block { facts.append(policy.whenFull.rawValue) }
        if policy.capacity != plain.capacity, policy.whenFull != .latest { facts.append("≤ \(policy.capacity)") }
        if let bytes = policy.maxBytes { facts.append("≤ \(bytes)") }
        if let age = policy.maxAge { facts.append("≤ \(age.text) old") }
        if policy.skipFrames > 0 { facts.append("1 of \(policy.skipFrames + 1)") }
        if let rate = policy.rate { facts.append("≤ \(rate)") }
        if policy.priority != 0 { facts.append("priority \(policy.priority)") }
        if !facts.isEmpty { lines.append(facts.joined(separator: ", ")) }
        return lines
    }
}

extension GraphStage {
    /// The second line of a box: the type, and what is more than one.
    var subtitle: String { type.name + (replicas > 1 ? " × \(replicas)" : "") }
}
