import Basics
import Camera
import Glibc
import Ions
import Mef
import Packets
import PipeGraph
import PipeKit
import PipeTesting
import Testing
import Web

struct DrawingTests {
    private func pipeline(_ name: String) throws -> Graph {
        let path = "\(projectFolder)/pipelines/\(name)"
        let checker = GraphChecker(
            catalogue: Catalogue([.basics, .camera, .ions, .mef, .packets, .web]),
            options: CheckOptions(environment: testEnvironment)
        )
        let result = checker.check(path: path)
        return try #require(result.graph, "\(report(result))")
    }

    static let pipelines = names(in: "\(projectFolder)/pipelines").filter { $0.hasSuffix(".yaml") }

    @Test(arguments: pipelines)
    func `every example is drawn by Graphviz without a word of complaint`(name: String) throws {
        let graph = try pipeline(name)
        try withFolder { folder in
            for expands in [false, true] {
                try write(graph.dot(expandsStations: expands), to: "\(folder)/graph.dot")
                let status = system("dot -Tsvg '\(folder)/graph.dot' -o '\(folder)/graph.svg' 2>'\(folder)/words'")
                #expect(status == 0)
                #expect(readText("\(folder)/words") == "")
                #expect(readText("\(folder)/graph.svg")?.contains("</svg>") == true)
            }
        }
    }

    @Test func `stations have frames, and what drops is dashed`() throws {
        try expectGolden(try pipeline("sensors.yaml").dot(), "sensors.dot")
        try expectGolden(try pipeline("sensors.yaml").mermaid(), "sensors.mermaid")
    }

    @Test func `many stations are drawn as one, unless all are asked for`() throws {
        let result = check(
            """
            pipe: 1
            name: eight "gates"
            description: a < b & c
            stages:
              camera: { type: generate, stations: 8 }
              all: { type: merge, from: { camera: { max_bytes: 1MiB, rate: 5/s } } }
              end: { type: "null", from: all }
            """
        )
        let graph = try #require(result.graph, "\(report(result))")
        #expect(graph.dot().contains("8 stations, as this one"))
        #expect(graph.dot().contains("document × 8"))
        #expect(graph.dot(expandsStations: true).split(separator: "subgraph").count == 9)
        #expect(graph.dot().contains("a &lt; b &amp; c"))
    }
}
