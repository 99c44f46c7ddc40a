import Frames
import Glibc
import HTTPServer
import HTTPTestClient
import PipeCore
import Testing

@testable import RunPage

@Suite(.timeLimit(.minutes(10)))
struct PageTests {
    /// A source that goes on, what it makes on the page.
    private static let endless = """
        pipe: 1
        name: endless
        description: Goes on and on.
        stages:
          source: { type: generate, rate: 200/s, fields: { t: 20 + item.sequence % 5 } }
          view: { type: web_view, from: source, title: Readings, plot: { temperature: t } }
        """

    @Test func `what is embedded is what stands in the files`() throws {
        let folder = String(#filePath.dropLast("/Tests/RunPageTests/PageTests.swift".count)) + "/Sources/RunPage/Page"
        for file in PageFile.all {
            let name = file.path == "/" ? "/page.html" : file.path
            let stream = try #require(fopen(folder + name, "r"))
            defer { fclose(stream) }
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = fread(&bytes, 1, bytes.count, stream)
            #expect(Array(file.text.utf8) == Array(bytes[..<count]), "run scripts/generate-page")
        }
    }

    @Test func `the page loads nothing from elsewhere and has no script of its own`() throws {
        let run = try RunUnderTest(Self.endless)
        let (status, head, body) = try run.get("/")
        #expect(status == 200 && head.contains("Content-Type: text/html; charset=utf-8"))
        #expect(
            !body.contains("http://") && !body.contains("https://") && !body.contains("<style")
                && !body.contains("onclick")
        )
        #expect(body.components(between: "<script", and: "</script>") == [" src=\"/page.js\" defer>"])
        for path in ["/page.css", "/page.js", "/icon.svg"] {
            let file = try run.get(path)
            #expect(file.status == 200 && !file.body.isEmpty)
            #expect(!file.body.replacing("http://www.w3.org", with: "").contains("http://"), "\(path)")
        }
    }

    @Test func `the graph and its numbers have the same names`() throws {
        let run = try RunUnderTest(Self.endless)
        let graph = try JSON(parsing: try run.get("/api/graph").body)
        let numbers = try JSON(parsing: try run.get("/api/numbers").body)
        #expect(graph["name"] == "endless" && graph["description"] == "Goes on and on.")
        #expect(names(graph["stages"]) == ["source", "view"] && names(graph["stages"]) == names(numbers["stages"]))
        #expect(names(graph["links"]) == ["source.items -> view"] && names(graph["links"]) == names(numbers["links"]))
        #expect(numbers["balanced"] == true && numbers["draining"] == false)
    }

    private func names(_ list: JSON?) -> [JSON?] {
        if case .array(let values)? = list { values.map { $0["name"] } } else { [] }
    }

    @Test func `numbers come as events, and the points of plots beside them`() throws {
        let run = try RunUnderTest(Self.endless)
        let client = try run.watch("/api/stream")
        let text = try client.read { $0.split(separator: "event: numbers").count > 4 && $0.contains("\"temperature\"") }
        #expect(text.contains("Content-Type: text/event-stream"))
        #expect(text.contains("X-Accel-Buffering: no") && text.contains("Cache-Control: no-cache"))
        #expect(text.contains("event: views\ndata: {\"panels\":[{\"name\":\"view\",\"title\":\"Readings\""))
        // What one event brings, the next goes on from.
        let events = text.components(between: "event: views\ndata: ", and: "\n\n").compactMap { try? JSON(parsing: $0) }
        let panels = events.compactMap { event -> JSON? in
            if case .array(let panels)? = event["panels"] { panels.first } else { nil }
        }
        #expect(panels.count > 1)
        for (panel, next) in zip(panels, panels.dropFirst()) { #expect(panel["last"] == next["after"]) }
    }

    @Test func `a panel is also served alone`() throws {
        let run = try RunUnderTest(Self.endless)
        #expect(until { !run.board.panels.isEmpty })
        let client = try run.watch("/views/view.events")
        let text = try client.read {
            $0.split(separator: "data: {\"sequence\"").count > 3 || $0.split(separator: "data: {").count > 3
        }
        #expect(text.contains("text/event-stream"))
        let json = try JSON(parsing: try run.get("/views/view.json").body)
        #expect(json["series"] == ["temperature"])
        guard case .array(let points)? = json["points"], case .array(let point)? = points.first else {
            Issue.record("no points")
            return
        }
        #expect(point.count == 2)
        #expect(try run.get("/views/nobody.json").status == 404)
        #expect(try run.get("/views/view.mjpeg").status == 404)
        #expect(try run.get("/views/view.exe").status == 404)
        #expect(try run.get("/views/").status == 404)
    }

    @Test func `the lab's web clients find their telemetry`() throws {
        let run = try RunUnderTest(
            """
            pipe: 1
            stages:
              source: { type: generate, rate: 100/s, fields: { t: item.sequence } }
              view: { type: web_view, from: source, path: /api/telemetry/stream, form: telemetry, plot: { rf: t } }
            """
        )
        #expect(until { !run.board.panels.isEmpty })
        let client = try run.watch("/api/telemetry/stream")
        let text = try client.read { $0.split(separator: "data: {").count > 3 }
        #expect(text.contains("Cache-Control: no-cache") && !text.contains("event:") && !text.contains("\nid:"))
        let last = try #require(text.components(between: "data: ", and: "\n\n").last)
        let json = try JSON(parsing: last)
        guard case .array(let points)? = json["rf"], case .number? = points.first?["t"],
            case .number? = points.first?["v"]
        else {
            Issue.record("\(last)")
            return
        }
        #expect(json["timestamp"] != nil && json["camera"]?["is_live"] == false && json["data_sources"] == ["view"])
    }

    @Test func `only who has the token changes the run`() throws {
        let run = try RunUnderTest(Self.endless)
        for path in ["/api/drain", "/api/stop"] {
            #expect(try run.post(path, token: nil).status == 401)
            #expect(try run.post(path, token: "the-toke").status == 401)
            #expect(try run.get(path).status == 405)
        }
        #expect(!run.isDraining.value && !run.isStopped.value)
        #expect(try run.get("/readyz").status == 200)
        let drained = try run.post("/api/drain", token: "the-token")
        #expect(drained.status == 202 && drained.body == "{\"status\":\"draining\"}")
        #expect(run.isDraining.value)
        #expect(run.run.wait(until: .seconds(20)))
        #expect(try run.get("/readyz").status == 503)
        #expect(try run.get("/healthz").status == 200)
        #expect(try run.post("/api/stop", token: "the-token").status == 202)
        #expect(run.isStopped.value)
    }

    @Test func `without a token nobody does, and monitors get no page`() throws {
        let run = try RunUnderTest(Self.endless, token: nil)
        #expect(try run.post("/api/stop", token: "").status == 403)
        #expect(try run.post("/api/stop", token: "anything").status == 403)
        let metrics = try RunUnderTest(Self.endless, scope: .metrics)
        #expect(try metrics.get("/metrics").status == 200)
        #expect(try metrics.get("/healthz").status == 200)
        for path in ["/", "/api/numbers", "/api/stream", "/views/view.json"] {
            #expect(try metrics.get(path).status == 404)
        }
    }

    @Test func `health says what is wrong`() throws {
        let run = try RunUnderTest(
            """
            pipe: 1
            name: ill
            stages:
              source: { type: generate, rate: 100/s }
              shaky: { type: fault, from: source, die_after: 3 }
              end: { type: "null", from: shaky }
            """
        )
        #expect(run.run.wait(until: .seconds(20)))
        let health = try run.get("/healthz")
        #expect(health.status == 503)
        #expect(health.body == "shaky failed: it dies after 3 items, as told\n")
        #expect(try run.get("/readyz").status == 503)
        let shaped = try run.get("/health")
        let json = try JSON(parsing: shaped.body)
        #expect(shaped.status == 503 && json["status"] == "degraded" && json["service"] == "ill")
        #expect(json["checks"]?["stages"] == false && json["version"] == "1.2.3")
        #expect(try JSON(parsing: try run.get("/ready").body)["ready"] == false)
    }

    @Test func `one who reads slowly misses events and is told how many`() {
        let ring = EventRing(capacity: 4)
        let stream = EventStream(ring, first: Array("first".utf8))
        #expect(text(of: stream.next()) == "first")
        for number in 1...10 { ring.add(Array("\(number),".utf8)) }
        #expect(text(of: stream.next()) == "event: missed\ndata: {\"events\":6}\n\n7,8,9,10,")
        ring.add(Array("11,".utf8))
        #expect(text(of: stream.next()) == "11,")
        guard case .later = stream.next() else {
            Issue.record("there was nothing more")
            return
        }
    }

    private func text(of step: StreamStep) -> String {
        guard case .send(let pieces) = step else { return "" }
        return pieces.map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    }
}

extension String {
    /// What stands between two words, each time.
    func components(between start: String, and end: String) -> [String] {
        var found: [String] = []
        var rest = self[...]
        while let open = rest.firstRange(of: start), let close = rest[open.upperBound...].firstRange(of: end) {
            found.append(String(rest[open.upperBound..<close.lowerBound]))
            rest = rest[close.upperBound...]
        }
        return found
    }
}
