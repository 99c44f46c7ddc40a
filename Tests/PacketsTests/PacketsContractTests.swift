import PipeTesting
import Testing

@testable import Packets

/// Every stage of the plugin, also one that is added later, under every behaviour.
@Suite(.serialized)  // servers on real time want their addresses for themselves
struct PacketsContractTests {
    static let exemptions =
        sources + [
            Contract.Exemption(
                "tcp_packet_sink",
                "does the same with real threads",
                because: "on real time there is no server here"
            )
        ]

    private static let sources = ["tcp_packets", "udp_packets", "unix_packets"].map {
        Contract.Exemption(
            $0,
            "ends, with every item accounted for",
            because: "what it takes comes from the world, and on virtual time there is none"
        )
    }

    @Test(arguments: Contract.cases(of: .packets, except: PacketsContractTests.exemptions))
    func `the stages keep the contract`(_ test: Contract.Case) throws {
        let problems = try test.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}
