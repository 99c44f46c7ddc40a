import PipeCore
import PipeKit

/// Bytes on their way into a file, and the items that they stand for: kept until they are written.
struct Outlet {
    /// What the file begins with: written before the first bytes that the disk takes.
    var header: [UInt8] = []
    /// What has been gathered; a stage adds to it.
    var bytes: [UInt8] = []
    /// Bytes that change with each write: where they are, and what they say of a file of so many bytes.
    var correction: Correction?
    typealias Correction = @Sendable (_ size: Int) -> (offset: Int, bytes: [UInt8])?
    private var gathered = 0
    private var underway = 0
    private var isWriting = false
    /// Another write is to follow the one that is under way.
    private var isDue = false
    private var file: OpenedFile?

    /// So much waits before a write begins at once, and so much at most.
    private static let worthWriting = 256 << 10
    private static let mostWaiting = 4 << 20

    /// Opens the file, so that what is wrong with it shows at the start.
    mutating func open(_ path: OutputFile, _ context: StageContext) {
        // A stage that is started anew begins a file of its own beside what it has written.
        let number = context.restarts == 0 ? "" : ".\(context.restarts)"
        file = OpenedFile(path: path.path.absolute + number, files: context.files)
        write(context)
    }

    /// Items, which are kept, have all of their bytes here.
    mutating func gather(_ items: Int, _ context: StageContext) {
        gathered += items
        if bytes.count >= Self.worthWriting { write(context) } else if gathered > 0 { context.wake(after: .seconds(1)) }
        if bytes.count >= Self.mostWaiting { context.pause(input: 0) }
    }

    mutating func write(_ context: StageContext) {
        isDue = isWriting
        guard !isWriting, let file else { return }
        let (header, written, correction) = (header, bytes, correction)
        (underway, gathered, isWriting) = (gathered, 0, true)
        bytes.removeAll(keepingCapacity: true)
        context.submit(0, Effort(deadline: .seconds(60))) {
            try file.write(header, written, correction)
            return written.count
        }
    }

    /// A write has come to its end. Items that were not written have failed.
    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        isWriting = false
        let items = underway
        underway = 0
        context.release(items)
        context.resume(input: 0)
        if isDue { write(context) } else if gathered > 0 { context.wake(after: .seconds(1)) }
        if case .failure(let error) = completion.result {
            guard items > 0 else { throw error }
            context.fail(items, error)
        }
    }
}

/// A file that is opened when it is first written. One operation at a time uses it.
private final class OpenedFile: @unchecked Sendable {
    private let path: String
    private let files: any FileStore
    private var file: (any AppendableFile)?

    init(path: String, files: any FileStore) {
        self.path = path
        self.files = files
    }

    func write(_ header: [UInt8], _ bytes: [UInt8], _ correction: Outlet.Correction?) throws {
        let file = try self.file ?? files.open(path, .fresh)
        self.file = file
        if try file.size == 0, !header.isEmpty { try file.append(header) }
        if !bytes.isEmpty { try file.append(bytes) }
        if let (offset, fresh) = correction?(try file.size) { try file.overwrite(fresh, at: offset) }
    }
}
