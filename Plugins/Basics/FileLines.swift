import PipeCore
import PipeKit

/// Reads a file line by line; with `follow`, goes on as the file grows, as `tail -F` does.
struct FileLines: Source {
    static let info = StageInfo(
        "file_lines",
        "Reads the lines of a file.",
        example: "path: /dev/stdin"
    )

    @Output("One item a line, without its line break.") var lines: Sender<Text>

    @Option("The file.") var path: InputFile
    @Option("At its end, wait for more, and go on with a file that takes its place.") var follow = false
    @Option("Read it so often; 0 goes on until the run ends.", in: 0...1_000_000) var `repeat` = 1
    @Option("How fast lines are sent; without it, as fast as they are taken.", in: Rate(perHour: 0.01)...)
    var rate: Rate?
    @Option("A longer line is counted as failed.", in: ByteCount(1)...ByteCount.mebibytes(64))
    var maxBytes = ByteCount.kibibytes(64)
    @Option("Leave out lines that hold nothing but blanks.") var skipEmpty = false

    func check(_ report: inout Diagnostics) {
        if follow, $repeat.isStated, `repeat` != 1 {
            report.error(
                .optionConflict,
                at: $repeat,
                "a file that is followed has no end, so it cannot be repeated",
                hint: "remove 'repeat' or 'follow'"
            )
        }
    }

    func claims(_ claims: inout Claims) {
        claims.bounds($lines, to: maxBytes)
    }

    private var reader: LineReader?
    private var watch: FileWatch?
    private var ready: [String] = []
    private var next = 0
    private var isReading = false
    private var hasReadAll = false
    private var pace: Pace?

    /// What an operation of this stage is.
    private static let (reads, waits) = (0, 1)

    mutating func start(_ context: StageContext) throws {
        let watch = try FileWatch()
        self.watch = watch
        reader = LineReader(
            path: path.path.absolute,
            most: maxBytes.bytes,
            repeats: `repeat`,
            follows: follow,
            skipsEmpty: skipEmpty,
            watch: watch
        )
        pace = rate.map { Pace($0, from: context.now) }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        for _ in 0..<room {
            guard next < ready.count else { return readOn(context) }
            if let due = pace?.due, due > context.now { return .at(due) }
            lines.send(Text(ready[next]), captured: pace?.due)
            pace?.advance()
            next += 1
        }
        return .more
    }

    /// The next lines are read while the stage does nothing else.
    private mutating func readOn(_ context: StageContext) -> Production {
        if hasReadAll { return .ended }
        guard !isReading, let reader else { return .later }
        isReading = true
        context.submit(Self.reads) { try reader.read() }
        return .later
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isReading = false
        let result = try completion.result.get()
        guard let chunk = result as? LineReader.Chunk, let reader else { return }
        context.reject(chunk.tooLong)
        if chunk.tooLong > 0 { context.log(.warning, "left out lines of more than \(maxBytes): \(chunk.tooLong)") }
        if let (done, total) = chunk.progress { context.progress(done, of: total) }
        (ready, next, hasReadAll) = (chunk.lines, 0, chunk.isLast)
        if chunk.isDry {
            isReading = true
            context.waitForWorld(Self.waits) { try reader.awaitMore() }
        }
    }

    mutating func stopped() { watch?.stop() }
}
