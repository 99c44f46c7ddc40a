public import HTTPServer
import PipeCore
public import PipeGraph
import Synchronization

/// Serves the page of a run, or only what monitors ask for.
///
/// It reads: the run's one snapshot of numbers, and the board on which stages show what they have. Two paths change something,
/// and want the token.
public final class RunServer: Sendable {
    /// What is served.
    public enum Scope: Sendable {
        /// Everything. Without a token nobody can drain or stop the run.
        case page(token: String?)
        /// Numbers and health.
        case metrics
    }

    private let run: WatchedRun
    private let scope: Scope
    private let snapshots: Snapshots
    /// Numbers twice a second, for all who watch. Slow clients find four: two seconds are kept.
    private let events = EventRing(capacity: 8)
    /// How far each panel's points have gone out.
    private let told = Mutex<[String: Int]>([:])
    private let server = Mutex<HTTPServer?>(nil)
    /// Panels of a page; a graph with more shows its first.
    private static let mostPanels = 64

    public init(_ run: WatchedRun, _ scope: Scope) {
        self.run = run
        self.scope = scope
        snapshots = Snapshots(run.numbers)
    }

    /// Begins to serve, and says under which URL. `stop` must follow.
    public func start(_ settings: ServerSettings) throws(HTTPServerError) -> String {
        let routes = routes
        let server = HTTPServer(settings, tick: { [weak self] in self?.tick() }) { routes.answer($0) }
        let port = try server.start()
        self.server.withLock { $0 = server }
        if case .page = scope { run.board.watch { [weak server] in server?.wake() } }
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        return "http://\(host):\(port)"
    }

    public func stop() {
        if case .page = scope { run.board.watch(nil) }
        let server = server.withLock { server in
            defer { server = nil }
            return server
        }
        server?.stop()
    }

    // MARK: What is served

    private var routes: Routes {
        var routes = Routes()
        addMonitoring(to: &routes)
        guard case .page(let token) = scope else { return routes }
        for file in PageFile.all {
            let bytes = Array(file.text.utf8)
            routes.get(file.path) { _ in Response(200, bytes, type: file.type).with("Cache-Control", "no-cache") }
        }
        let graph = Array(run.graph.described(takesOrders: token != nil).text().utf8)
        routes.get("/api/graph") { _ in Response(200, graph, type: jsonType) }
        routes.get("/api/numbers") { [self] _ in answer(numbers) }
        routes.get("/api/views") { [self] _ in answer(["panels": .array(panels.map { $0.points(after: 0) })]) }
        routes.get("/api/stream") { [self] _ in
            .events { [self] in EventStream(events, first: event("numbers", numbers.text())) }
        }
        routes.post("/api/drain") { [self] in change($0, token, "draining", run.drain) }
        routes.post("/api/stop") { [self] in change($0, token, "stopping", run.stop) }
        routes.otherwise { [self] in view($0.path) }
        return routes
    }

    private func addMonitoring(to routes: inout Routes) {
        routes.get("/metrics") { [self] request in
            let format = Metrics.Format(accepted: request.header("accept"))
            let text = Metrics.text(
                snapshots.numbers,
                graph: run.graph.name,
                version: run.version,
                isDraining: run.isDraining(),
                clients: openStreams,
                format
            )
            return Response(200, text, type: format.type)
        }
        routes.get("/healthz") { [self] _ in health.healthz }
        routes.get("/readyz") { [self] _ in health.readyz }
        routes.get("/health") { [self] _ in health.health(run, at: snapshots.numbers.at) }
        routes.get("/ready") { [self] _ in health.ready() }
    }

    private var health: Health { Health(snapshots.numbers, isDraining: run.isDraining()) }
    private var openStreams: Int { server.withLock { $0 }?.openStreams ?? 0 }
    private var panels: ArraySlice<Panel> { run.board.panels.prefix(Self.mostPanels) }

    private func answer(_ json: JSON) -> Response { Response(200, Array(json.text().utf8), type: jsonType) }

    /// The numbers, and beside them what a page needs to tell whether the run is well, and whether it is still the same.
    private var numbers: JSON {
        let numbers = snapshots.numbers
        let health = Health(numbers, isDraining: run.isDraining())
        guard case .object(let members) = numbers.json() else { return numbers.json() }
        return .object(
            [
                .init("graph", .string(run.graph.name)), .init("began", .number(run.began)),
                .init("draining", .bool(run.isDraining())), .init("problems", .strings(health.ills + health.delays)),
                .init("balanced", .bool(numbers.imbalances(hasEnded: false).isEmpty)),
            ] + members
        )
    }

    /// Does what changes the run, for who has the token.
    private func change(_ request: Request, _ token: String?, _ word: String, _ act: @Sendable () -> Void) -> Response {
        guard let token else {
            return Response(403, "the run takes no orders here: state 'token' under 'web' in the graph\n")
        }
        guard request.shows(token: token) else {
            return Response(401, "send 'Authorization: Bearer TOKEN' with the run's token\n")
                .with("WWW-Authenticate", "Bearer")
        }
        act()
        return Response(202, Array(JSON.object([.init("status", .string(word))]).text().utf8), type: jsonType)
    }

    // MARK: Panels

    /// `/views/NAME.mjpeg`, `.jpg`, `.json`, `.events`, and the paths that panels have of their own.
    private func view(_ path: String) -> Response? {
        if let panel = run.board.panels.first(where: { $0.setup.path == path }) {
            switch (panel.setup.form, panel.showsPictures) {
            case (.events, true?): return pictures(panel)
            case (.events, false?): return .events { DocumentStream(panel) }
            case (.events, nil):
                return Response(503, "'\(panel.name)' has shown nothing yet\n").with("Retry-After", "1")
            case (.telemetry, _): return .events { [run] in TelemetryStream(panel, run.board) { run.date } }
            }
        }
        guard path.hasPrefix("/views/"), let dot = path.lastIndex(of: ".") else { return nil }
        let name = path[..<dot].dropFirst("/views/".count)
        guard let panel = run.board.panels.first(where: { $0.name == name }) else { return nil }
        switch path[dot...] {
        case ".mjpeg": return pictures(panel)
        case ".jpg": return still(panel)
        case ".json": return answer(panel.points(after: 0))
        case ".events": return .events { DocumentStream(panel) }
        default: return nil
        }
    }

    private func pictures(_ panel: Panel) -> Response {
        guard panel.showsPictures ?? true else { return Response(404, "'\(panel.name)' shows documents\n") }
        return Response(stream: { PictureStream(panel) }, type: PictureStream.type).with("Cache-Control", "no-cache")
    }

    private func still(_ panel: Panel) -> Response {
        guard let entry = panel.latest, case .picture(let buffer, let count, let type) = entry.content else {
            return Response(404, "'\(panel.name)' has shown no picture yet\n")
        }
        return Response(200, Array(buffer.bytes[..<count]), type: type)
    }

    /// What all who watch get, made once.
    private func tick() {
        guard case .page = scope else { return }
        guard openStreams > 0 else { return told.withLock { $0.removeAll() } }
        events.add(event("numbers", numbers.text()))
        let panels = panels
        let news = told.withLock { told in
            panels.map { panel in
                let points = panel.points(after: told[panel.name] ?? panel.count)
                if case .integer(let last)? = points["last"] { told[panel.name] = last }
                return points
            }
        }
        if !news.isEmpty { events.add(event("views", JSON.object([.init("panels", .array(news))]).text())) }
    }
}
