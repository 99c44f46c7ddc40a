import PipeCore
import PipeKit

/// Ions as a table, for those who plot with a spreadsheet: a line an ion, and one without numbers for a frame that has none.
struct IonCSVFile: Consumer {
    static let info = StageInfo(
        "ion_csv_file",
        "Writes the ions of each frame to a CSV file, a line an ion.",
        example: """
            from: ions.marked
            path: out/ions.csv
            """,
        traits: .remembers,
        details: """
            The file is begun anew. A stage that is started anew goes on in a file with a number behind its name.
            """
    )

    @Input("Frames with their ions.") var marked: Receiver<MarkedFrame>

    @Option("The file; its directory is made where it is missing.") var path: OutputFile
    @Option("Longest time that a line waits in memory.", in: .zero...Duration.seconds(60))
    var flush = Duration.seconds(1)

    /// The date at which the run's time began. It is asked for once: times do not jump when somebody sets the clock.
    private var began = 0.0
    private var lines: [UInt8] = []
    private var gathered = 0
    /// Frames whose lines are being written.
    private var underway = 0
    private var isWriting = false
    private var isEnding = false
    private var table: IonTable?
    /// So much waits before a write begins at once, and so much at most.
    private static let worthWriting = 64 << 10
    private static let mostWaiting = 1 << 20

    mutating func start(_ context: StageContext) {
        began = context.date(of: .zero)
        let number = context.restarts == 0 ? "" : ".\(context.restarts)"
        table = IonTable(path: path.path.absolute + number, files: context.files)
        write(context)  // the header: what is wrong with the file shows now
    }

    mutating func process(_ item: consuming Item<MarkedFrame>, _ context: StageContext) {
        if lines.isEmpty { context.wake(after: flush) }
        let start = "\(began + Double(item.captured.nanoseconds) * 1e-9),\(item.header.sequence),"
        let ions = item.payload.ions
        if ions.isEmpty { lines.append(contentsOf: (start + IonTable.empty).utf8) }
        for (place, ion) in ions.enumerated() {
            lines.append(contentsOf: "\(start)\(place + 1)".utf8)
            for value in ion.values + ion.errors {
                lines.append(UInt8(ascii: ","))
                if value.isFinite { lines.append(contentsOf: "\(value)".utf8) }
            }
            lines.append(UInt8(ascii: "\n"))
        }
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
        guard !isWriting, let table else { return }
        let bytes = lines
        underway = gathered
        lines.removeAll(keepingCapacity: true)
        gathered = 0
        isWriting = true
        context.submit(0, Effort(deadline: .seconds(30))) { try table.write(bytes) }
    }
}

/// The file, opened when it is first written. One operation at a time uses it.
private final class IonTable: @unchecked Sendable {
    private static let columns =
        ["timestamp", "frame", "id"] + Names.values + Names.values.map { $0 + "_error" }
    /// A line that has only a time and a frame.
    static let empty = String(repeating: ",", count: columns.count - 3) + "\n"

    private let path: String
    private let files: any FileStore
    private var file: (any AppendableFile)?

    init(path: String, files: any FileStore) {
        self.path = path
        self.files = files
    }

    func write(_ bytes: [UInt8]) throws -> Int {
        let file = try self.file ?? files.open(path, .fresh)
        self.file = file
        if try file.size == 0 { try file.append(Array((Self.columns.joined(separator: ",") + "\n").utf8)) }
        if !bytes.isEmpty { try file.append(bytes) }
        return bytes.count
    }
}
