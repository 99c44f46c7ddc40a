import PipeCore
import PipeKit
import RunControl

extension Operand {
    static let run = Operand(
        name: "RUN",
        summary: "A graph's name, a process, both as 'gate.4711', or host:port; the only run if not stated.",
        count: .optional
    )
}

/// Which run a command means.
struct RunChoice {
    private let sockets = RunSockets(environment: Terminal.environment)

    /// The runs of this user, by name.
    var all: [RunSockets.Entry] { sockets.all() }

    func client(_ word: String?) throws(UsageError) -> ControlClient {
        if let word, word.contains(":") { return try remote(word) }
        let entry = try entry(word)
        return try orUsage { () throws(ControlClient.Failure) in try ControlClient(entry) }
    }

    private func entry(_ word: String?) throws(UsageError) -> RunSockets.Entry {
        let all = all
        guard let word else {
            if let only = all.first, all.count == 1 { return only }
            throw UsageError(
                message: all.isEmpty ? "no graph runs here" : "\(all.count) graphs run here",
                hint: all.isEmpty
                    ? "start one with 'pipe run'" : "name one of \(all.map(\.name).joined(separator: ", "))",
                code: .failed
            )
        }
        let matches = all.filter { $0.graph == word || $0.name == word || "\($0.process)" == word }
        if let match = matches.first, matches.count == 1 { return match }
        guard matches.isEmpty else {
            let names = matches.map(\.name).joined(separator: ", ")
            throw UsageError(message: "\(matches.count) runs are called '\(word)'", hint: "name one of \(names)")
        }
        let names = Set(all.flatMap { [$0.graph, $0.name] }).sorted()
        let best = Suggestion.best(for: word, among: names)
        throw UsageError(
            message: "no run is called '\(word)'",
            hint: best.map { "did you mean '\($0)'?" }
                ?? (all.isEmpty ? "no graph runs here" : "runs: \(all.map(\.name).joined(separator: ", "))"),
            code: .failed
        )
    }

    private func remote(_ word: String) throws(UsageError) -> ControlClient {
        let reader = Reader()
        let node = Node(.scalar(text: word, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let address = Address.read(node, reader) else {
            throw UsageError(message: "'\(word)' is no address", hint: "write host:port, such as 127.0.0.1:7070")
        }
        guard let token = Terminal.variable("PIPE_TOKEN"), !token.isEmpty else {
            throw UsageError(
                message: "PIPE_TOKEN is not set",
                hint: "set it to the token that the run was started with"
            )
        }
        return try orUsage { () throws(ControlClient.Failure) in try ControlClient(address, token: token) }
    }
}

/// What a run refuses ends the command, with the run's own words.
func orUsage<Result>(_ body: () throws(ControlClient.Failure) -> Result) throws(UsageError) -> Result {
    do throws(ControlClient.Failure) {
        return try body()
    } catch {
        throw UsageError(message: error.message, hint: error.hint, code: .failed)
    }
}
