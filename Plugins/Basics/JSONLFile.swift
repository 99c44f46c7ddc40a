import PipeCore
import PipeKit

/// Writes one JSON document a line. A line is written whole or not at all, so that a file that was cut off by a power
/// failure holds whole lines.
struct JSONLFile: Consumer {
    static let info = StageInfo(
        "jsonl_file",
        "Writes items to a file, one JSON document a line.",
        example: """
            from: camera
            path: out/results.jsonl
            """
    )

    @Input("What is written: any payload, by its own description.") var items: Receiver<AnyPayload>

    @Option("The file; its directory is made where it is missing.") var path: OutputFile
    @Option("What happens to a file that is there already.") var mode = Mode.append
    @Option("Begin a new file when this one has become so large; the old one gets a number.", in: .kibibytes(4)...)
    var maxBytes: ByteCount?
    @Option("Files that are kept, the current one included.", in: 1...10_000) var keep = 10
    @Option("Longest time that a line waits in memory.", in: .zero...Duration.seconds(60))
    var flush = Duration.seconds(1)
    @Option("Sync the file to the disk with each flush.") var sync = false
    @Option("Add the item's source, sequence, key and capture time as '_item'.") var header = false

    enum Mode: String, Choice {
        case append, overwrite, fail

        var summary: String {
            switch self {
            case .append: "Adds to what it holds."
            case .overwrite: "Begins it anew."
            case .fail: "Does not start."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if $keep.isStated, maxBytes == nil {
            report.error(
                .optionConflict,
                at: $keep,
                "'keep' has no meaning for a file that never changes",
                hint: "add 'max_bytes', or remove 'keep'"
            )
        }
    }

    private var lines: [UInt8] = []
    private var gathered = 0
    /// Items whose lines are being written.
    private var underway = 0
    private var isWriting = false
    private var isEnding = false
    private var writer: JSONLWriter?
    /// So much waits before a write begins at once, and so much at most.
    private static let worthWriting = 64 << 10
    private static let mostWaiting = 1 << 20

    mutating func start(_ context: StageContext) {
        // A stage that is started anew goes on with the file that it has begun.
        let opening: FileOpening =
            switch mode {
            case .append: .append
            case .overwrite: context.restarts == 0 ? .fresh : .append
            case .fail: context.restarts == 0 ? .exclusive : .append
            }
        writer = JSONLWriter(
            files: context.files,
            path: path.path.absolute,
            opening: opening,
            maxBytes: maxBytes?.bytes,
            keep: keep,
            syncs: sync
        )
        write(context)  // an empty write opens the file: what is wrong with it shows now
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        let item = item
        var value = item.payload.described
        if header { value["_item"] = context.describe(item.header) }
        if lines.isEmpty { context.wake(after: flush) }
        lines.append(contentsOf: value.text().utf8)
        lines.append(UInt8(ascii: "\n"))
        gathered += 1
        context.keep()
        if lines.count >= Self.worthWriting { write(context) }
        if lines.count >= Self.mostWaiting { context.pause(input: 0) }
    }

    mutating func wake(_ context: StageContext) { write(context) }

    mutating func finish(_ context: StageContext) {
        isEnding = true
        write(context)
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isWriting = false
        context.release(underway)
        underway = 0
        context.resume(input: 0)
        if !lines.isEmpty {
            if isEnding { write(context) } else { context.wake(after: flush) }
        }
        _ = try completion.result.get()
    }

    private mutating func write(_ context: StageContext) {
        guard !isWriting, let writer else { return }
        let bytes = lines
        underway = gathered
        lines.removeAll(keepingCapacity: true)
        gathered = 0
        isWriting = true
        context.submit(0, Effort(deadline: .seconds(30))) { try writer.write(bytes) }
    }
}

/// Writes lines, and begins a new file where the current one has become too large. One operation at a time uses it.
private final class JSONLWriter: @unchecked Sendable {
    private let files: any FileStore
    private let path: String
    private let opening: FileOpening
    private let maxBytes: Int?
    private let keep: Int
    private let syncs: Bool
    private var file: (any AppendableFile)?
    private var hasOpened = false

    init(files: any FileStore, path: String, opening: FileOpening, maxBytes: Int?, keep: Int, syncs: Bool) {
        self.files = files
        self.path = path
        self.opening = opening
        self.maxBytes = maxBytes
        self.keep = keep
        self.syncs = syncs
    }

    func write(_ bytes: [UInt8]) throws -> Int {
        var left = bytes[...]
        repeat {
            let file = try self.file ?? files.open(path, hasOpened ? .append : opening)
            (self.file, hasOpened) = (file, true)
            let fitting = left.prefix(try fitting(left, after: file.size))
            if fitting.isEmpty, !left.isEmpty {
                try file.close()
                self.file = nil
                try rotate()
                continue
            }
            if !fitting.isEmpty { try file.append(Array(fitting)) }
            if syncs { try file.sync() }
            left = left.dropFirst(fitting.count)
        } while !left.isEmpty
        return bytes.count
    }

    /// Bytes of whole lines that the file can take; an empty file takes any one line.
    private func fitting(_ lines: ArraySlice<UInt8>, after size: Int) throws -> Int {
        guard let maxBytes, size + lines.count > maxBytes else { return lines.count }
        let newline = UInt8(ascii: "\n")
        let room = lines.prefix(max(0, maxBytes - size))
        if let last = room.lastIndex(of: newline) { return last + 1 - lines.startIndex }
        guard size == 0, let first = lines.firstIndex(of: newline) else { return 0 }
        return first + 1 - lines.startIndex
    }

    /// `results.jsonl` becomes `results.jsonl.1`, that `.2`, and the last goes.
    private func rotate() throws {
        guard keep > 1 else { return try files.remove(path) }
        try files.remove("\(path).\(keep - 1)")
        for number in stride(from: keep - 2, to: 0, by: -1) {
            try files.rename("\(path).\(number)", to: "\(path).\(number + 1)")
        }
        try files.rename(path, to: "\(path).1")
    }
}
