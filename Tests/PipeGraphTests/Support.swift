import Basics
import Glibc
import PipeGraph
import PipeKit
import Testing

/// Where the tests' own files are, whatever directory they run in.
let testFolder = String(#filePath.dropLast("/Support.swift".count))
let projectFolder = String(testFolder.dropLast("/Tests/PipeGraphTests".count))

let testCatalogue = Catalogue([.basics])
let testEnvironment = ["PIPE_TEST": "set", "PIPE_SECRET_TOKEN": "hush"]

func check(
    _ text: String,
    name: String = "graph.yaml",
    set params: [(name: String, value: String)] = [],
    offline: Bool = false,
    catalogue: Catalogue = testCatalogue
) -> CheckResult {
    var options = CheckOptions(environment: testEnvironment)
    options.params = params
    options.looksAtWorld = !offline
    return GraphChecker(catalogue: catalogue, options: options).check(text: text, name: name)
}

/// The findings as a terminal shows them, without colour.
func report(_ result: CheckResult) -> String {
    TextReport(colour: false).text(result.findings, result.files)
}

func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
}

func readText(_ path: String) -> String? { contents(of: path).map { String(decoding: $0, as: UTF8.self) } }

func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"), "cannot write \(path)")
    defer { fclose(file) }
    fputs(text, file)
}

/// The names in a folder, in order.
func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
}

/// Compares with a file in Golden/, or records it with PIPE_RECORD=1.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let path = "\(testFolder)/Golden/\(name)"
    if getenv("PIPE_RECORD") != nil {
        try write(text, to: path)
        return
    }
    let recorded = readText(path)
    let golden = try #require(recorded, "record \(name) with PIPE_RECORD=1", sourceLocation: sourceLocation)
    #expect(text == golden, "PIPE_RECORD=1 records it anew; review the change", sourceLocation: sourceLocation)
}

func truncateFile(_ path: String, _ size: Int) -> Bool { truncate(path, size) == 0 }

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
