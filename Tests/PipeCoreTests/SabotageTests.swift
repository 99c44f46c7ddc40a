#if DEBUG
    import Testing

    @testable import PipeCore

    /// Leaves out one count after the other: books that do not notice are worth nothing.
    struct SabotageTests {
        @Test(arguments: CountingPlace.allCases)
        func `a count that is left out shows in the books of some run`(place: CountingPlace) {
            let runs = EngineCell.all.count
            let caught = CountingPlace.$leftOut.withValue(place) {
                // From one combination to one far from it, since neighbours are alike.
                (0..<runs).lazy.map { EngineCell.all[($0 * 1009) % runs] }.contains { cell in
                    !cell.simulate().outcome.imbalancesAtItsEnd.isEmpty
                        || !cell.imbalancesAfterCancel(steps: Int(cell.seed % 41)).isEmpty
                        || !Self.rareRun().imbalancesAtItsEnd.isEmpty
                }
            }
            #expect(caught)
        }

        @Test func `with all counts in place the rare run balances`() {
            #expect(Self.rareRun().imbalancesAtItsEnd == [])
        }

        @Test func `only the run of the task that leaves a count out is concerned`() async {
            await CountingPlace.$leftOut.withValue(.linkTookBatch) {
                await Task.detached { #expect(Self.rareRun().imbalancesAtItsEnd == []) }.value
            }
        }

        /// What no cell does: an item that nobody takes, input that is not fit to become one.
        private static func rareRun() -> RunOutcome {
            let witness = Witness()
            var plan = Plan()
            let stages = [
                TestStage(name: "source", work: .source(5)),
                TestStage(name: "loose", work: .pass),
                TestStage(name: "reject", work: .reject),
            ]
            plan.stages = stages.map { $0.plan(witness, .plain, onMade: { _ in }) }
            plan.links = [
                LinkPlan(
                    name: "link",
                    from: .init(stage: 0, port: 0),
                    to: .init(stage: 1, port: 0),
                    policy: LinkPolicy()
                )
            ]
            return SimulatedRun.run(plan, .seeded(1))
        }
    }

    extension RunOutcome {
        fileprivate var imbalancesAtItsEnd: [String] { numbers.imbalances(hasEnded: isComplete) }
    }
#endif
