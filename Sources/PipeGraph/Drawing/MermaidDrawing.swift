import PipeCore
import PipeKit

extension Graph {
    /// The graph for Mermaid, which many Markdown viewers draw.
    public func mermaid(expandsStations: Bool = false, live: LiveDrawing? = nil) -> String {
        let drawing = GraphDrawing(self, expandsStations: expandsStations)
        var out = "flowchart LR\n"
        let byFrame = Dictionary(grouping: drawing.boxes, by: \.frame)
        for (index, frame) in drawing.frames.enumerated() {
            out += "  subgraph station\(index)[\"\(escaped(frame.title))\"]\n"
            for box in byFrame[index] ?? [] { out += "    \(node(box, live))\n" }
            out += "  end\n"
        }
        for box in drawing.boxes where box.frame == nil { out += "  \(node(box, live))\n" }
        for arrow in drawing.arrows {
            let label = arrow.lines(in: self, live).map(escaped).joined(separator: "<br>")
            out += "  \(arrow.from) \(arrow.link.policy.mayDrop ? "-.->" : "-->")|\"\(label)\"| \(arrow.to)\n"
        }
        out += "  classDef source fill:#dff3e4,stroke:#2f8f4e,color:#1f2933\n"
        out += "  classDef sink fill:#e3ecfb,stroke:#3565b5,color:#1f2933\n"
        guard let live, let limit = live.limit else { return out }
        out += "  classDef limit fill:#fde8e6,stroke:#c0392b,color:#1f2933\n"
        for box in drawing.boxes where box.stage.name == limit { out += "  class \(box.id) limit\n" }
        return out
    }

    private func node(_ box: GraphDrawing.Box, _ live: LiveDrawing?) -> String {
        let numbers = live?.line(of: box.stage.name).map { "<br>\(escaped($0))" } ?? ""
        let label = "<b>\(escaped(box.stage.name))</b><br>\(escaped(box.stage.subtitle))\(numbers)"
        if box.stage.type.isSource { return "\(box.id)([\"\(label)\"]):::source" }
        if box.stage.type.isSink { return "\(box.id)[[\"\(label)\"]]:::sink" }
        return "\(box.id)[\"\(label)\"]"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "#amp;").replacing("\"", with: "#quot;").replacing("<", with: "#lt;").replacing(
            ">",
            with: "#gt;"
        )
        .replacing("\n", with: " ")
    }
}
