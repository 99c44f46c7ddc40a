import Glibc
import MefServer
import Testing

/// The server and clients of others, over a real connection.
///
/// Needs a Python with grpcio and mef3io-server: `PIPE_PYTHON=<venv>/bin/python swift test`. Without it the tests are
/// skipped.
@Suite(.enabled(if: Peer.isInstalled, "mef3io-server cannot be imported, set PIPE_PYTHON to a Python that can"))
struct PeerTests {
    @Test(arguments: ["first", "later"], [1 << 20, 64 << 20])
    func `a client of each generation gets what it expects`(generation: String, cacheBytes: Int) throws {
        var configuration = Configuration(roots: [Fixtures.directory])
        configuration.address = "127.0.0.1:0"
        configuration.cacheBytes = cacheBytes
        configuration.tileSamples = 5000
        let server = try MefServer(configuration)
        let outcome = Peer.run([generation, "127.0.0.1:\(server.port)", Fixtures.directory])
        #expect(outcome.code == 0, "\(outcome.text)")
        let statistics = server.statistics
        #expect(statistics.openFiles == 0 || generation == "later")
        #expect(statistics.tileBytes <= cacheBytes)
        #expect(server.stop(within: .seconds(10)))
    }
}

/// The script beside this file.
enum Peer {
    static let isInstalled = run(["check"]).code == 0

    static func run(_ arguments: [String]) -> (code: Int32, text: String) {
        let python = getenv("PIPE_PYTHON").map { String(cString: $0) } ?? "python3"
        let script = Fixtures.below(#filePath) + "mef_peer.py"
        let command = ([python, script] + arguments).map { "'\($0)'" }.joined(separator: " ") + " 2>&1"
        guard let pipe = popen(command, "r") else { return (-1, "popen failed") }
        var text = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), pipe) != nil {
            text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return (pclose(pipe), text)
    }
}

/// The sessions of the format library's tests.
enum Fixtures {
    static let directory: String = {
        let tests = below(#filePath).dropLast()
        return below(String(tests)) + "Mef3Tests/Fixtures"
    }()

    static func below(_ file: String) -> String { String(file[...(file.lastIndex(of: "/") ?? file.startIndex)]) }
}
