import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Mef

/// The server as a stage. What it answers is tested where it lives, in MefServerTests.
struct ServingTests {
    private let options = "roots: [\"\(Night.path)\"]\naddress: 127.0.0.1:0\nevery: 1s"

    @Test(arguments: StageHarness.Clock.allCases)
    func `serves as long as the run goes on, and tells its numbers`(clock: StageHarness.Clock) throws {
        let options = options.replacing("every: 1s", with: "every: 20ms")
        let result = try StageHarness(MefServing.self, options).run(on: clock, stoppingAt: .milliseconds(500))
        #expect(result.troubles.isEmpty, "\(result.troubles)")
        #expect(result.isComplete && result.imbalances.isEmpty)
        let numbers = result.values("numbers")
        #expect(numbers.count > 3)
        #expect(numbers.allSatisfy { $0["calls"] == 0 && $0["open_files"] == 0 })
        #expect(result.log.contains { $0.message.contains("at 127.0.0.1:") })
    }

    @Test(arguments: [
        ("roots: [/nowhere]\naddress: 127.0.0.1:0", "the root '/nowhere' does not exist"),
        ("roots: [/tmp]\naddress: 127.0.0.1:0\ncertificate: /no.pem\nkey: /no.pem", "'/no.pem' cannot be opened"),
    ])
    func `says why it cannot serve`(options: String, text: String) throws {
        let result = try StageHarness(MefServing.self, options).run(stoppingAt: .seconds(1))
        #expect(result.troubles.first?.contains(text) == true, "\(result.troubles)")
    }
}
