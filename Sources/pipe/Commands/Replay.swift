import Glibc
import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let replay: Command = .init(
        name: "replay",
        summary: "Runs a recorded run once more, step by step as it was.",
        details: """
            Every step is compared with the recording: the same items in the same order, the same drops, or the place where
            the two part. What stages write goes to memory, or with --out to a folder. A recording that was cut off is
            replayed up to its last whole entry. Exit code 0: the same; 1: they part.
            """,
        operands: [Operand(name: "DIR", summary: "A folder that 'pipe run --record' wrote.", completes: .directories)],
        flags: [
            Flag(
                name: "until",
                value: "LINK:SEQUENCE",
                summary: "Stop where this item leaves this link, and show the state."
            ),
            Flag(name: "out", value: "DIR", summary: "Write the files of the run there.", completes: .directories),
            Flag(
                name: "drops",
                value: "FILE",
                summary: "Write a line for each item that a link dropped.",
                completes: .files
            ),
            Flag(name: "report", value: "FILE", summary: "Write all numbers as JSON.", completes: .files),
            Flag(name: "quiet", short: "q", summary: "Say only what is wrong."),
        ],
        examples: [
            ("pipe replay monday", "Runs it, and shows its books."),
            ("pipe replay monday --until 'camera.frames -> fit:371'", "Stops at one frame."),
        ],
        run: { arguments throws(UsageError) in
            let replay = try RecordedRun(arguments.operands[0])
            return try replay.perform(arguments)
        }
    )
}

/// A recording and its graph.
struct RecordedRun {
    let manifest: RecordingFolder.Manifest
    let graph: Graph
    let files = MemoryFiles()
    let replay: Replay
    let size: Int

    init(_ path: String) throws(UsageError) {
        let folder = RecordingFolder(path)
        let manifest: RecordingFolder.Manifest
        let entries: [UInt8]
        do {
            manifest = try folder.manifest()
            entries = try folder.entries()
        } catch {
            throw UsageError(message: "\(error)", code: .failed)
        }
        self.manifest = manifest
        size = entries.count
        var options = CheckOptions(environment: Terminal.environment)
        options.params = manifest.params
        options.texts = manifest.texts
        options.looksAtWorld = false
        let checker = GraphChecker(catalogue: pipeCatalogue, options: options)
        let result = checker.check(path: manifest.graph)
        guard let graph = result.graph else {
            Terminal.complain(TextReport(colour: Terminal.talksInColour).text(result.findings, result.files))
            throw UsageError(
                message: "the recorded graph is wrong here",
                hint: "was it recorded by another version of pipe, or with other variables?",
                code: .wrongGraph
            )
        }
        self.graph = graph
        var engine = EngineOptions(epoch: manifest.epoch, files: files)
        engine.seed = manifest.seed
        replay = Replay(graph.plan, engine, sources: graph.recordedSources, recording: entries)
    }

    /// What comes of the whole of it.
    func outcome() throws(UsageError) -> RunOutcome {
        do throws(Replay.Difference) {
            while try replay.step() {}
        } catch {
            throw UsageError(
                message: "the replay parts from the recording at \(replay.time.short): \(error)",
                code: .failed
            )
        }
        return replay.finish()
    }

    func perform(_ arguments: Arguments) throws(UsageError) -> ExitCode {
        let breakpoint = try Breakpoint(arguments.value("until"), replay)
        var difference: Replay.Difference?
        do throws(Replay.Difference) {
            while try replay.step() { if breakpoint?.isReached() ?? false { break } }
        } catch {
            difference = error
        }
        let outcome = replay.finish()
        if let path = arguments.value("drops") {
            let lines = replay.drops.map { "\($0.link)\t\($0.source)#\($0.sequence)\t\($0.reason.rawValue)\n" }
            try writeFile(lines.joined(), to: path)
        }
        if let folder = arguments.value("out") { try write(to: folder) }
        if let path = arguments.value("report") {
            try writeFile(RunReport(graph, outcome).json.text(pretty: true) + "\n", to: path)
        }
        if !arguments.has("quiet") { tell(outcome, breakpoint) }
        guard let difference else { return .success }
        Terminal.complain("error: the replay parts from the recording at \(replay.time.short): \(difference)")
        Terminal.complain(
            "  help: a stage goes by something that no recording holds, or this is another version of pipe"
        )
        return .failed
    }

    private func tell(_ outcome: RunOutcome, _ breakpoint: Breakpoint?) {
        let table = RunTable(colour: Terminal.talksInColour, width: Terminal.talkWidth)
        Terminal.complain(table.text(outcome.numbers))
        let time = Duration.nanoseconds(replay.time.nanoseconds).short
        if let breakpoint, breakpoint.found == nil {
            let drop = replay.drops.first { $0.link == breakpoint.link && $0.sequence == breakpoint.sequence }
            Terminal.complain(
                drop.map { "\($0.source)#\($0.sequence) was dropped in the link: \($0.reason.rawValue)" }
                    ?? "no item \(breakpoint.sequence) came to '\(breakpoint.link)'"
            )
        }
        let end =
            breakpoint?.found.map { "item \($0.sequence) leaves the link, \($0.age.short) old: \($0.value.text())" }
            ?? (replay.hasEnded ? "to its end" : "up to where the recording was cut off")
        Terminal.complain("\(graph.name): \(time) of the run replayed, \(grouped(replay.entries)) entries, \(end)")
    }

    private func write(to folder: String) throws(UsageError) {
        let disk = DiskFiles()
        let here = workingDirectory + "/"
        for (path, bytes) in files.contents.sorted(by: { $0.key < $1.key }) {
            // Paths of the run stand below the folder, wherever they led; those below this one as they are.
            let relative = path.hasPrefix(here) ? path.dropFirst(here.count) : path[...]
            let parts = relative.split(separator: "/").filter { $0 != "." && $0 != ".." }
            do {
                let file = try disk.open("\(folder)/\(parts.joined(separator: "/"))", .fresh)
                try file.append(bytes)
                try file.close()
            } catch {
                throw UsageError(message: "'\(folder)' cannot be written: \(error)", code: .failed)
            }
        }
    }
}

private var workingDirectory: String {
    guard let path = getcwd(nil, 0) else { return "" }
    defer { free(path) }
    return String(cString: path)
}

/// An item of a link at which a replay is to stop.
private final class Breakpoint {
    private let watch: LinkWatch
    let link: String
    let sequence: Int
    private(set) var found: (sequence: Int, age: Duration, value: JSON)?

    init?(_ text: String?, _ replay: Replay) throws(UsageError) {
        guard let text else { return nil }
        guard let colon = text.lastIndex(of: ":"), let sequence = Int(text[text.index(after: colon)...]) else {
            throw UsageError(message: "'--until \(text)' names no item", hint: "write 'camera.frames -> fit:371'")
        }
        self.sequence = sequence
        watch = LinkWatch {}
        link = String(text[..<colon])
        guard replay.add(watch, to: link) else {
            let names = replay.numbers.links.map(\.name)
            let best = Suggestion.best(for: link, among: names)
            throw UsageError(
                message: "there is no link '\(link)'",
                hint: best.map { "did you mean '\($0)'?" } ?? "links: \(names.joined(separator: ", "))"
            )
        }
    }

    func isReached() -> Bool {
        for sighting in watch.take().sightings where sighting.header.sequence == sequence {
            found = (sequence, sighting.at - sighting.header.captured, sighting.payload.described)
        }
        return found != nil
    }
}
