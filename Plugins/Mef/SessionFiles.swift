import Mef3
import PipeCore
import PipeKit

/// A session that is being written, where the run keeps its files. One operation at a time uses it.
final class SessionFiles: @unchecked Sendable {
    private let path: String
    private let passwords: (level1: String, level2: String?)?
    private let blockLevel: Int
    private let subject: String
    private let segment: Int
    private let storage: Storage
    private let seed: UInt64
    private var writer: SessionWriter?
    private var channels: [Int: Channel] = [:]
    /// How often the segment of a channel was begun.
    private var attempts: [Int: Int] = [:]

    /// A segment that is open, until it is finished.
    private final class Channel {
        var segment: SegmentWriter?
        init(_ segment: consuming SegmentWriter) { self.segment = consume segment }
    }

    init(
        path: String,
        passwords: (String, String?)?,
        blockLevel: Int,
        subject: String,
        segment: Int,
        files: any FileStore,
        seed: UInt64
    ) {
        self.path = path.hasSuffix(".mefd") ? path : path + ".mefd"
        self.passwords = passwords.map { ($0.0, $0.1) }
        self.blockLevel = blockLevel
        self.subject = subject
        self.segment = segment
        storage = Storage(files: files)
        self.seed = seed
    }

    /// Writes blocks; says how many values were beyond what can be stored.
    func write(_ chunks: [Chunk]) throws -> Int {
        for chunk in chunks { try channel(chunk).segment?.append(chunk.samples, at: chunk.start) }
        return chunks.reduce(0) { $0 + $1.clipped }
    }

    /// Writes what tells readers where the blocks are.
    func finish() throws -> Int {
        for (_, channel) in channels.sorted(by: { $0.key < $1.key }) {
            guard let segment = channel.segment.take() else { continue }
            _ = try segment.finish()
        }
        return 0
    }

    private func channel(_ chunk: Chunk) throws -> Channel {
        if let known = channels[chunk.channel] { return known }
        let session = try opened()
        // What a full disk left of a segment is not written again: it holds no samples, and readers pass it by.
        let number = segment + (attempts[chunk.channel] ?? 0)
        attempts[chunk.channel, default: 0] += 1
        let channel = Channel(
            try session.segment(
                number,
                of: chunk.name,
                metadata: chunk.metadata,
                firstSample: samplesBefore(chunk.name),
                blockSamples: chunk.blockSamples
            )
        )
        channels[chunk.channel] = channel
        return channel
    }

    private func opened() throws -> SessionWriter {
        if let writer { return writer }
        var subject = SubjectMetadata()
        subject.subjectID = self.subject
        subject.recordingTimeOffset = 0
        let identifiers = Identifiers(seed)
        let writer = try SessionWriter(
            path: path,
            subject: subject,
            passwords: passwords.map { try .init(level1: $0.level1, level2: $0.level2) },
            blockLevel: blockLevel,
            storage: storage,
            makeID: { identifiers.next() }
        )
        self.writer = writer
        return writer
    }

    /// Samples that an earlier life of the stage has written; a segment says how many come before it.
    private func samplesBefore(_ channel: String) -> Int {
        guard segment > 0 else { return 0 }
        let password = passwords.map { $0.level2 ?? $0.level1 }
        let session = try? MefSession(path: path, password: password, reading: .salvage)
        return (try? session?.channel(channel).sampleCount) ?? 0
    }
}

/// Identifiers that repeat with a seed. One operation at a time uses it.
private final class Identifiers: @unchecked Sendable {
    private var random: RandomSource

    init(_ seed: UInt64) { random = RandomSource(seed: seed) }

    func next() -> SIMD16<UInt8> { .random(in: 0...255, using: &random) }
}

/// The files of a run as Mef3 wants them: on disk, or in memory in a test.
private struct Storage: SessionStorage {
    let files: any FileStore

    /// Files are opened with their directory.
    func makeDirectory(_ path: String) {}

    func create(_ path: String) throws(MefError) -> any SessionFile {
        try told { StoredFile(file: try files.open(path, .exclusive)) }
    }

    func replace(_ path: String, _ bytes: [UInt8]) throws(MefError) {
        try told {
            let file = try files.open(path + ".new", .fresh)
            try file.append(bytes)
            try file.close()
            try files.rename(path + ".new", to: path)
        }
    }
}

private struct StoredFile: SessionFile {
    let file: any AppendableFile

    func append(_ bytes: [UInt8]) throws(MefError) { try told { try file.append(bytes) } }
    func put(_ bytes: [UInt8], at offset: Int) throws(MefError) { try told { try file.overwrite(bytes, at: offset) } }
}

private func told<Result>(_ body: () throws -> Result) throws(MefError) -> Result {
    do { return try body() } catch { throw MefError(.system, "\(error)") }
}
