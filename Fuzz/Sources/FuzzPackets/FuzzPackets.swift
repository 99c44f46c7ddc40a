import Packets

/// The parser of packets, fed in pieces as a socket feeds it, beside one that looks at one byte after the other.
///
/// The first byte chooses the framing, the second how the rest is split.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 2 else { return 0 }
    let framing = framings[Int(data[0]) % framings.count]
    let stream = UnsafeRawBufferPointer(start: data + 2, count: size - 2)
    let model = Model(framing, stream)
    var chance = UInt32(data[1]) + 1
    var (place, packets, bytes, start, seen, isBroken) = (0, 0, 0, 0, 0, false)
    while place < stream.count, !isBroken {
        chance = chance &* 1_664_525 &+ 1_013_904_223
        place = min(stream.count, place + 1 + Int(chance >> 24) % (data[1] & 1 == 0 ? 7 : 200))
        let window = UnsafeRawBufferPointer(rebasing: stream[start..<place])
        let cut = framing.cut(window, seen: seen)
        precondition(cut.whole >= 0 && cut.whole <= window.count && cut.seen >= cut.whole && cut.seen <= window.count)
        var found = 0
        framing.forEachPacket(UnsafeRawBufferPointer(rebasing: window[..<cut.whole])) { packet in
            precondition(packets + found < model.lengths.count && model.lengths[packets + found] == packet.count)
            found += 1
            bytes += packet.count
        }
        precondition(found == cut.packets, "\(found) packets for \(cut.packets)")
        packets += found
        start += cut.whole
        seen = cut.seen - cut.whole
        isBroken = cut.isBroken
    }
    precondition(packets == model.lengths.count && isBroken == model.isBroken, "\(packets), and \(model.lengths.count)")
    precondition(bytes == model.lengths.reduce(0, +))
    return 0
}

private let framings: [Framing] = [
    .fixed(1), .fixed(16), .fixed(32), Framing(kind: .prefixed(bytes: 1, isBig: true), longest: 200),
    Framing(kind: .prefixed(bytes: 2, isBig: true), longest: 600), Framing(kind: .prefixed(bytes: 2, isBig: false), longest: 600),
    Framing(kind: .prefixed(bytes: 4, isBig: true), longest: 1000), Framing(kind: .prefixed(bytes: 4, isBig: false), longest: 1000),
    Framing(kind: .delimited(10), longest: 80), Framing(kind: .delimited(0), longest: 3),
]

/// What a reader of one byte at a time finds: how long each packet is, and whether one was too long.
private struct Model {
    var lengths: [Int] = []
    var isBroken = false

    init(_ framing: Framing, _ stream: UnsafeRawBufferPointer) {
        var (held, size) = (0, 0)
        for byte in stream {
            held += 1
            switch framing.kind {
            case .fixed(let length): if held == length { take(length, &held, &size) }
            case .delimited(let delimiter):
                if byte == delimiter { take(held - 1, &held, &size) } else if held == framing.longest { isBroken = true }
            case .prefixed(let width, let isBig):
                if held <= width { size += Int(byte) << (8 * (isBig ? width - held : held - 1)) }
                guard held >= width else { continue }
                if size + width > framing.longest {
                    isBroken = true
                } else if held == size + width {
                    take(size, &held, &size)
                }
            }
            if isBroken { return }
        }
    }

    private mutating func take(_ length: Int, _ held: inout Int, _ size: inout Int) {
        lengths.append(length)
        (held, size) = (0, 0)
    }
}
