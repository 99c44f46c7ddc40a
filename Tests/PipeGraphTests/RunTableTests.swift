import PipeCore
import PipeGraph
import PipeKit
import Testing

struct RunTableTests {
    private func numbers(_ progress: [Progress?], at seconds: Int) throws -> RunNumbers {
        let graph = try #require(
            check(
                """
                pipe: 1
                stages:
                  one: { type: generate, rate: 10/s }
                  two: { type: generate, rate: 10/s }
                  end: { type: "null", from: [one, two] }
                """
            ).graph
        )
        var numbers = SimulatedRun(graph.plan, EngineOptions(epoch: 0, files: MemoryFiles())).numbers
        numbers.at = .zero + .seconds(seconds)
        for (index, progress) in progress.enumerated() { numbers.stages[index].progress = progress }
        return numbers
    }

    private func heading(_ progress: [Progress?], at seconds: Int, for duration: Duration? = nil) throws -> String {
        RunTable(colour: false, width: 80).heading("gate", try numbers(progress, at: seconds), for: duration)
    }

    @Test func `the heading says how far the slowest source has got, and what time is left`() throws {
        #expect(try heading([Progress(50, of: 100), Progress(1, of: 4)], at: 20) == "gate  20s  25 %  60s left")
        #expect(try heading([Progress(50, of: 100), Progress(1, of: 4)], at: 0) == "gate  0  25 %")
        #expect(try heading([Progress(0, of: 100), Progress(1, of: 4)], at: 20) == "gate  20s")
        #expect(try heading([Progress(0, of: 0), Progress(4, of: 4)], at: 20) == "gate  20s  100 %")
    }

    @Test func `a source that knows no end leaves it to the time that the run was given`() throws {
        #expect(try heading([Progress(50, of: 100), nil], at: 20) == "gate  20s")
        #expect(try heading([Progress(50, of: 100), nil], at: 20, for: .seconds(80)) == "gate  20s  25 %  60s left")
        #expect(try heading([nil, nil], at: 100, for: .seconds(80)) == "gate  100s  100 %")
    }

    @Test func `a line for a log says it too`() throws {
        let line = RunTable(colour: false, width: 80).line(
            try numbers([Progress(1, of: 2), Progress(1, of: 2)], at: 30),
            since: nil
        )
        #expect(line == "00:00:30  50 %  30s left  end 0 (0)  waiting 0")
    }
}
