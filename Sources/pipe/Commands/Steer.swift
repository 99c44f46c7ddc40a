import PipeCore
import RunControl

extension Command {
    static let stop: Command = .init(
        name: "stop",
        summary: "Stops a running graph: its sources first, and what is under way comes to its end.",
        operands: [.run],
        flags: [Flag(name: "now", summary: "Do not wait for what is under way.")],
        examples: [("pipe stop gate", "As an interrupt would.")],
        run: { arguments throws(UsageError) in
            let client = try RunChoice().client(arguments.operands.first)
            try orUsage { () throws(ControlClient.Failure) in
                _ = try client.ask(arguments.has("now") ? "stop" : "drain")
            }
            return .success
        }
    )

    static let log: Command = .init(
        name: "log",
        summary: "Sets what a running graph tells.",
        operands: [
            Operand(name: "RUN", summary: "The run."),
            Operand(
                name: "LEVEL",
                summary: "The least level: \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))."
            ),
        ],
        examples: [("pipe log gate debug", "Tells all.")],
        run: { arguments throws(UsageError) in
            let client = try RunChoice().client(arguments.operands[0])
            try orUsage { () throws(ControlClient.Failure) in
                _ = try client.ask("log", ["level": .string(arguments.operands[1])])
            }
            return .success
        }
    )

    static let stations: Command = .init(
        name: "stations",
        summary: "Adds stations to a running graph, or takes some out.",
        details:
            "A station that is taken out comes to its end as if its sources had ended. The graph's file stays as it is.",
        operands: [.run],
        flags: [
            Flag(name: "add", value: "NAME", summary: "A station that begins now.", repeats: true),
            Flag(name: "remove", value: "NAME", summary: "A station that comes to its end.", repeats: true),
            Flag(name: "stage", value: "STAGE", summary: "The stage that states them, where several do."),
        ],
        examples: [("pipe stations kitchen --add table-7", "One more.")],
        run: { arguments throws(UsageError) in
            let request = JSON.compact([
                "add": .strings(arguments.values["add"] ?? []), "remove": .strings(arguments.values["remove"] ?? []),
                "stage": arguments.value("stage").map { .string($0) },
            ])
            let client = try RunChoice().client(arguments.operands.first)
            try orUsage { () throws(ControlClient.Failure) in _ = try client.ask("stations", request) }
            return .success
        }
    )
}
