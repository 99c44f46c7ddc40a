import HTTPServer
import PipeCore
import PipeGraph

/// Whether a run is well, from its numbers alone.
struct Health {
    /// What is wrong with it; empty where all goes on.
    var ills: [String] = []
    /// Why nothing should be sent to it now, though it may be well.
    var delays: [String] = []

    init(_ numbers: RunNumbers, isDraining: Bool) {
        for stage in numbers.stages {
            switch stage.state {
            case .failed: ills.append("\(stage.fullName) failed: \(stage.failure ?? "unknown")")
            case .restarting: delays.append("\(stage.fullName) is started anew")
            case .stalled: delays.append("\(stage.fullName) gets nothing")
            case .running, .blocked, .ended: break
            }
        }
        ills += numbers.imbalances(hasEnded: false).map { "the books do not balance: \($0)" }
        if isDraining { delays.append("the run comes to its end") }
    }

    var isWell: Bool { ills.isEmpty }
    var isReady: Bool { isWell && delays.isEmpty }

    /// For a supervisor: the first says whether to kill the run, the second whether to count on it.
    var healthz: Response { Response(isWell ? 200 : 503, isWell ? "ok\n" : lines(ills)) }
    var readyz: Response { Response(isReady ? 200 : 503, isReady ? "ready\n" : lines(ills + delays)) }

    private func lines(_ words: [String]) -> String { words.joined(separator: "\n") + "\n" }

    /// The same in the shape of the lab's first server.
    func health(_ run: WatchedRun, at: Instant) -> Response {
        let uptime = (at - .zero).seconds
        let shows = run.board.panels
        let body: JSON = [
            "status": .string(isWell ? "healthy" : "degraded"),
            "timestamp": .number(run.began + uptime),
            "uptime_seconds": .number(uptime),
            "uptime_formatted": .string(Self.clock(uptime)),
            "version": .string(run.version),
            "service": .string(run.graph.name),
            "checks": [
                "server": true,
                "stages": .bool(ills.isEmpty),
                "telemetry_available": .bool(shows.contains { $0.count > 0 && !$0.setup.series.isEmpty }),
            ],
            "problems": .strings(ills + delays),
        ]
        return Response(isWell ? 200 : 503, Array(body.text().utf8), type: jsonType)
    }

    func ready() -> Response {
        let body: JSON = [
            "ready": .bool(isReady),
            "checks": ["stages": .bool(isWell), "running": .bool(delays.isEmpty)],
            "problems": .strings(ills + delays),
        ]
        return Response(isReady ? 200 : 503, Array(body.text().utf8), type: jsonType)
    }

    /// `1:02:03`
    static func clock(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e9)))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}

let jsonType = "application/json; charset=utf-8"
