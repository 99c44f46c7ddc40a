/// The places where an arrival, a departure, a drop or a failure enters the books.
///
/// Books are worth what they catch: for each of these places a test leaves the count out and must find books that do not
/// add up. A place that nobody would miss counts for nothing.
@usableFromInline
enum CountingPlace: CaseIterable, Sendable {
    // A link: what it took and gave, one by one or as a batch, and each way of losing an item.
    case linkTook, linkTookBatch, linkGave, linkGaveBatch
    case linkRefusedArrival, linkRefused, linkDroppedOldest, linkDiscarded, linkAbandonedArrival, linkAbandoned

    // An output.
    case outputSent, outputMade, outputUnlinked, deadLetterSent, intakeSent

    // A stage: what it took, what it did with that, and what became of the rest when it ended early.
    case stageTook, stageWorkedOn, stageDropped, stageFailed
    case stageMade, intakeMade, rejectedArrival, rejected
    case keptFailed, inboxFailed, keptCancelled, inboxCancelled

    #if DEBUG
        /// Concerns what this task does itself, so that tests beside it count on: a run on virtual time, the end of any run.
        @TaskLocal static var leftOut: CountingPlace?

        @usableFromInline var isLeftOut: Bool { Self.leftOut == self }
    #endif
}

/// The number to be counted here: itself, always so in a release build that keeps books.
@inlinable
@inline(__always)
func counted(_ number: Int, _ place: CountingPlace) -> Int {
    #if DEBUG
        place.isLeftOut ? 0 : number
    #else
        keepsBooks ? number : 0
    #endif
}

/// False in one build only, which tells what books, histograms and stamps cost: `Benchmarks/engine/books.py` makes it.
@inlinable
@inline(__always)
public var keepsBooks: Bool {
    #if PIPE_WITHOUT_BOOKS
        false
    #else
        true
    #endif
}
