import Basics
import Packets
import PipeGraph
import PipeKit
import Testing
import Web

/// The page of a graph beside what its stages want for themselves.
struct WebBlockTests {
    private let catalogue = Catalogue([.basics, .packets, .web])

    private func findings(_ web: String, _ stages: String) -> String {
        report(check("pipe: 1\nweb: { listen: \"\(web)\" }\nstages:\n\(stages)", catalogue: catalogue))
    }

    @Test(arguments: ["127.0.0.1:7000", "0.0.0.0:7000"])
    func `a stage cannot listen where the page is served`(web: String) {
        let text = findings(
            web,
            """
              server: { type: tcp_packets, address: "127.0.0.1:7000" }
              end: { type: "null", from: server }
            """
        )
        #expect(
            text.contains("the graph's page ('web') and 'server' both listen on 127.0.0.1:7000 [same-address]"),
            "\(text)"
        )
        #expect(text.contains("give each its own") && text.contains("graph.yaml:2:16"), "\(text)")
    }

    @Test func `it can at another port, and at any that is free`() {
        for port in ["7001", "0"] {
            let text = findings(
                "127.0.0.1:\(port)",
                """
                  server: { type: tcp_packets, address: "127.0.0.1:\(port == "0" ? "0" : "7000")" }
                  end: { type: "null", from: server }
                """
            )
            #expect(text.isEmpty, "\(text)")
        }
    }

    @Test func `two stages cannot serve one path of it, nor two stations`() {
        let text = findings(
            "127.0.0.1:0",
            """
              a: { type: generate }
              b: { type: generate }
              left: { type: web_view, from: a, path: /video_feed }
              right: { type: web_view, from: b, path: /video_feed }
            """
        )
        #expect(text.contains("'left' and 'right' both serve '/video_feed' [same-path]"), "\(text)")
        let stations = findings(
            "127.0.0.1:0",
            """
              a: { type: generate, stations: 2 }
              view: { type: web_view, from: a, path: /video_feed }
            """
        )
        #expect(stations.contains("each of the 2 stations of 'view' serves '/video_feed' [same-path]"), "\(stations)")
        let apart = findings(
            "127.0.0.1:0",
            """
              a: { type: generate, stations: 2 }
              view: { type: web_view, from: a, path: "/video/${station}" }
            """
        )
        #expect(apart.isEmpty, "\(apart)")
    }

    @Test func `replicas cannot show one after the other`() {
        let text = findings(
            "127.0.0.1:0",
            "  a: { type: generate }\n  view: { type: web_view, from: a, replicas: 2 }\n"
        )
        #expect(text.contains("goes by the items before"), "\(text)")
    }
}
