import FoundationEssentials
import Glibc
import PipeCore
import PipeTesting
import Testing

extension StageResult.Output {
    /// When it came out, in milliseconds: work on an item costs less.
    var milliseconds: Int { at.nanoseconds / 1_000_000 }
}

extension StageResult {
    /// The values of one name in what came out of an output.
    func numbers(_ name: String, of output: String) -> [JSON?] { values(output).map { $0[name] } }
}

func write(_ text: String, to path: String, _ mode: String = "w") throws {
    let file = try #require(fopen(path, mode), "cannot write \(path)")
    defer { fclose(file) }
    fputs(text, file)
}

func text(of path: String) throws -> String {
    String(decoding: try Data(contentsOf: .init(filePath: path)), as: UTF8.self)
}

/// Numbers that look like chance and are the same each time.
func scattered(_ count: Int, below limit: Int, seed: UInt64 = 1) -> [Int] {
    var chance = RandomSource(seed: seed)
    return (0..<count).map { _ in Int.random(in: 0..<limit, using: &chance) }
}
