import Frames
import PipeCore
import PipeKit
import Synchronization

/// Writes pictures under their names, and removes what is too much. Its work is done in operations, one after the other.
final class ArchiveWriter: Sendable {
    struct Job: Sendable {
        var picture: EncodedFrame
        /// In seconds since 1970.
        var date: Double
        var experiment: String
    }

    struct Report: Sendable {
        /// Of each job; nil where it is written.
        var failures: [(any Error)?] = []
        var warnings: [String] = []
        var removed = 0
    }

    private struct State {
        var retention: Retention
        var hasLooked = false
        var written = 0
        /// The last name, and the number that the next of the same name gets.
        var last: (stem: String, copies: Int) = ("", 0)
    }

    private let files: any FileStore
    private let path: String
    private let names: ArchiveNames
    private let syncs: Bool
    /// In the names of unfinished files: two programs that write into one folder must not share one.
    private let tag: String
    /// An operation that took too long may still be at work when the next begins.
    private let state: Mutex<State>
    /// Pictures of one name: more are no accident.
    private static let mostCopies = 100_000

    init(
        _ files: any FileStore,
        _ path: String,
        _ names: ArchiveNames,
        _ retention: Retention,
        syncs: Bool,
        tag: String
    ) {
        (self.files, self.path, self.names, self.syncs, self.tag) = (files, path, names, syncs, tag)
        state = Mutex(State(retention: retention))
    }

    func write(_ jobs: [Job]) -> Report {
        state.withLock { state in
            var report = Report()
            look(&state, &report)
            for job in jobs {
                do {
                    try write(job, &state)
                    report.failures.append(nil)
                } catch {
                    report.failures.append(error)
                }
                for file in state.retention.takeSurplus(at: job.date) {
                    do {
                        try files.remove(file.path)
                        report.removed += 1
                    } catch { report.warnings.append("\(error)") }
                }
            }
            return report
        }
    }

    private func write(_ job: Job, _ state: inout State) throws {
        let (folder, stem) = names.place(of: job.date, number: state.written + 1, experiment: job.experiment)
        let directory = folder.isEmpty ? path : "\(path)/\(folder)"
        let unfinished = "\(directory)/.\(stem).\(tag).part"
        do {
            let file = try files.open(unfinished, .fresh)
            try file.append(Array(job.picture.bytes))
            if syncs { try file.sync() }
            try file.close()
            let name = try place(unfinished, in: directory, stem, job.picture.format.fileExtension, &state)
            state.written += 1
            state.retention.add(Retention.File(path: name, size: job.picture.byteCount, date: job.date))
        } catch {
            // What went wrong first is what is told: where this fails too, the file is not there or cannot be removed.
            try? files.remove(unfinished)
            throw error
        }
    }

    /// Gives a finished file the first name that no file has.
    private func place(
        _ unfinished: String,
        in directory: String,
        _ stem: String,
        _ fileExtension: String,
        _ state: inout State
    ) throws -> String {
        let key = "\(directory)/\(stem).\(fileExtension)"
        if state.last.stem != key { state.last = (key, 0) }
        while state.last.copies < Self.mostCopies {
            let name = "\(directory)/\(names.name(stem, copy: state.last.copies, fileExtension: fileExtension))"
            state.last.copies += 1
            if try files.place(unfinished, at: name) { return name }
        }
        throw StageError(
            "'\(key)' and \(Self.mostCopies) names like it are taken",
            hint: "are all pictures of one time? check the clock"
        )
    }

    /// Finds what earlier runs have left, once: it counts as what is written now does.
    private func look(_ state: inout State, _ report: inout Report) {
        guard state.retention.isLimited, !state.hasLooked else { return }
        state.hasLooked = true
        do {
            var found = try own(folder: "")
            for entry in try files.list(path) where entry.isDirectory && names.style == .time {
                found += try own(folder: entry.name)
            }
            state.retention.begin(with: found)
        } catch {
            report.warnings.append("\(error); what is there already is not counted")
        }
    }

    private func own(folder: String) throws -> [Retention.File] {
        let directory = folder.isEmpty ? path : "\(path)/\(folder)"
        return try files.list(directory)
            .compactMap { entry in
                guard !entry.isDirectory, let date = names.date(folder: folder, name: entry.name) else { return nil }
                return Retention.File(path: "\(directory)/\(entry.name)", size: entry.size, date: date)
            }
    }
}
