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
        struct Station: Hashable {
            var part: Int
            var number: Int
        }
        var parts: [[String]: Int] = [:]
        var frameOf: [Station: Int] = [:]
        var drawn: [[String]] = []
        for (index, stage) in graph.stages.enumerated() {
            guard !stage.stations.isEmpty else {
                drawn.append(["s\(index)"])
                boxes.append(Box(id: "s\(index)", stage: stage, frame: nil))
                continue
            }
            let part = parts[stage.stations] ?? parts.count
            parts[stage.stations] = part
            let isExpanded = expandsStations || stage.stations.count <= Self.mostDrawnStations
            var ids: [String] = []
            for number in 0..<(isExpanded ? stage.stations.count : 1) {
                let station = Station(part: part, number: number)
                let frame = frameOf[station] ?? frames.count
                if frameOf.updateValue(frame, forKey: station) == nil {
                    let title =
                        isExpanded
                        ? "station \(stage.stations[number])" : "\(stage.stations.count) stations, as this one"
                    frames.append(Frame(title: title))
                }
                ids.append(isExpanded ? "s\(index)_\(number + 1)" : "s\(index)")
                boxes.append(Box(id: ids[number], stage: stage, frame: frame))
            }
            drawn.append(ids)
        }
        for link in graph.links {
            let from = drawn[link.from.stage], to = drawn[link.to.stage]
            if graph.stages[link.from.stage].stations == graph.stages[link.to.stage].stations {
                arrows += zip(from, to).map { Arrow(from: $0, to: $1, link: link, times: 1) }
                continue
            }
            let times = hiddenCopies(graph, link, from.count, to.count)
            for origin in from {
                for target in to { arrows.append(Arrow(from: origin, to: target, link: link, times: times)) }
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
    func lines(in graph: Graph, _ live: LiveDrawing? = nil) -> [String] {
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
        if let numbers = live?.line(ofLink: graph.describe(link)) { lines.append(numbers) }
        return lines
    }
}

extension GraphStage {
    /// The second line of a box: the type, and what is more than one.
    var subtitle: String { type.name + (replicas > 1 ? " × \(replicas)" : "") }
}
