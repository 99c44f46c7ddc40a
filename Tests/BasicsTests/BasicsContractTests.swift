import PipeTesting
import Testing

@testable import Basics

/// Every stage of the plugin, also one that is added later, under every behaviour.
struct BasicsContractTests {
    static let exemptions = [
        Contract.Exemption(
            "jsonl_file with header: true",
            "does the same when the date jumps",
            because: "the date of capture is what it is to write"
        )
    ]

    @Test(arguments: Contract.cases(of: .basics, except: BasicsContractTests.exemptions))
    func `the stages keep the contract`(_ test: Contract.Case) throws {
        let problems = try test.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}
