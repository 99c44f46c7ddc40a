import PipeCore
import PipeKit

extension Graph {
    /// The graph for Graphviz. Sources stand on the left, sinks on the right; what drops is dashed. What limits a run is red.
    public func dot(expandsStations: Bool = false, live: LiveDrawing? = nil) -> String {
        let drawing = GraphDrawing(self, expandsStations: expandsStations)
        var out = """
            digraph \(quoted(name)) {
              graph [rankdir=LR, nodesep=0.35, ranksep=0.7, pad=0.3, bgcolor="transparent", fontname="Helvetica", fontsize=11,
                     fontcolor="#5b6673", label=\(title), labelloc=t, labeljust=l]
              node [shape=plain, fontname="Helvetica"]
              edge [color="#7a8794", fontname="Helvetica", fontsize=9, fontcolor="#5b6673", arrowsize=0.7, penwidth=1.2]

            """
        let byFrame = Dictionary(grouping: drawing.boxes, by: \.frame)
        for (index, frame) in drawing.frames.enumerated() {
            out += "  subgraph cluster_\(index) {\n"
            out +=
                "    label=\(quoted(frame.title)); labelloc=t; style=\"rounded,filled\"; color=\"#d5dbe1\"; fillcolor=\"#f6f8fa\"; margin=14\n"
            for box in byFrame[index] ?? [] { out += "    \(node(box, live))\n" }
            out += "  }\n"
        }
        for box in drawing.boxes where box.frame == nil { out += "  \(node(box, live))\n" }
        for arrow in drawing.arrows {
            let label = arrow.lines(in: self, live).map(escaped).joined(separator: "<br/>")
            let style = arrow.link.policy.mayDrop ? ", style=dashed, color=\"#b45309\"" : ""
            out += "  \(arrow.from) -> \(arrow.to) [label=<\(label)>\(style)]\n"
        }
        return out + "}\n"
    }

    private var title: String {
        let summary = description.map { "<br align=\"left\"/><font point-size=\"10\">\(escaped($0))</font>" } ?? ""
        return
            "<<font point-size=\"15\" color=\"#1f2933\"><b>\(escaped(name))</b></font>\(summary)<br align=\"left\"/>>"
    }

    private func node(_ box: GraphDrawing.Box, _ live: LiveDrawing?) -> String {
        let stage = box.stage
        let numbers = live?.line(of: stage.name).map { "<br/>\(escaped($0))" } ?? ""
        let (fill, line) =
            if live?.limit == stage.name { ("#fde8e6", "#c0392b") } else if stage.type.isSource {
                ("#dff3e4", "#2f8f4e")
            } else if stage.type.isSink { ("#e3ecfb", "#3565b5") } else { ("#ffffff", "#5b6673") }
        // A stage with replicas looks like a stack.
        let border = stage.replicas > 1 ? 3 : 1
        return
            "\(box.id) [label=<<table border=\"\(border)\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"6\" style=\"rounded\" "
            + "bgcolor=\"\(fill)\" color=\"\(line)\"><tr><td><font point-size=\"12\" color=\"#1f2933\"><b>\(escaped(stage.name))</b></font>"
            + "<br/><font point-size=\"9\" color=\"#5b6673\">\(escaped(stage.subtitle))\(numbers)</font></td></tr></table>>, "
            + "tooltip=\(quoted(stage.description ?? stage.type.info.summary))]"
    }

    private func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " "))\""
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
            "\"",
            with: "&quot;"
        )
        .replacing("\n", with: " ")
    }
}
