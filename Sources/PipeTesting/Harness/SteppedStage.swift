public import PipeCore

/// A run of one stage on virtual time, in the test's hands.
///
///     let run = try harness.start()
///     run.advance(to: .milliseconds(999))
///     #expect(run.result["batches"].isEmpty)
///     run.advance(by: .milliseconds(1))
///     #expect(run.result["batches"].count == 1)
public final class SteppedStage {
    private let run: SimulatedRun
    private let observed: StageHarness.Observed

    init(_ run: SimulatedRun, _ observed: StageHarness.Observed) {
        self.run = run
        self.observed = observed
    }

    /// The time since the start.
    public var time: Duration { run.time }
    /// How often any stage was stepped, those around the one under test included.
    public var steps: Int { run.steps }
    public var isFinished: Bool { run.isFinished }

    /// Goes on to a time since the start, for so many steps, or as far as it goes.
    public func advance(to time: Duration? = nil, steps: Int = .max) { run.advance(to: time, steps: steps) }

    public func advance(by time: Duration) { run.advance(to: run.time + time) }

    /// Feeds end, and sources make no more.
    public func stop() { run.stop() }

    /// Something goes wrong now.
    public func fault(_ kind: PlannedFault.Kind, on stage: String = StageHarness.subject) {
        run.add(PlannedFault(stage: stage, at: run.time, kind: kind))
    }

    /// What there is so far.
    public var result: StageResult {
        observed.result(RunOutcome(numbers: run.numbers, troubles: [], isComplete: run.isFinished))
    }

    /// Ends the run. What has not come to its end is dropped for a reason, or without one is still held. To be called
    /// once, at the end.
    public func end(dropping reason: DropReason? = nil) -> StageResult { observed.result(run.finish(dropping: reason)) }
}
