import HTTPServer
import PipeCore
import Synchronization

/// The pictures of a panel as one endless answer (MJPEG): the latest is sent when the client has taken the one before, so
/// that a slow one skips pictures and sees none that is old.
final class PictureStream: ClientStream {
    private let panel: Panel
    private let state = Mutex<(shown: Int, at: ContinuousClock.Instant)>((0, .now))
    /// An unchanged picture is sent again: some clients take a stream that rests for one that has ended.
    private let rest = Duration.seconds(1)

    init(_ panel: Panel) { self.panel = panel }

    static let type = "multipart/x-mixed-replace; boundary=frame"

    func next() -> StreamStep {
        state.withLock { state in
            let now = ContinuousClock.now
            guard let entry = panel.latest, case .picture(let buffer, let count, let type) = entry.content,
                entry.number > state.shown || now - state.at >= rest
            else { return .later }
            state = (entry.number, now)
            let head = [
                "--frame", "Content-Type: \(type)", "Cache-Control: no-cache", "X-Timestamp: \(entry.date)",
                "Content-Length: \(count)", "", "",
            ]
            return .send([
                Piece(Array(head.joined(separator: "\r\n").utf8)),
                Piece(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]), of: buffer),
                Piece(Array("\r\n".utf8)),
            ])
        }
    }
}

/// The documents of a panel as events, one each.
final class DocumentStream: ClientStream {
    private let panel: Panel
    private let state: Mutex<(cursor: Int, lastSent: ContinuousClock.Instant)>
    /// So many events are given to a client at once; a page draws no faster.
    private static let most = 64

    init(_ panel: Panel) {
        self.panel = panel
        state = Mutex((panel.count, .now))
    }

    func next() -> StreamStep {
        state.withLock { state in
            let now = ContinuousClock.now
            let (entries, missed) = panel.entries(after: state.cursor, limit: Self.most)
            guard let last = entries.last else {
                guard now - state.lastSent > aliveInterval else { return .later }
                state.lastSent = now
                return .send([Piece(Array(": alive\n\n".utf8))])
            }
            state = (last.number, now)
            var bytes = missed > 0 ? event("missed", "{\"events\":\(missed)}") : []
            for entry in entries { if let text = entry.text { bytes += event(nil, text) } }
            return .send([Piece(bytes)])
        }
    }
}

/// Twice a second everything that a panel plots, with its times: what the web clients of the lab read.
final class TelemetryStream: ClientStream {
    private let panel: Panel
    private let board: Board
    private let date: @Sendable () -> Double
    private let state = Mutex<(date: Double, frames: Int)?>(nil)

    init(_ panel: Panel, _ board: Board, date: @escaping @Sendable () -> Double) {
        self.panel = panel
        self.board = board
        self.date = date
    }

    func next() -> StreamStep {
        state.withLock { last in
            let now = date()
            // The server asks every half second: a little early is not too early.
            if let last, now - last.date < 0.45 { return .later }
            let camera = board.panels.filter { $0.showsPictures ?? false }.max {
                ($0.latest?.date ?? 0) < ($1.latest?.date ?? 0)
            }
            let frames = camera?.count ?? 0
            let rate = last.map { Double(frames - $0.frames) / (now - $0.date) }
            last = (now, frames)
            return .send([Piece(event(nil, Telemetry(panel, camera: camera?.latest, rate: rate, now).json.text()))])
        }
    }
}

/// One event of it.
struct Telemetry {
    let json: JSON
    /// How far back it goes, and how old a picture may be that counts as live: both as the first server had them.
    private static let window = 300.0
    private static let liveAge = 5.0

    init(_ panel: Panel, camera: Panel.Entry?, rate: Double?, _ now: Double) {
        let entries = panel.entries(after: 0).entries.filter { $0.date >= now - Self.window }
        let channels = panel.setup.series.enumerated().map { place, name in
            let points: [JSON] = entries.compactMap { entry in
                entry.number(place).map { ["t": .number(entry.date), "v": .number($0)] }
            }
            return JSON.Member(name, .array(points))
        }
        let picture: JSON = [
            "latency_ms": camera.map { .number(($0.age.seconds * 1e6).rounded() / 1e3) } ?? .null,
            "is_live": .bool(camera.map { now - $0.date <= Self.liveAge } ?? false),
            "high_delay_warning": .bool((camera?.age ?? .zero) > .milliseconds(500)),
            "fps": rate.map { .number(($0 * 10).rounded() / 10) } ?? .null,
        ]
        json = .object(
            channels + [
                .init("timestamp", .number(now)), .init("camera", picture),
                .init("data_sources", .strings([panel.name])),
            ]
        )
    }
}

extension Panel.Entry {
    /// The text of a document.
    var text: String? {
        if case .document(let text, _) = content { String(decoding: text, as: UTF8.self) } else { nil }
    }

    /// One of the numbers that are plotted.
    func number(_ place: Int) -> Double? {
        guard case .document(_, let numbers) = content, place < numbers.count else { return nil }
        return numbers[place]
    }
}

extension Panel {
    /// Whether it shows pictures; nil while it has shown nothing.
    var showsPictures: Bool? {
        latest.map { if case .picture = $0.content { true } else { false } }
    }

    /// What a page must know to show it, without its entries.
    var described: JSON {
        let kind = showsPictures.map { $0 ? "picture" : "document" } ?? "empty"
        return .compact([
            "name": .string(name),
            "title": .string(setup.title),
            "kind": .string(kind),
            "series": .strings(setup.series),
            "shown": .integer(count),
            "path": setup.path.map { .string($0) },
            "date": latest.map { .number($0.date) },
            "age": latest.map { .number($0.age.seconds) },
        ])
    }

    /// Everything above, the points of its plots that came after `number`, and the last document.
    func points(after number: Int) -> JSON {
        let (entries, missed) = entries(after: number)
        guard case .object(let members) = described else { return described }
        let points = entries.compactMap { entry -> JSON? in
            guard case .document = entry.content else { return nil }
            let numbers = setup.series.indices.map { entry.number($0).map { JSON.number($0) } ?? .null }
            return .array([.number(entry.date)] + numbers)
        }
        var more: [JSON.Member] = [
            .init("after", .integer(number)), .init("last", .integer(entries.last?.number ?? number)),
            .init("missed", .integer(missed)), .init("points", .array(points)),
        ]
        if let text = entries.last?.text { more.append(.init("latest", .string(text))) }
        return .object(members + more)
    }
}
