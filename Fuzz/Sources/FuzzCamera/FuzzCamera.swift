import Camera
import Frames
import PipeCore

/// The parser of pictures, fed in pieces as a socket feeds it, beside one that looks at one byte after the other.
///
/// The first byte says how the rest is split, and how much memory there is for what is unfinished.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 1 else { return 0 }
    let stream = UnsafeRawBufferPointer(start: data + 1, count: size - 1)
    // Where there is no memory at all, the first byte of a picture is refused.
    let hasRoom = data[0] & 2 == 0
    let memory = FrameMemory(most: hasRoom ? .mebibytes(1) : ByteCount(0), keeping: .kibibytes(64))
    let model = Model(stream)
    var parser = FrameParser(longest: Model.longest)
    var chance = UInt32(data[0]) + 1
    var (place, frames, failure) = (0, 0, FrameParser.Failure?.none)
    while place < stream.count, failure == nil {
        chance = chance &* 1_664_525 &+ 1_013_904_223
        let end = min(stream.count, place + 1 + Int(chance >> 24) % (data[0] & 1 == 0 ? 7 : 200))
        let most = 1 + Int(chance >> 20) % 4
        var emitted = 0
        do throws(FrameParser.Failure) {
            let piece = UnsafeRawBufferPointer(rebasing: stream[place..<end])
            let taken = try parser.take(piece, most: most, memory) { frame in
                precondition(frames < model.frames.count, "a picture too many")
                precondition(frame.bytes.elementsEqual(stream[model.frames[frames]]), "another picture")
                _ = frame.described
                frames += 1
                emitted += 1
            }
            precondition(taken <= piece.count && (taken == piece.count || emitted == most), "\(taken) of \(piece.count)")
            place += taken
        } catch { failure = error }
        precondition(emitted <= most && memory.pending >= 0 && memory.pending <= 1 << 20)
    }
    if hasRoom {
        precondition(frames == model.frames.count && failure == model.failure, "\(frames), \(String(describing: failure))")
        precondition(failure != nil || parser.isWithin == model.isWithin)
    } else {
        precondition(frames == 0)
    }
    parser.drop(memory)
    precondition(memory.pending == 0)
    return 0
}

/// What a reader of one byte at a time finds: where the pictures are, and what ends it.
private struct Model {
    static let longest = 3000

    var frames: [Range<Int>] = []
    var failure: FrameParser.Failure?
    var isWithin = false

    init(_ stream: UnsafeRawBufferPointer) {
        var place = 0
        while place < stream.count {
            isWithin = true
            guard place + 4 <= stream.count else { return }
            let length = stream[place..<place + 4].reduce(0) { $0 * 256 + Int($1) }
            if length == 0 { failure = .empty }
            if length > Self.longest { failure = .tooLong(length) }
            guard failure == nil, place + 4 + length <= stream.count else { return }
            frames.append(place + 4..<place + 4 + length)
            place += 4 + length
            isWithin = false
        }
    }
}
