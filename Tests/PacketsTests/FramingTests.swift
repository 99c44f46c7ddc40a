import PipeCore
import PipeKit
import Testing

@testable import Packets

/// The parser beside a model that looks at one byte after the other.
struct FramingTests {
    static let framings: [Framing] = [
        .fixed(1), .fixed(7), .fixed(32), Framing(kind: .prefixed(bytes: 1, isBig: true), longest: 256),
        Framing(kind: .prefixed(bytes: 2, isBig: true), longest: 300),
        Framing(kind: .prefixed(bytes: 2, isBig: false), longest: 300),
        Framing(kind: .prefixed(bytes: 4, isBig: true), longest: 200),
        Framing(kind: .prefixed(bytes: 4, isBig: false), longest: 200),
        Framing(kind: .delimited(10), longest: 40),
    ]

    /// Random bytes of which many make sense, cut at random places.
    @Test(arguments: FramingTests.framings, [UInt64](1...40))
    func `packets are the same however the stream is split`(framing: Framing, seed: UInt64) {
        var chance = RandomSource(seed: seed)
        let stream = randomStream(framing, &chance)
        let model = FramingModel(framing, stream)
        var (found, carry, seen, isBroken, place) = ([[UInt8]](), [UInt8](), 0, false, 0)
        while place < stream.count, !isBroken {
            let size = Int.random(in: 1...[1, 3, 40, 500][Int.random(in: 0..<4, using: &chance)], using: &chance)
            let bytes = carry + stream[place..<min(stream.count, place + size)]
            place += size
            let cut = bytes.withUnsafeBytes { framing.cut($0, seen: seen) }
            var packets = 0
            bytes[..<cut.whole].withUnsafeBytes { whole in
                framing.forEachPacket(whole) { packet in
                    packets += 1
                    found.append(Array(packet))
                }
            }
            #expect(packets == cut.packets)
            #expect(cut.whole <= bytes.count && cut.seen >= cut.whole && cut.seen <= bytes.count)
            carry = Array(bytes[cut.whole...])
            seen = cut.seen - cut.whole
            isBroken = cut.isBroken
        }
        #expect(found == model.packets)
        #expect(isBroken == model.isBroken)
        if !isBroken { #expect(carry == model.rest) }
    }

    @Test func `a packet that can never be whole is told at once`() {
        let prefixed = Framing(kind: .prefixed(bytes: 4, isBig: false), longest: 100)
        let bytes: [UInt8] = [1, 0, 0, 0, 9, 255, 255, 255, 255]
        let cut = bytes.withUnsafeBytes { prefixed.cut($0) }
        #expect(cut == Framing.Cut(packets: 1, whole: 5, seen: 5, isBroken: true))
        let delimited = Framing(kind: .delimited(10), longest: 4)
        #expect([UInt8]("abcd".utf8).withUnsafeBytes { delimited.cut($0).isBroken })
        #expect(![UInt8]("abc".utf8).withUnsafeBytes { delimited.cut($0).isBroken })
    }
}

/// What a reader of one byte at a time finds.
struct FramingModel {
    private(set) var packets: [[UInt8]] = []
    private(set) var rest: [UInt8] = []
    private(set) var isBroken = false

    init(_ framing: Framing, _ stream: [UInt8]) {
        for byte in stream {
            rest.append(byte)
            switch framing.kind {
            case .fixed(let size): if rest.count == size { take(rest) }
            case .delimited(let delimiter):
                if byte == delimiter { take(rest.dropLast()) } else if rest.count == framing.longest { isBroken = true }
            case .prefixed(let width, let isBig):
                guard rest.count >= width else { continue }
                let digits = isBig ? Array(rest[..<width]) : rest[..<width].reversed()
                let size = digits.reduce(0) { $0 * 256 + Int($1) }
                if size + width > framing.longest {
                    isBroken = true
                } else if rest.count == size + width {
                    take(rest[width...])
                }
            }
            if isBroken { return }
        }
    }

    private mutating func take(_ packet: some Sequence<UInt8>) {
        packets.append(Array(packet))
        rest = []
    }
}

func randomStream(_ framing: Framing, _ chance: inout RandomSource) -> [UInt8] {
    var stream: [UInt8] = []
    for _ in 0..<Int.random(in: 0..<30, using: &chance) {
        let isSound = Int.random(in: 0..<40, using: &chance) > 0
        let length = Int.random(in: 0..<(isSound ? 39 : 400), using: &chance)
        switch framing.kind {
        case .fixed: break
        case .delimited(let delimiter):
            stream += (0..<length).map { _ in UInt8.random(in: 97...122, using: &chance) } + [delimiter]
            continue
        case .prefixed(let width, let isBig):
            let bytes = (0..<width).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            stream += isBig ? bytes.reversed() : bytes
        }
        stream += (0..<length).map { _ in UInt8.random(in: 0...255, using: &chance) }
    }
    return stream
}

struct SequenceBookTests {
    /// Random numbers near the expected one, beside a set of all that came.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as [UInt64])
    func `counts as a set of all numbers does`(seed: UInt64) {
        var chance = RandomSource(seed: seed)
        for (width, start) in [(8, UInt64(1000)), (4, UInt64(UInt32.max) - 50), (2, 65_500), (8, UInt64.max - 60)] {
            var book = SequenceBook(width: width)
            var (seen, highest, reordered, duplicated) = (Set<Int>(), 0, 0, 0)
            for step in 0..<2000 {
                let offset = [1, 1, 1, 1, Int.random(in: -60...60, using: &chance)][
                    Int.random(in: 0..<5, using: &chance)
                ]
                let number = step == 0 ? 0 : highest + offset
                let mask = width == 8 ? UInt64.max : (1 << UInt64(8 * width)) - 1
                book.count((start &+ UInt64(bitPattern: Int64(number))) & mask)
                if seen.contains(number) {
                    duplicated += 1
                } else if number < highest {
                    reordered += 1
                }
                seen.insert(number)
                highest = max(highest, number)
            }
            let lost = (0...highest).count { !seen.contains($0) }
            #expect(book.lost == lost && book.reordered == reordered && book.duplicated == duplicated)
            #expect(book.stale == 0)
        }
    }

    @Test func `what lies too far back is told apart`() {
        var book = SequenceBook(width: 8)
        for number in 0..<3000 { book.count(UInt64(number)) }
        book.count(5)
        #expect(book.stale == 1 && book.lost == 0 && book.duplicated == 0)
        book.count(9000)
        #expect(book.lost == 6000)
        for number in 8990..<9000 { book.count(UInt64(number)) }
        #expect(book.lost == 5990 && book.reordered == 10)
    }
}
