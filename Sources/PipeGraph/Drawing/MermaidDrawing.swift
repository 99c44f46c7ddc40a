import PipeCore
import PipeKit

extension Graph {
    /// The graph for Mermaid, which many Markdown viewers draw.
    public func mermaid(expandsStations: Bool = false) -> String {
        let drawing = GraphDrawing(self, expandsStations: expandsStations)
        var out = "flowchart LR\n"
        let byFrame = Dictionary(grouping: drawing.boxes, by: \.frame)
        for (index, frame) in drawing.frames.enumerated() {
            out += "  subgraph station\(index)[\"\(escaped(frame.title))\"]\n"
            for box in byFrame[index] ?? [] { out += "    \(node(box))\n" }
            out += "  end\n"
        }
        for box in drawing.boxes where box.frame == nil { out += "  \(node(box))\n" }
        for arrow in drawing.arrows {
            let label = arrow.lines(in: self).map(escaped).joined(separator: "<br>")
            out += "  \(arrow.from) \(arrow.link.policy.mayDrop ? "-.->" : "-->")|\"\(label)\"| \(arrow.to)\n"
        }
        out += "  classDef source fill:#dff3e4,stroke:#2f8f4e,color:#1f2933\n"
        out += "  classDef sink fill:#e3ecfb,stroke:#3565b5,color:#1f2933\n"
        return out
    }

    private func node(_ box: GraphDrawing.Box) -> String {
        let label = "<b>\(escaped(box.stage.name))</b><br>\(escaped(box.stage.subtitle))"
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
