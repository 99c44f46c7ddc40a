import Frames
import PipeCore
import PipeKit

/// Keeps pictures as files, each under its time. A picture is there whole or not at all, no two share a name, and the folder
/// does not grow beyond what was said.
struct ImageArchive: Consumer {
    static let info = StageInfo(
        "image_archive",
        "Writes pictures into a folder a day, and keeps as many as is said.",
        example: """
            from: camera
            path: out/frames
            keep: 100000
            """,
        traits: .remembers,
        details: """
            A picture is written under a temporary name, and gets its own where no file has that; two of one millisecond are
            told apart by a number. What is beyond 'keep', 'max_age' or 'max_bytes' is removed as pictures are written, the oldest
            first, also what earlier runs have left; a file that is not named as this stage names its files is never touched.
            """
    )

    @Input("Pictures as files hold them.") var pictures: Receiver<EncodedFrame>

    @Option("The folder; it is made where it is missing.") var path: OutputDirectory
    @Option("How files are named.") var names = Names.time
    @Option("Stands at the end of each name, before '.jpg': _labelled.") var suffix = ""
    @Option("Whose time names tell.") var zone = Zone.local
    @Option("Pictures that are kept; without it, all.", in: 1...) var keep: Int?
    @Option("How long a picture is kept.", in: .seconds(1)...) var maxAge: Duration?
    @Option("Bytes of the pictures that are kept.", in: ByteCount(1)...) var maxBytes: ByteCount?
    @Option("Sync each picture to the disk.") var sync = false

    enum Names: String, Choice {
        case time, recorder

        var summary: String {
            switch self {
            case .time: "YYMMDD/HH-MM-SS_mmm.jpg, as the lab's camera server."
            case .recorder: "frameN_YYYY-MM-DD_HH-MM-SS_ffffff_KEY.jpg, as its recorder."
            }
        }
    }

    enum Zone: String, Choice {
        case local, utc

        var summary: String {
            switch self {
            case .local: "That of this machine."
            case .utc: "UTC, which never jumps."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if suffix.contains(where: { $0 == "/" || $0 == "." || $0.isWhitespace }) || suffix.utf8.count > 64 {
            report.error(
                .outOfRange,
                at: $suffix,
                "'\(suffix)' cannot stand at the end of a file's name",
                hint: "use up to 64 letters, digits, '_' and '-'"
            )
        }
    }

    private var writer: ArchiveWriter?
    private var waiting: [Item<EncodedFrame>] = []
    private var waitingBytes = 0
    private var underway: [Item<EncodedFrame>] = []
    /// So much waits while pictures are written: a disk that stalls for a moment holds nobody up.
    private static let (mostWaiting, mostBytes) = (64, 64 << 20)

    mutating func start(_ context: StageContext) {
        writer = ArchiveWriter(
            context.files,
            path.path.absolute,
            ArchiveNames(style: names == .time ? .time : .recorder, suffix: suffix, isUTC: zone == .utc),
            Retention(count: keep, bytes: maxBytes?.bytes, seconds: maxAge?.seconds),
            syncs: sync,
            tag: String(context.random { $0.next() } ^ context.date.bitPattern, radix: 36)
        )
        context.take(atMost: 4)
    }

    mutating func process(_ item: consuming Item<EncodedFrame>, _ context: StageContext) {
        context.keep()
        waitingBytes += item.payload.byteCount
        waiting.append(item)
        if waiting.count >= Self.mostWaiting || waitingBytes >= Self.mostBytes { context.pause(input: 0) }
        write(context)
    }

    private mutating func write(_ context: StageContext) {
        guard underway.isEmpty, !waiting.isEmpty, let writer else { return }
        underway = waiting
        (waiting, waitingBytes) = ([], 0)
        let jobs = underway.map { item in
            ArchiveWriter.Job(
                picture: item.payload,
                date: context.date(of: item.captured),
                experiment: names == .recorder ? Self.fileName(item.key.text) : ""
            )
        }
        context.submit(0, Effort(deadline: .seconds(60))) { writer.write(jobs) }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) {
        let written = underway
        underway = []
        context.release(written.count)
        context.resume(input: 0)
        switch completion.result {
        case .success(let result):
            guard let report = result as? ArchiveWriter.Report else { break }
            for warning in report.warnings.prefix(3) { context.log(.warning, warning) }
            for (item, failure) in zip(written, report.failures) {
                if let failure { context.fail(item, failure) }
            }
        case .failure(let error):
            for item in written { context.fail(item, error) }
        }
        write(context)
    }

    mutating func finish(_ context: StageContext) { write(context) }

    /// A key may be anything; a name may not.
    private static func fileName(_ key: String) -> String {
        String(key.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "-" })
    }
}
