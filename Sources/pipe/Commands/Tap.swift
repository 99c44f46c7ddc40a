import Glibc
import PipeCore
import PipeGraph
import PipeKit
import RunControl

extension Command {
    static let tap: Command = .init(
        name: "tap",
        summary: "Shows the items of a link while the graph runs.",
        details: """
            Items are shown as they leave the link. The link is never slowed: what cannot be shown in time is left out, and
            how many those are is said. Links are named as in the books: 'camera.frames -> fit'; the name of a stage stands
            for the link that leads to it.
            """,
        operands: [
            Operand(name: "RUN", summary: "The run."),
            Operand(name: "LINK", summary: "A link, or a stage that one link leads to."),
        ],
        flags: [
            Flag(name: "count", short: "n", value: "NUMBER", summary: "End after so many items."),
            Flag(name: "every", value: "TIME", summary: "One item in so long at most."),
            Flag(name: "where", value: "EXPRESSION", summary: "Only items for which this holds."),
            Flag(name: "save", value: "DIR", summary: "Save pictures there.", completes: .directories),
            .json,
        ],
        examples: [
            ("pipe tap gate 'camera.frames -> fit' --every 1s", "One item a second."),
            ("pipe tap gate alarms --where 'temperature > 30' -n 1", "The next that is hot."),
        ],
        run: { arguments throws(UsageError) in
            let client = try RunChoice().client(arguments.operands[0])
            let link = try link(arguments.operands[1], client)
            let folder = arguments.value("save")
            if let folder, mkdir(folder, 0o777) != 0, errno != EEXIST {
                throw UsageError(message: "'\(folder)' cannot be made: \(SystemFailure().words)", code: .failed)
            }
            let interval = try arguments.duration("every")
            let request = JSON.compact([
                "link": .string(link),
                "count": try arguments.number("count", in: 1...Int.max).map { .integer($0) },
                "every": interval.map { .number($0.seconds) },
                "where": arguments.value("where").map { .string($0) },
                "picture": folder == nil ? nil : true,
            ])
            try orUsage { () throws(ControlClient.Failure) in _ = try client.send("tap", request) }
            var view = TapView(width: isatty(STDOUT_FILENO) == 1 ? Terminal.width : .max, folder: folder)
            while true {
                let line: ControlClient.Line?
                do throws(ControlClient.Failure) {
                    line = try client.next(within: .seconds(3600))
                } catch {
                    guard error.isEnd else { throw UsageError(message: error.message, hint: error.hint, code: .failed) }
                    Terminal.complain("the run has ended")
                    return .success
                }
                switch line {
                case nil: continue
                case .event(let event): try view.show(event, asJSON: arguments.has("json"))
                case .answer(_, let end):
                    if case .integer(let shed)? = end["shed"], shed > 0 {
                        Terminal.complain("\(counted(shed, "item")) came too fast to be shown")
                    }
                    return .success
                }
            }
        }
    )

    /// A link by its name, or by that of the stage behind it.
    private static func link(_ word: String, _ client: ControlClient) throws(UsageError) -> String {
        guard !word.contains("->") else { return word }
        let answer = try orUsage { () throws(ControlClient.Failure) in try client.ask("snapshot") }
        let names = Set(try RunStatus(answer).numbers.links.filter { !$0.isIntake }.map(\.name)).sorted()
        let matches = names.filter { $0.hasSuffix(" -> \(word)") || $0.contains(" -> \(word).") }
        if matches.count == 1 { return matches[0] }
        throw UsageError(
            message: matches.isEmpty
                ? "no link leads to '\(word)'" : "\(matches.count) links lead to '\(word)'",
            hint:
                "name one of \((matches.isEmpty ? names : matches).prefix(8).map { "'\($0)'" }.joined(separator: ", "))",
            code: .failed
        )
    }
}

/// Writes items as lines, and their pictures as files.
private struct TapView {
    let width: Int
    let folder: String?
    private var shed = 0

    init(width: Int, folder: String?) { (self.width, self.folder) = (width, folder) }

    mutating func show(_ event: JSON, asJSON: Bool) throws(UsageError) {
        let file = try save(event)
        if asJSON {
            var event = event
            event["picture"] = file.map { .string($0) }
            return Terminal.print(event.text())
        }
        if case .integer(let total)? = event["shed"], total > shed {
            Terminal.complain("(\(counted(total - shed, "item")) came too fast to be shown)")
            shed = total
        }
        func time(_ name: String) -> String { Duration.seconds(event[name]?.double ?? 0).short }
        var parts = ["\(event["source"]?.string ?? "?")#\(event["sequence"]?.text() ?? "?")"]
        if let key = event["key"]?.string { parts.append("key \(key)") }
        parts.append("age \(time("age"))")
        parts.append("waited \(time("waited"))")
        if let file { parts.append(file) }
        parts.append(event["value"]?.text() ?? "")
        let line = parts.joined(separator: "  ")
        Terminal.print(line.count > width ? line.prefix(max(1, width - 1)) + "…" : line)
    }

    /// The file of the item's picture; nil where it has none.
    private func save(_ event: JSON) throws(UsageError) -> String? {
        guard let folder, let picture = event["picture"], let ending = picture["type"]?.string,
            ending.allSatisfy({ $0.isASCII && $0.isLetter }),
            let bytes = picture["base64"]?.string.flatMap(Base64.decoded)
        else { return nil }
        let source = (event["source"]?.string ?? "item").map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "_" }
        let path = "\(folder)/\(String(source))-\(event["sequence"]?.text() ?? "0").\(ending)"
        try writeFile(bytes, to: path)
        return path
    }
}
