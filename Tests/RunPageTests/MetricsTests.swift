import PipeCore
import PipeGraph
import Testing

@testable import RunPage

@Suite(.enabled(if: Peer.isInstalled, "prometheus_client cannot be imported, set PIPE_PYTHON to a Python that can"))
struct MetricsTests {
    private static let text = """
        pipe: 1
        name: 'with "quotes" and \\ more'
        stages:
          source: { type: generate, count: 300, stations: [a, b] }
          odd: { type: filter, from: source, where: item.sequence % 2 == 1 }
          end: { type: "null", from: odd }
        """

    private struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private func samples(_ format: String, _ text: String) throws -> [Sample] {
        let read = Peer.run(format, input: text)
        try #require(read.code == 0, "\(read.text)\n\(text)")
        return try read.text.split(separator: "\n").map { line in
            let json = try JSON(parsing: String(line))
            guard case .string(let name)? = json["name"], case .object(let labels)? = json["labels"],
                let value = number(json["value"])
            else { throw StageError("\(line)") }
            let pairs = labels.compactMap { member -> (String, String)? in
                if case .string(let text) = member.value { (member.key, text) } else { nil }
            }
            return Sample(name: name, labels: Dictionary(pairs) { first, _ in first }, value: value)
        }
    }

    private func number(_ json: JSON?) -> Double? {
        switch json {
        case .integer(let number)?: Double(number)
        case .number(let number)?: number
        default: nil
        }
    }

    @Test(arguments: [
        ("prometheus", "", "Content-Type: text/plain; version=0.0.4"),
        (
            "openmetrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n",
            "application/openmetrics-text"
        ),
    ])
    func `a reader of another's making finds the numbers of the run`(format: String, accept: String, type: String)
        throws
    {
        let run = try RunUnderTest(Self.text)
        #expect(run.run.wait(until: .seconds(20)))
        let (status, head, body) = try run.get("/metrics", headers: accept)
        #expect(status == 200 && head.contains(type), "\(head)")
        let samples = try samples(format, body)
        func value(_ name: String, _ labels: [String: String]) -> Double? {
            samples.first { $0.name == name && $0.labels == labels }?.value
        }
        for station in ["a", "b"] {
            let filter = ["stage": "odd", "station": station]
            #expect(value("pipe_stage_items_in_total", filter) == 300)
            #expect(value("pipe_stage_items_out_total", filter) == 150)
            #expect(value("pipe_stage_items_dropped_total", filter.merging(["reason": "not_chosen"]) { $1 }) == 150)
            #expect(value("pipe_stage_items_dropped_total", filter.merging(["reason": "overflow"]) { $1 }) == 0)
            #expect(value("pipe_stage_state", filter.merging(["state": "ended"]) { $1 }) == 1)
            #expect(value("pipe_stage_work_seconds_count", filter) == 300)
            #expect(value("pipe_link_items_in_total", ["link": "odd.passed -> end", "station": station]) == 150)
        }
        #expect(value("pipe_run_info", ["graph": run.graph.name, "version": "1.2.3"]) == 1)
        #expect(value("pipe_books_balanced", [:]) == 1)
        #expect(value("pipe_latency_seconds_count", ["source": "source/a", "sink": "end"]) == 150)
    }

    @Test func `many copies do not make many series`() throws {
        let run = try RunUnderTest(
            """
            pipe: 1
            stages:
              source: { type: generate, count: 2, stations: 300 }
              end: { type: "null", from: { source: {} } }
            """
        )
        #expect(run.run.wait(until: .seconds(20)))
        let samples = try samples("prometheus", try run.get("/metrics").body)
        #expect(samples.count < 200, "\(samples.count)")
        #expect(
            samples.first { $0.name == "pipe_stage_items_made_total" && $0.labels["stage"] == "source" }?.value == 600
        )
    }

    @Test func `the steps of a histogram are those of the engine`() {
        var histogram = Histogram()
        for shift in 0...36 { histogram.record(1 << shift) }
        for shift in 10...35 {
            #expect(histogram.count(below: 1 << shift) == shift)
        }
        #expect(histogram.count(below: .max) == 37)
        #expect(Histogram().count(below: 1024) == 0)
    }
}
