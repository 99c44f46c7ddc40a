import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let bench: Command = .init(name: "bench", summary: "Measures.", subcommands: [benchEngine])

    private static let benchEngine: Command = .init(
        name: "engine",
        summary: "Measures the engine on workloads that its rivals know too.",
        run: { _ throws(UsageError) in
            var plan = Plan()
            let fields = FieldValues.none
            func add<S: Stage>(_ type: S.Type, _ i: Int, _ o: Int) {
                let type = StageType(type)
                plan.stages.append(
                    StagePlan(
                        name: "\(type.name)\(plan.stages.count)",
                        isSource: i == 0,
                        inputs: i,
                        outputs: o,
                        make: { type.body(fields, $0) }
                    )
                )
            }
            add(BenchSource.self, 0, 1)
            for _ in 0..<3 { add(BenchPass.self, 1, 1) }
            add(BenchSink.self, 1, 0)
            for i in 0..<4 {
                plan.links.append(
                    LinkPlan(
                        name: "l\(i)",
                        from: .init(stage: i, port: 0),
                        to: .init(stage: i + 1, port: 0),
                        policy: LinkPolicy()
                    )
                )
            }
            let run = Run(plan, EngineOptions(epoch: 0, files: NoFiles()))
            run.start()
            _ = run.wait(until: .seconds(1))
            let t = run.time
            run.stop()
            _ = run.wait(until: .seconds(3))
            let end = run.finish()
            Terminal.print(
                "\(end.isComplete) \(Double(end.numbers.stages.last!.books.in) / t.seconds / 1e6) M/s \(end.troubles)"
            )
            for s in end.numbers.stages {
                Terminal.print("\(s.name) \(s.books.in) \(s.books.done) \(s.books.made) \(s.books.isBalanced)")
            }
            for l in end.numbers.links { Terminal.print("\(l.name) \(l.books) ") }
            return .success
        }
    )
}
struct NoFiles: FileStore {
    func open(_ path: String, _ mode: FileOpening) throws -> any AppendableFile { throw StageError("no") }
    func rename(_ path: String, to other: String) throws {}
    func remove(_ path: String) throws {}
}
