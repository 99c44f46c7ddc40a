import Frames
import HTTPServer
import HTTPTestClient
import PipeCore
import PipeKit
import Testing

@testable import RunPage

/// Sends the sample pictures at a rate, a megabyte of filling behind each where a test wants large ones.
struct Pictures: Source {
    static let info = StageInfo("pictures", "Pictures for tests.", example: "rate: 30/s")

    @Output("Pictures.") var frames: Sender<EncodedFrame>

    @Option("How many.", in: 1...) var count = 1_000_000
    @Option("How fast.", in: Rate(perHour: 1)...) var rate: Rate
    @Option("Bytes of filling.", in: 0...10_000_000) var filling = 0

    private var pace: Pace?
    private var sent = 0
    private let pool = BufferPools(keeping: .mebibytes(16))

    mutating func start(_ context: StageContext) { pace = Pace(rate, from: context.now) }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        var made = 0
        while made < room, sent < count {
            guard let due = pace?.due, due <= context.now else { break }
            if let sample = EncodedFrame.sample(sent) {
                let bytes = Array(sample.bytes) + [UInt8](repeating: 0, count: filling)
                if let frame = EncodedFrame(bytes, in: pool) { frames.send(frame) }
            }
            pace?.advance()
            (sent, made) = (sent + 1, made + 1)
        }
        if sent >= count { return .ended }
        return .at(pace?.due ?? context.now)
    }
}

@Suite(.timeLimit(.minutes(10)))
struct PictureTests {
    private static func graph(_ options: String, view: String = "") -> String {
        """
        pipe: 1
        stages:
          camera: { type: pictures, \(options) }
          view: { type: web_view, from: camera\(view) }
        """
    }

    /// The parts of a multipart answer that came whole, without the lengths of its chunks.
    private func parts(_ bytes: [UInt8]) -> [(head: String, body: [UInt8])] {
        guard let begin = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
        var rest = dechunked(bytes[begin.upperBound...])[...]
        var found: [(String, [UInt8])] = []
        while let head = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let text = String(decoding: rest[..<head.lowerBound], as: UTF8.self)
            guard let length = text.split(separator: "Content-Length: ").last.flatMap({ Int($0) }),
                rest.endIndex >= head.upperBound + length + 2
            else { break }
            let body = rest[head.upperBound..<head.upperBound + length]
            guard rest[body.endIndex...].starts(with: [13, 10]) else { break }
            found.append((text, Array(body)))
            rest = rest[(body.endIndex + 2)...]
        }
        return found
    }

    private func dechunked(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = bytes
        var body: [UInt8] = []
        while let line = rest.firstRange(of: [13, 10]),
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), size > 0
        {
            body += rest[line.upperBound...].prefix(size)
            guard rest.endIndex >= line.upperBound + size + 2 else { break }
            rest = rest[(line.upperBound + size + 2)...]
        }
        return body
    }

    @Test(arguments: ["/views/view.mjpeg", "/video_feed"])
    func `pictures come in the shape of the lab's first server`(path: String) throws {
        let run = try RunUnderTest(Self.graph("rate: 100/s", view: ", path: /video_feed"))
        #expect(until { (run.board.panels.first?.count ?? 0) > 0 })
        let client = try run.watch(path)
        while parts(client.received).count < 10 { try #require(client.readOnce()) }
        #expect(client.text.contains("Content-Type: multipart/x-mixed-replace; boundary=frame\r\n"))
        var date = 1_767_225_600.0  // when the run began
        for (number, part) in parts(client.received).enumerated() {
            let sample = try #require(EncodedFrame.sample(0)), other = try #require(EncodedFrame.sample(1))
            let lines = part.head.split(separator: "\r\n")
            #expect(
                lines[..<3] == ["--frame", "Content-Type: image/jpeg", "Cache-Control: no-cache"],
                "part \(number)"
            )
            #expect(lines[4...] == ["Content-Length: \(part.body.count)"])
            let next = try #require(Double(lines[3].dropFirst("X-Timestamp: ".count)))
            #expect(lines[3].hasPrefix("X-Timestamp: ") && (date..<1_767_225_660).contains(next))
            date = next
            #expect(part.body == Array(sample.bytes) || part.body == Array(other.bytes))
        }
        let still = try run.get("/views/view.jpg")
        #expect(still.status == 200 && still.head.contains("image/jpeg"))
    }

    @Test func `an unchanged picture is sent again`() throws {
        let run = try RunUnderTest(Self.graph("rate: 100/s, count: 1"))
        #expect(run.run.wait(until: .seconds(20)))
        let client = try run.watch("/views/view.mjpeg")
        while parts(client.received).count < 2 { try #require(client.readOnce()) }
        #expect(parts(client.received)[0].body == parts(client.received)[1].body)
    }

    @Test func `before the first picture there is none`() throws {
        let graph = """
            pipe: 1
            stages:
              camera: { type: pictures, rate: 100/s }
              none: { type: fault, from: camera, lose: 100% }
              view: { type: web_view, from: none, path: /video_feed }
            """
        let run = try RunUnderTest(graph)
        #expect(until { !run.board.panels.isEmpty })
        #expect(try run.get("/video_feed").status == 503)
        #expect(try run.get("/views/view.jpg").status == 404)
    }

    /// Ten clients that never read, of pictures as large as a camera's: all of them are shown, and nothing is dropped.
    @Test func `slow clients change nothing for the graph`() throws {
        func books(slow: Int) throws -> (stages: [StageBooks], links: [LinkBooks], shown: Int) {
            let run = try RunUnderTest(Self.graph("rate: 200/s, count: 200, filling: 200000")) {
                $0.sendBuffer = 16_384
            }
            let clients = try (0..<slow).map { _ in try run.watch("/views/view.mjpeg", receiveBuffer: 4096) }
            #expect(run.run.wait(until: .seconds(30)))
            let outcome = run.finish()
            #expect(outcome.numbers.imbalances(hasEnded: true).isEmpty && outcome.troubles.isEmpty)
            let shown = run.board.panels.first?.count ?? 0
            withExtendedLifetime(clients) {}
            return (outcome.numbers.stages.map(\.books), outcome.numbers.links.map(\.books), shown)
        }
        let (alone, watched) = (try books(slow: 0), try books(slow: 10))
        #expect(alone.stages == watched.stages && alone.links == watched.links)
        #expect(alone.shown == 200 && watched.shown == 200)
    }

    /// By the buffers that the system has for a connection anyhow, they would be twenty and more.
    @Test func `few pictures wait for a client that reads slowly`() throws {
        let run = try RunUnderTest(Self.graph("rate: 500/s, count: 200, filling: 20000"))
        #expect(until { (run.board.panels.first?.count ?? 0) > 0 })
        let client = try run.watch("/views/view.mjpeg", receiveBuffer: 4096)
        #expect(run.run.wait(until: .seconds(30)))
        let last = try #require(run.board.panels.first?.latest).date
        while !client.text.contains("X-Timestamp: \(last)\r\n") { try #require(client.readOnce()) }
        #expect(parts(client.received).count < 10)
    }

    @Test func `a slow client gets the latest picture, not all that it missed`() {
        let board = Board()
        let panel = board.panel("view", Panel.Setup(title: "view"))
        let stream = PictureStream(panel)
        func show(_ number: Int) {
            guard let frame = EncodedFrame.sample(number) else { return }
            panel.show(
                .picture(frame.buffer, count: frame.byteCount, type: "image/jpeg"),
                date: Double(number),
                age: .zero
            )
        }
        for number in 0..<5 { show(number) }
        guard case .send(let pieces) = stream.next(), case .later = stream.next() else {
            Issue.record("one picture is sent, and then none")
            return
        }
        #expect(Array(pieces[1].bytes) == EncodedFrame.sample(4).map { Array($0.bytes) })
    }
}
