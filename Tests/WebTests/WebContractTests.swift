import PipeTesting
import Testing

@testable import Web

/// Every stage of the plugin, also one that is added later, under every behaviour.
struct WebContractTests {
    @Test(arguments: Contract.cases(of: .web))
    func `the stages keep the contract`(_ test: Contract.Case) throws {
        let problems = try test.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}
