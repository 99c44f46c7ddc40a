import PipeCore
import PipeGraph
import PipeKit
import RunControl

extension Command {
    static let status: Command = .init(
        name: "status",
        summary: "Lists the runs of this machine, or shows the numbers of one.",
        details: "Exit code 0: well; 1: a run has failed stages, its books do not balance, or it does not answer.",
        operands: [.run],
        flags: [.json],
        examples: [
            ("pipe status", "Lists your runs."),
            ("pipe status gate --json", "Writes all numbers of one."),
        ],
        run: { arguments throws(UsageError) in
            let choice = RunChoice()
            if let word = arguments.operands.first {
                let client = try choice.client(word)
                let answer = try orUsage { () throws(ControlClient.Failure) in try client.ask("snapshot") }
                let status = try RunStatus(answer)
                if arguments.has("json") {
                    Terminal.print(answer.text(pretty: true))
                } else {
                    let table = RunTable(colour: Terminal.showsColour, width: Terminal.width)
                    Terminal.print("\(table.heading(status.graph, status.numbers))\n\(table.text(status.numbers))")
                }
                return status.isWell ? .success : .failed
            }
            return try list(choice.all, choice, asJSON: arguments.has("json"))
        }
    )

    private static func list(
        _ entries: [RunSockets.Entry],
        _ choice: RunChoice,
        asJSON: Bool
    ) throws(UsageError) -> ExitCode {
        var rows = [["RUN", "STATE", "SINCE", "OUT", "LOST", "WAITING"]]
        var answers: [JSON] = []
        var areWell = true
        for entry in entries {
            do {
                let answer = try choice.client(entry.name).ask("snapshot", within: .seconds(2))
                let status = try RunStatus(answer)
                answers.append(answer)
                rows.append([entry.name] + status.row)
                areWell = areWell && status.isWell
            } catch {
                areWell = false
                answers.append([
                    "graph": .string(entry.graph), "process": .integer(Int(entry.process)), "answers": false,
                ])
                rows.append([entry.name, "does not answer", "", "", "", ""])
            }
        }
        if asJSON {
            Terminal.print(JSON.array(answers).text(pretty: true))
        } else if entries.isEmpty {
            Terminal.complain("no graph runs here")
        } else {
            Terminal.print(aligned(rows, textColumns: 2))
        }
        return areWell ? .success : .failed
    }
}

/// What a run answered.
struct RunStatus {
    let graph: String
    let numbers: RunNumbers
    let isDraining: Bool
    let isBalanced: Bool

    init(_ answer: JSON) throws(UsageError) {
        do throws(NotNumbers) {
            numbers = try RunNumbers(answer)
        } catch {
            throw UsageError(
                message: "the run answers something else than numbers (\(error.member))",
                hint: "is it of another version of pipe?",
                code: .failed
            )
        }
        graph = answer["graph"]?.string ?? "?"
        isDraining = answer["draining"] == true
        isBalanced = answer["balanced"] == true
    }

    var isWell: Bool { isBalanced && !numbers.stages.contains { $0.state == .failed } }

    fileprivate var row: [String] {
        let ill = numbers.stages.first { [.failed, .restarting, .stalled].contains($0.state) }
        let state =
            !isBalanced
            ? "books do not balance"
            : ill.map { "\($0.fullName) \($0.state.rawValue)" } ?? (isDraining ? "draining" : "running")
        let sinks = numbers.stages.filter(\.isSink).reduce(0) { $0 + $1.out }
        let lost =
            numbers.links.reduce(0) { $0 + $1.books.dropped.total }
            + numbers.stages.reduce(0) { $0 + $1.books.dropped.total + $1.books.failed }
        let waiting = numbers.links.reduce(0) { $0 + $1.books.held }
        return [
            state, Duration.nanoseconds(numbers.at.nanoseconds).short, grouped(sinks), grouped(lost), grouped(waiting),
        ]
    }
}
