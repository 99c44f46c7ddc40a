import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let bench: Command = .init(
        name: "bench",
        summary: "Measures pipe on this machine.",
        subcommands: [benchEngine, benchPackets, benchMef]
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
            Flag(
                name: "bare",
                summary:
                    "Keep no histograms, follow no items, and take no numbers meanwhile: what that costs is the rest."
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
                    let result = try workload.run(seconds: seconds, workers: workers, isBare: arguments.has("bare"))
                    show(workload, result, json: arguments.has("json"))
                } catch {
                    Terminal.complain("error: \(error)")
                    return .failed
                }
            }
            return .success
        }
    )

    private static let benchMef: Command = .init(
        name: "mef",
        summary: "Measures how fast a MEF 3 session is read and served.",
        details: """
            Ten segments of five minutes in order, as the benchmark of the original server has them: by the library alone,
            and through the server to one client and to three, without a network; first without work between two
            segments, then with it. Benchmarks/mef3 measures with real clients, and the original beside it.
            """,
        operands: [
            Operand(
                name: "SESSION",
                summary: "The directory of a session, which ends in .mefd.",
                completes: .directories
            )
        ],
        flags: [
            Flag(name: "segments", value: "NUMBER", summary: "Segments that are read; 10 if not stated."),
            Flag(name: "seconds", value: "NUMBER", summary: "How long a segment is; 300 if not stated."),
            Flag(name: "work", value: "SECONDS", summary: "Work on each segment; 0.3 if not stated."),
            Flag(name: "json", summary: "Print a line of JSON for each."),
        ],
        run: { arguments throws(UsageError) in
            guard let work = Double(arguments.value("work") ?? "0.3"), (0...60).contains(work) else {
                throw UsageError(message: "'--work' takes a number of seconds from 0 to 60")
            }
            let bench = MefBench(
                session: arguments.operands[0],
                segments: try arguments.number("segments", in: 1...100_000) ?? 10,
                length: try arguments.number("seconds", in: 1...1_000_000) ?? 300,
                work: work
            )
            do {
                try bench.run { row in Terminal.print(arguments.has("json") ? row.json.text() : row.text) }
            } catch {
                throw UsageError(message: "\(error)", code: .failed)
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
