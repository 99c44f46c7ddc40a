import Basics
import PipeGraph
import PipeKit

/// Long enough that no input has it by chance.
private let secret = "kZ8-never-to-be-seen-7Qw"

private let checker = GraphChecker(
    catalogue: Catalogue([.basics]),
    options: {
        var options = CheckOptions(environment: ["HOME": "/", "PIPE_SECRET_TOKEN": secret])
        options.looksAtWorld = false
        return options
    }()
)

/// Checks any bytes as a graph, and prints what was found. A finding that leaks the secret, an error-free result without
/// a graph, or a place outside the file is a bug like a trap is.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGraph(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let result = checker.check(SourceFile(name: "graph.yaml", directory: "/nowhere", bytes: bytes))
    let text = TextReport(colour: false).text(result.findings, result.files)
    precondition(!text.contains(secret), "a secret was printed")
    precondition((result.graph == nil) == (result.errorCount > 0), "a graph and errors, or neither")
    for finding in result.findings {
        let place = finding.place
        precondition(place.line >= 1 && place.column >= 1 && place.length >= 1, "\(place)")
        precondition(Int(place.line) <= max(1, result.files[place].lineCount), "\(place)")
    }
    if let graph = result.graph { _ = graph.dot() }
    return 0
}
