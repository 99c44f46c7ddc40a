import FoundationEssentials
import Glibc
import Mef3
import PipeCore
import PipeTesting

@testable import Mef

/// This directory, in the source tree.
let testFolder = String(#filePath.dropLast("/Support.swift".count))

/// A small session that lives as long as the tests: three channels of 100 Hz and 20 s, one of them with a gap of 2.5 s
/// and one that begins 3 s late.
enum Night {
    static let start: Int64 = 1_600_000_000_000_000

    static func counts(_ channel: Int, _ range: Range<Int>) -> [Int32] {
        range.map { Int32((($0 * (channel + 3)) % 211) - 100) }
    }

    static let path: String = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-night-\(UUID().uuidString)").path
        do {
            try write(to: folder + "/night.mefd")
        } catch {
            preconditionFailure("no session can be made: \(error)")
        }
        atexit { try? FileManager.default.removeItem(atPath: Night.path.replacing("/night.mefd", with: "")) }
        return folder + "/night.mefd"
    }()

    static func write(to path: String, password: String? = nil) throws {
        try FileManager.default.createDirectory(
            atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]),
            withIntermediateDirectories: true
        )
        let writer = try SessionWriter(
            path: path,
            passwords: password.map { try .init(level1: $0, level2: nil) }
        )
        var metadata = ChannelMetadata(samplingFrequency: 100)
        metadata.units = "uV"
        metadata.conversionFactor = 0.5
        try writer.write([(start, counts(0, 0..<2000))], of: "A", metadata: metadata, blockSamples: 300)
        try writer.write(
            [(start, counts(1, 0..<1000)), (start + 12_500_000, counts(1, 1000..<1750))],
            of: "B",
            metadata: metadata,
            blockSamples: 300
        )
        try writer.write([(start + 3_000_000, counts(2, 0..<1700))], of: "C", metadata: metadata, blockSamples: 300)
    }
}

/// What a stage made of blocks.
extension StageResult {
    func blocks(_ output: String) -> [Samples] { self[output].compactMap { $0.payload as? Samples } }
}

extension Samples {
    func row(_ row: Int) -> [Double] { withRow(row) { Array($0) } }
}

/// Values of one channel as blocks of different lengths, each right behind the one before.
func blocks(_ values: [Double], rate: Double, start: Int64 = Night.start, lengths: [Int] = [1, 7, 100, 33]) -> [Samples]
{
    let signal = Signal(channels: ["x"], rate: rate, unit: "uV")
    var (blocks, first, turn) = ([Samples](), 0, 0)
    while first < values.count {
        let count = min(lengths[turn % lengths.count], values.count - first)
        let time = start + Int64((Double(first) / rate * 1e6).rounded())
        blocks.append(.make(signal, start: time, [Array(values[first..<first + count])]))
        first += count
        turn += 1
    }
    return blocks
}

/// What a program prints; it must end well.
func ask(_ program: String, _ words: [String]) throws -> String {
    let command = ([program] + words).map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
    guard let pipe = popen(command + " 2>/dev/null", "r") else { throw StageError("'\(program)' cannot be run") }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { text += chunk[..<count] }
    guard pclose(pipe) == 0 else { throw StageError("'\(program)' ended badly") }
    return String(decoding: text, as: UTF8.self)
}

extension String {
    /// Without blanks at its end.
    var trimming: String { String(reversed().drop { $0 == " " }.reversed()) }
}
