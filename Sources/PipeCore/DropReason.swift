/// Why an item went no further. Every item that a link or a stage does not pass on is counted under one of these.
public enum DropReason: String, Sendable, CaseIterable {
    case overflow
    case skipped
    case tooOld = "too_old"
    case rate
    case notChosen = "not_chosen"
    case failed
    case cancelled
    case drainedLate = "drained_late"
}
