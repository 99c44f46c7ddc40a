import PipeTesting
import Testing

@testable import Mef

struct MefContractTests {
    /// What the stages are tried with where their examples name what is on no machine.
    private static let options = [
        "mef_reader": ["path": "\"\(Night.path)\""],
        "mef_server": [
            "roots": "[\"\(Night.path)\"]", "address": "127.0.0.1:0", "environment": "false", "threads": "1",
        ],
    ]

    private static let identifiers = "its files have identifiers that are others in every run"

    @Test(
        arguments: Contract.cases(
            of: .mef,
            with: options,
            except: [
                .init("mef_writer", "does the same whatever the size of batches", because: identifiers),
                .init("mef_writer", "does the same with real threads", because: identifiers),
                .init("mef_writer", "shares nothing with another stage of its type", because: identifiers),
            ]
        )
    )
    func `the stages keep the contract`(_ test: Contract.Case) throws {
        let problems = try test.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}
