import PipeCore
import PipeGraph
import RunControl

extension Command {
    static let why: Command = .init(
        name: "why",
        summary: "Says what limits a running graph, and what a change would bring.",
        details: """
            It looks at what each stage spends its time on. The one that limits the others works all the time, while those
            before it are blocked or their links overflow, and those behind it are idle. A gain is what would get through
            then, as a multiple of what does now, up to what limits next.
            """,
        operands: [.run],
        flags: [
            Flag(
                name: "item",
                value: "ITEM",
                summary: "What became of one: a source and a number (camera#371), last, slowest or lost."
            ),
            Flag(name: "over", value: "TIME", summary: "How long to look; 2s if not stated."),
            .json,
        ],
        examples: [
            ("pipe why gate --over 10s", "Looks for ten seconds."),
            (
                "pipe why gate --item slowest",
                "Which way the item took that was longest under way, and where it waited."
            ),
        ],
        run: { arguments throws(UsageError) in
            if let item = arguments.value("item") {
                let client = try RunChoice().client(arguments.operands.first)
                let answer = try orUsage { () throws(ControlClient.Failure) in
                    try client.ask("item", ["item": .string(item)])
                }
                Terminal.print(arguments.has("json") ? answer.text(pretty: true) : story(answer))
                return .success
            }
            let time = try arguments.duration("over") ?? .seconds(2)
            let client = try RunChoice().client(arguments.operands.first)
            let answer = try orUsage { () throws(ControlClient.Failure) in
                try client.ask("why", ["over": .number(time.seconds)], within: time + .seconds(10))
            }
            Terminal.print(arguments.has("json") ? answer.text(pretty: true) : text(answer))
            return .success
        }
    )

    /// Its sentences, as wide as the terminal.
    private static func says(_ answer: JSON) -> [String] {
        guard case .array(let sentences)? = answer["says"] else { return [] }
        return sentences.compactMap { $0.string?.wrapped(to: Terminal.textWidth) }
    }

    private static func story(_ answer: JSON) -> String {
        func time(_ value: JSON?) -> String { value?.double.map { Duration.seconds($0).short } ?? "" }
        let lines = says(answer)
        guard case .array(let steps)? = answer["steps"] else { return lines.joined(separator: "\n") }
        var rows = [["STAGE", "BY", "THEN", "AT", "WAITED", "WORKED"]]
        for step in steps {
            let fate = [step["fate"]?.string, step["reason"]?.string].compactMap { $0 }.joined(separator: ": ")
            rows.append([
                step["stage"]?.string ?? "", step["link"]?.string ?? "", fate, time(step["at"]), time(step["waited"]),
                time(step["worked"]),
            ])
        }
        return (lines + ["", aligned(rows, textColumns: 3)]).joined(separator: "\n")
    }

    private static func text(_ answer: JSON) -> String {
        let lines = says(answer)
        guard case .array(let stages)? = answer["stages"] else { return lines.joined(separator: "\n") }
        var rows = [["STAGE", "COPIES", "RATE", "WORKING", "READY", "BLOCKED", "IDLE", "WAIT p50"]]
        for stage in stages {
            func percent(_ name: String) -> String { "\(Int((100 * (stage[name]?.double ?? 0)).rounded()))%" }
            rows.append([
                stage["name"]?.string ?? "", stage["copies"]?.text() ?? "", ratePerSecond(stage["rate"]?.double ?? 0),
                percent("working"), percent("ready"), percent("blocked"), percent("idle"),
                stage["wait_p50"]?.double.map { Duration.seconds($0).short } ?? "",
            ])
        }
        return (lines + ["", aligned(rows, textColumns: 1)]).joined(separator: "\n")
    }
}
