import Frames
import PipeCore
import PipeKit

/// Reads a folder of pictures: those of yesterday's run, or of another program. What 16 bit have stays 16 bit, and a broken
/// file is counted and named, and no end.
struct ImageFiles: Source {
    static let info = StageInfo(
        "image_files",
        "Reads the pictures of a folder, in order.",
        example: """
            path: frames
            """,
        details: """
            It reads JPEG, PNG of 8 and 16 bit in grey, TIFF in grey or colour, '.dat' (counts as text, a row a line) and '.hex'
            (16 bit a pixel, the low byte first, 'hex_width' × 'hex_height' of them). Names are sorted as a person would: frame_9
            before frame_10. An item's key is the file's name below the folder; of names of more than 15 bytes the first 65 536 are
            kept whole. A file that is no picture counts as failed, and the log names the first of them.
            """
    )

    @Output("The pixels of each file.") var frames: Sender<Frame>

    @Option("The folder.") var path: InputDirectory
    @Option("Which names are read: *, ? and [a-z] as in a shell.") var match = "*"
    @Option("Read the folders in it, too.") var deep = false
    @Option("What becomes of the colours of a JPEG.") var pixels = JPEGDecode.Pixels.as_stored
    @Option("How fast frames are sent; without it, as fast as they are taken.", in: Rate(perHour: 0.01)...)
    var rate: Rate?
    @Option("A larger file counts as failed.", in: ByteCount(1)...ByteCount.gibibytes(4))
    var maxBytes = ByteCount.mebibytes(256)
    @Option("A picture of more pixels counts as failed.", in: 1...1 << 32) var maxPixels = 64_000_000
    @Option("Columns of a '.hex' file.", in: 1...65_535) var hexWidth = 200
    @Option("Rows of a '.hex' file.", in: 1...65_535) var hexHeight = 200

    func claims(_ claims: inout Claims) { claims.bounds($frames, to: ByteCount(maxPixels).times(3)) }

    /// What came of a file.
    private enum Outcome: Sendable {
        case frame(Frame)
        case broken(String)
    }

    private var reader: PictureReader?
    private var names: [String]?
    private var ready: [Int: Outcome] = [:]
    private var asked = 0
    private var taken = 0
    private var broken = 0
    private var pace: Pace?
    private static let lists = -1
    /// Files that are read at the same time, so that a second processor decodes too.
    private static let ahead = 3
    /// So many broken files are named; of the others only how many they were.
    private static let mostNamed = 10

    mutating func start(_ context: StageContext) {
        reader = PictureReader(
            PictureReader.Settings(
                pixels: pixels.stored,
                maxBytes: maxBytes,
                limit: PixelLimit(maxPixels),
                sides: (hexWidth, hexHeight)
            )
        )
        let (folder, pattern, isDeep) = (path.path.absolute, match, deep)
        context.submit(Self.lists, Effort(deadline: .seconds(600))) {
            try FolderListing.read(folder, matching: pattern, isDeep: isDeep)
        }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production {
        guard let names else { return .later }
        var left = room
        while left > 0 {
            context.progress(taken, of: names.count)
            guard taken < names.count else { return end(context) }
            guard let outcome = ready[taken] else {
                readOn(names, context)
                return .later
            }
            if let due = pace?.due, due > context.now { return .at(due) }
            ready[taken] = nil
            switch outcome {
            case .frame(let frame):
                frames.send(frame, key: Key(names[taken]), captured: pace?.due)
                pace?.advance()
                left -= 1
            case .broken(let why):
                broken += 1
                context.reject()
                if broken <= Self.mostNamed { context.log(.warning, "'\(names[taken])' is left out: \(why)") }
            }
            taken += 1
            readOn(names, context)
        }
        return .more
    }

    private func end(_ context: StageContext) -> Production {
        if broken > Self.mostNamed {
            context.log(.warning, "left out \(broken) files of \(taken) that are no pictures")
        }
        return .ended
    }

    private mutating func readOn(_ names: [String], _ context: StageContext) {
        guard let reader else { return }
        while asked < names.count, asked < taken + Self.ahead {
            let path = "\(path.path.absolute)/\(names[asked])"
            context.submit(asked, Effort(deadline: .seconds(120))) {
                do { return Outcome.frame(try reader.read(path)) } catch { return Outcome.broken("\(error)") }
            }
            asked += 1
        }
    }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        guard completion.token != Self.lists else {
            let found = try completion.result.get() as? [String] ?? []
            context.log(found.isEmpty ? .warning : .info, "found \(found.count) pictures in '\(path.written)'")
            names = found
            pace = rate.map { Pace($0, from: context.now) }
            readOn(found, context)
            return
        }
        switch completion.result {
        case .success(let outcome): ready[completion.token] = outcome as? Outcome
        case .failure(let error): ready[completion.token] = .broken("\(error)")
        }
    }
}
