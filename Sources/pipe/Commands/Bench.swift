import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let bench: Command = .init(
        name: "bench",
        summary: "Measures pipe on this machine.",
        subcommands: [benchEngine, benchPackets]
    )

    private static let benchEngine: Command = .init(
        name: "engine",
        summary: "Measures the engine on workloads that its peers know too.",
        details: """
            Figures of one machine at one time: Benchmarks/engine runs peers beside it and compares. Books, histograms and
            time stamps are on, and each sink checks what it gets.
            """,
        flags: [
            Flag(
                name: "workload",
                value: "NAME",
                summary: "Only this one; may be given several times.",
                choices: EngineWorkload.allCases.map(\.rawValue),
                repeats: true
            ),
            Flag(name: "seconds", value: "NUMBER", summary: "How long each runs; 1 if not stated."),
            Flag(
                name: "workers",
                value: "NUMBER",
                summary: "Threads that step the stages; one a processor if not stated."
            ),
            Flag(name: "json", summary: "Print a line of JSON for each."),
        ],
        run: { arguments throws(UsageError) in
            guard let seconds = Double(arguments.value("seconds") ?? "1"), (0.001...3600).contains(seconds) else {
                throw UsageError(message: "'--seconds' takes a number from 0.001 to 3600")
            }
            let workers = try arguments.number("workers", in: 1...256)
            let names = arguments.values["workload"] ?? EngineWorkload.allCases.map(\.rawValue)
            for workload in names.compactMap(EngineWorkload.init) {
                do {
                    show(workload, try workload.run(seconds: seconds, workers: workers), json: arguments.has("json"))
                } catch {
                    Terminal.complain("error: \(error)")
                    return .failed
                }
            }
            return .success
        }
    )

    private static func show(_ workload: EngineWorkload, _ result: EngineWorkload.Result, json: Bool) {
        let rate = Double(result.items) / result.seconds
        if json {
            var line: JSON = [
                "peer": "pipe", "workload": .string(workload.rawValue), "items": .integer(result.items),
                "seconds": .number(result.seconds), "rate": .number(rate),
            ]
            for (name, value) in result.details { line[name] = value }
            Terminal.print(line.text())
        } else {
            let details = result.details.map { name, value in "  \(name) \(value.text())" }.joined()
            Terminal.print("\(workload.rawValue): \(shortest((rate / 1e3).rounded() / 1e3)) M items/s\(details)")
        }
    }
}
