import Frames
import PipeCore
import Testing

@testable import Camera

struct FrameParserTests {
    private let memory = FrameMemory(most: .mebibytes(2), keeping: ByteCount(0))

    private func parse(
        _ parser: inout FrameParser,
        _ bytes: [UInt8],
        most: Int = .max
    ) throws(FrameParser.Failure) -> (frames: [[UInt8]], taken: Int) {
        var frames: [[UInt8]] = []
        var result: Result<Int, FrameParser.Failure> = .success(0)
        bytes.withUnsafeBytes { raw in
            do throws(FrameParser.Failure) {
                result = .success(try parser.take(raw, most: most, memory) { frames.append(Array($0.bytes)) })
            } catch { result = .failure(error) }
        }
        return (frames, try result.get())
    }

    @Test(arguments: [1, 3, 4, 5, 7, 64, 4096, 1_000_000])
    func `pictures come whole however the bytes are cut`(step: Int) throws {
        let sent = [1, 2, 300, 70_000, 5, 200_000].map { size in
            (0..<size).map { UInt8(truncatingIfNeeded: $0 &* size) }
        }
        let stream = sent.flatMap { framed($0) }
        var parser = FrameParser(longest: 1 << 20)
        var came: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: step) {
            let piece = Array(stream[start..<min(stream.count, start + step)])
            let (frames, taken) = try parse(&parser, piece)
            #expect(taken == piece.count)
            came += frames
        }
        #expect(came == sent)
        #expect(!parser.isWithin && memory.pending == 0)
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0], .empty), ([0xFF, 0xFF, 0xFF, 0xFF, 1], .tooLong(0xFFFF_FFFF)),
            ([0, 1, 0, 1], .tooLong(65_537)),
        ] as [([UInt8], FrameParser.Failure)]
    )
    func `a length that cannot be is refused before memory is taken`(bytes: [UInt8], failure: FrameParser.Failure) {
        var parser = FrameParser(longest: 65_536)
        #expect(throws: failure) { try parse(&parser, bytes) }
        #expect(memory.pending == 0)
    }

    @Test func `what is only announced takes no memory, and what comes at most twice its own`() throws {
        var parser = FrameParser(longest: 1 << 30)
        _ = try parse(&parser, [0, 16, 0, 0])
        #expect(memory.pending == 0 && parser.isWithin)
        var came = 0
        for _ in 0..<20 {
            _ = try parse(&parser, [UInt8](repeating: 7, count: 30_000))
            came += 30_000
            #expect(memory.pending <= max(64 << 10, came * 5 / 2))
        }
        parser.drop(memory)
        #expect(memory.pending == 0 && !parser.isWithin)
    }

    @Test func `unfinished pictures have one limit together`() throws {
        var parsers = (0..<5).map { _ in FrameParser(longest: 1 << 20) }
        let half = Array(framed([UInt8](repeating: 1, count: 1 << 20)).prefix(600_000))
        var refused = 0
        for number in parsers.indices {
            do { _ = try parse(&parsers[number], half) } catch {
                #expect(error == .noRoom)
                refused += 1
                parsers[number].drop(memory)
            }
        }
        #expect(refused >= 2 && memory.pending <= 5 << 19)
    }

    @Test func `no more pictures come than there is room for, and the rest is taken later`() throws {
        var parser = FrameParser(longest: 100)
        let stream = (1...10).flatMap { framed([UInt8(truncatingIfNeeded: $0)]) }
        let (first, taken) = try parse(&parser, stream, most: 4)
        #expect(first == [[1], [2], [3], [4]] && taken == 20)
        let (rest, _) = try parse(&parser, Array(stream[taken...]))
        #expect(rest.count == 6)
    }
}
