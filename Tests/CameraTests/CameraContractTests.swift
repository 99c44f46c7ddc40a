import PipeTesting
import Testing

@testable import Camera

/// Every stage of the plugin, also one that is added later, under every behaviour.
@Suite(.serialized)  // servers on real time want their addresses for themselves
struct CameraContractTests {
    static let options = ["image_files": ["path": "\"\(pictures)\"", "match": "\"grey*\""]]

    static let exemptions = [
        Contract.Exemption(
            "camera_tcp",
            "ends, with every item accounted for",
            because: "what it takes comes from the world, and on virtual time there is none"
        ),
        Contract.Exemption(
            "image_archive",
            "does the same when the date jumps",
            because: "the names of its files are dates"
        ),
    ]

    @Test(arguments: Contract.cases(of: .camera, with: options, except: exemptions))
    func `the stages keep the contract`(_ test: Contract.Case) throws {
        let problems = try test.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}
