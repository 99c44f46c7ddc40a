/// Writes down what decides a run, so that it can be run once more: in which order stages were taken up and let go, what had
/// come for them by then, when, and what came from outside.
///
/// All that stages do to each other they do at the beginning and at the end of a step. These parts are made one after
/// another, under `lock`, and noted in that order; what lies between concerns the stage alone, and goes on beside others.
/// `lock` guards it, but for the bytes, which have one of their own.
public final class RunRecorder: @unchecked Sendable {  // guarded, see above
    let lock = Lock()
    /// Stages whose items are written down, since they cannot be had again: by their place in the plan.
    let sources: Set<Int>
    private let bytesLock = Lock()
    private let ready = Lock.Condition()
    private var bytes: [UInt8] = []
    private var left: Int
    private var hasEnded = false
    private var entries = 0
    /// Why nothing more is written.
    private var problem: String?
    private let compare: ((RecordedEntry) -> Void)?
    private static let mostWaiting = 64 << 20
    private static let worthFetching = 256 << 10

    /// Writes down so many bytes at most.
    public init(sources: Set<Int>, mostBytes: Int) {
        self.sources = sources
        left = mostBytes
        compare = nil
    }

    /// Hands each entry to who compares it with one that was written down.
    init(sources: Set<Int>, comparing compare: @escaping (RecordedEntry) -> Void) {
        self.sources = sources
        left = 0
        self.compare = compare
    }

    var isReplaying: Bool { compare != nil }

    func note(_ entry: RecordedEntry) {
        if let compare { return compare(entry) }
        guard bytesLock.locked({ problem == nil }) else { return }
        let encoded = entry.encoded
        bytesLock.locked {
            guard encoded.count <= left else { return problem = "it has the size that it may have" }
            guard bytes.count + encoded.count <= Self.mostWaiting else { return problem = "the disk is too slow" }
            left -= encoded.count
            entries += 1
            let before = bytes.count
            bytes += encoded
            if before < Self.worthFetching, bytes.count >= Self.worthFetching { ready.signal() }
        }
    }

    /// Something came that cannot be written down.
    func giveUp(_ why: String) { bytesLock.locked { problem = problem ?? why } }

    /// Waits for bytes, at most a moment; nil at the end.
    public func next() -> [UInt8]? {
        bytesLock.locked {
            if bytes.count < Self.worthFetching, !hasEnded {
                ready.wait(bytesLock, until: monotonicTime() + 200_000_000)
            }
            guard !(bytes.isEmpty && hasEnded) else { return nil }
            defer { bytes = [] }
            return bytes
        }
    }

    public func end() {
        bytesLock.locked {
            hasEnded = true
            ready.broadcast()
        }
    }

    /// How many entries were written down, and why there are no more than these.
    public var outcome: (entries: Int, problem: String?) { bytesLock.locked { (entries, problem) } }
}

extension Node {
    /// A step whose beginning and end are noted.
    func recordedStep(_ recorder: RunRecorder, now: Int) -> Bool {
        recorder.lock.lock()
        let undertaking = recordedHead(recorder, now: now, mail: mailbox.take())
        if case .over(let again) = undertaking {
            recorder.lock.unlock()
            return again
        }
        recorder.lock.unlock()
        let more = perform(undertaking, now)
        recorder.lock.lock()
        defer { recorder.lock.unlock() }
        return recordedTail(recorder, now: now, more: more)
    }

    func recordedHead(_ recorder: RunRecorder, now: Int, mail: [Mailbox.Letter]) -> Undertaking {
        pendingMail += mail
        recorder.note(
            .head(
                node: index,
                now: now,
                mail: mail.map { letter in
                    var failure: String?
                    if case .failure(let error) = letter.completion.result { failure = "\(error)" }
                    return RecordedEntry.Mail(number: letter.number, failure: failure)
                }
            )
        )
        return head(now)
    }

    func recordedTail(_ recorder: RunRecorder, now: Int, more: Bool) -> Bool {
        if setup.isSource, !isRecordedSource || !recorder.isReplaying { mayFinish = hasNoMoreToCome }
        recorder.note(
            .tail(
                node: index,
                after: workedUntil,
                counts: RecordedEntry.Counts(
                    took: cell.pointee.taken,
                    made: cell.pointee.made,
                    sent: (0..<outputs).reduce(0) { $0 + outboxes[$1].sent },
                    dropped: cell.pointee.dropped.total,
                    failed: cell.pointee.failed
                ),
                source: isRecordedSource ? sourceWork(recorder) : nil
            )
        )
        return settleStep(now, more: more)
    }

    /// All that a source has made in this step: what it made before is gone, or the step would not have begun.
    private func sourceWork(_ recorder: RunRecorder) -> RecordedEntry.SourceWork {
        var work = RecordedEntry.SourceWork()
        work.mayFinish = mayFinish
        work.failure = mustRestart ? failure ?? "it failed" : nil
        for port in 0..<outputs {
            for place in 0..<outboxes[port].count {
                let slot = outboxes[port].slots + place
                let type = PayloadType[slot.pointee.header.kind]
                guard let bytes = type.recorded(slot) else {
                    recorder.giveUp("\(fullName) sends '\(type.info.name)', which cannot be written down")
                    continue
                }
                let header = slot.pointee.header
                work.items.append(
                    RecordedEntry.Item(
                        port: port,
                        sequence: header.sequence,
                        captured: header.captured.nanoseconds,
                        key: header.key.text,
                        payload: type.info.name,
                        bytes: bytes
                    )
                )
            }
        }
        return work
    }
}
