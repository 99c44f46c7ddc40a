import HTTPServer
import PipeCore
import PipeGraph
import PipeKit
import RunControl
import RunPage

// Who may look at a run, and steer it.
extension GraphRun {
    /// Serves the page that the graph or the command line asks for, before anything begins: an address that is taken ends
    /// the run before it has done anything.
    func startServers(_ signals: Signals) throws(UsageError) -> RunServers {
        let watched = WatchedRun(
            graph,
            version: pipeVersion,
            board: board,
            workers: run.workerCount,
            began: began,
            numbers: { [run] in run.numbers },
            time: { [run] in run.time },
            isDraining: { signals.count > 0 },
            drain: { signals.ask(toStopAtOnce: false) },
            stop: { signals.ask(toStopAtOnce: true) }
        )
        var servers = RunServers()
        if let address = settings.web ?? graph.web?.listen.address {
            var limits = ServerSettings(host: address.host, port: address.port)
            limits.names = graph.web?.hosts ?? []
            limits.connections = graph.web?.connections ?? limits.connections
            let token = graph.web?.token?.reveal()
            servers.web = try RunServers.Started(RunServer(watched, .page(token: token)), limits)
        }
        if let address = settings.metrics {
            do throws(UsageError) {
                let limits = ServerSettings(host: address.host, port: address.port)
                servers.metrics = try RunServers.Started(RunServer(watched, .metrics), limits)
            } catch {
                servers.stop()
                throw error
            }
        }
        try startControl(watched, &servers)
        if !settings.quiet {
            if let url = servers.web?.url { say("the page of the run is at \(url)/") }
            if let url = servers.metrics?.url { say("numbers for monitors are at \(url)/metrics") }
        }
        return servers
    }

    /// A socket of the user's own is always there; where it cannot be made, the run goes on without.
    private func startControl(_ watched: WatchedRun, _ servers: inout RunServers) throws(UsageError) {
        let controlled = ControlledRun(
            watched,
            inside: run,
            setLevel: { [log] in log.setLeast($0) },
            change: { try self.change($0) }
        )
        var control = ControlServer.Settings(sockets: RunSockets(environment: Terminal.environment))
        if let address = settings.control {
            control.address = address
            control.token = Terminal.variable("PIPE_TOKEN").flatMap { $0.isEmpty ? nil : $0 }
            guard control.token != nil else {
                servers.stop()
                throw UsageError(
                    message: "'--control' lets who shows the token stop the run, and there is none",
                    hint: "set PIPE_TOKEN, here and where 'pipe top' is called"
                )
            }
        }
        do {
            servers.control = try ControlServer(controlled, control)
        } catch {
            guard settings.control == nil else {
                servers.stop()
                throw UsageError(message: "\(error)", code: .failed)
            }
            say("nobody can talk to this run: \(error)", .warning)
        }
    }
}

/// What is served of a run, and where.
struct RunServers {
    struct Started {
        let server: RunServer
        let url: String

        init(_ server: RunServer, _ settings: ServerSettings) throws(UsageError) {
            do throws(HTTPServerError) {
                url = try server.start(settings)
                self.server = server
            } catch {
                throw UsageError(message: error.message, hint: error.hint, code: .failed)
            }
        }
    }

    var web: Started?
    var metrics: Started?
    var control: ControlServer?

    func stop() {
        control?.stop()
        web?.server.stop()
        metrics?.server.stop()
    }
}
