import Glibc
import PipeCore
import PipeKit

/// How a stream of bytes is cut into packets: a value without state. What is left at the end of the bytes is the
/// beginning of a packet, and comes again before the next bytes.
public struct Framing: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case fixed(Int)
        /// An unsigned number of so many bytes says how many follow it.
        case prefixed(bytes: Int, isBig: Bool)
        case delimited(UInt8)
    }

    public let kind: Kind
    /// The longest packet, with its prefix or delimiter.
    public let longest: Int

    public init(kind: Kind, longest: Int) {
        precondition(longest > 0, "packets of at most \(longest) bytes")
        self.kind = kind
        self.longest = longest
    }

    public static func fixed(_ bytes: Int) -> Framing { Framing(kind: .fixed(bytes), longest: bytes) }

    /// What stands at the beginning of some bytes.
    public struct Cut: Hashable {
        public var packets = 0
        /// Bytes of whole packets.
        public var whole = 0
        /// Bytes that need not be looked at again when more have come.
        public var seen = 0
        /// A packet is longer than any may be: nothing behind it can be told apart.
        public var isBroken = false
    }

    /// Cuts bytes that begin with a packet; the first `seen` of them were looked at before, and held no end.
    public func cut(_ bytes: UnsafeRawBufferPointer, seen: Int = 0) -> Cut {
        switch kind {
        case .fixed(let size):
            let packets = bytes.count / size
            return Cut(packets: packets, whole: packets * size, seen: bytes.count)
        case .prefixed: return cutPrefixed(bytes)
        case .delimited(let delimiter): return cutDelimited(bytes, delimiter, seen)
        }
    }

    private func cutPrefixed(_ bytes: UnsafeRawBufferPointer) -> Cut {
        var cut = Cut()
        while let size = size(at: cut.whole, of: bytes) {
            guard size <= longest else {
                cut.isBroken = true
                break
            }
            guard size <= bytes.count - cut.whole else { break }
            cut.whole += size
            cut.packets += 1
        }
        cut.seen = cut.whole
        return cut
    }

    /// The size of the packet at a place, with its prefix; nil where the prefix is not there yet.
    private func size(at start: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
        guard case .prefixed(let width, let isBig) = kind, bytes.count - start >= width else { return nil }
        var size = 0
        for index in 0..<width {
            let byte = Int(bytes[start + index])
            size |= byte << (8 * (isBig ? width - 1 - index : index))
        }
        return size + width
    }

    private func cutDelimited(_ bytes: UnsafeRawBufferPointer, _ delimiter: UInt8, _ seen: Int) -> Cut {
        var cut = Cut()
        var from = min(seen, bytes.count)
        while from < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + from, Int32(delimiter), bytes.count - from)
        {
            let end = base.distance(to: found) + 1
            guard end - cut.whole <= longest else {
                cut.isBroken = true
                break
            }
            cut.whole = end
            cut.packets += 1
            from = end
        }
        cut.seen = bytes.count
        if !cut.isBroken { cut.isBroken = bytes.count - cut.whole >= longest }
        return cut
    }

    /// Calls with each packet of bytes that hold whole ones only, without prefix and delimiter.
    public func forEachPacket(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        if case .fixed(let size) = kind {
            while start + size <= bytes.count {
                body(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)]))
                start += size
            }
            return
        }
        while start < bytes.count {
            let (head, size, tail) = extent(at: start, of: bytes)
            guard size > 0, start + size <= bytes.count else { return }
            body(UnsafeRawBufferPointer(rebasing: bytes[(start + head)..<(start + size - tail)]))
            start += size
        }
    }

    private func extent(at start: Int, of bytes: UnsafeRawBufferPointer) -> (head: Int, size: Int, tail: Int) {
        switch kind {
        case .fixed(let size): return (0, size, 0)
        case .prefixed(let width, _): return (width, size(at: start, of: bytes) ?? 0, 0)
        case .delimited(let delimiter):
            guard let base = bytes.baseAddress, let found = memchr(base + start, Int32(delimiter), bytes.count - start)
            else { return (0, 0, 0) }
            return (0, base.distance(to: found) + 1 - start, 1)
        }
    }
}

/// How packets are told apart where they are not all of one size.
struct FramingOptions: OptionBlock {
    @Option("How packets are told apart.") var kind: Kind
    @Option("The number before each packet, which says how many bytes follow it.") var prefix = Prefix.u16Big
    @Option("The character after each packet.") var delimiter = "\n"
    @Option("The longest packet; a longer one ends the connection.", in: ByteCount(1)...ByteCount.kibibytes(256))
    var maxBytes = ByteCount.kibibytes(64)

    enum Kind: String, Choice {
        case lengthPrefixed = "length_prefixed"
        case delimited

        var summary: String {
            switch self {
            case .lengthPrefixed: "A number says how many bytes follow."
            case .delimited: "A character ends each."
            }
        }
    }

    enum Prefix: String, Choice {
        case u8
        case u16Big = "u16_big"
        case u16Little = "u16_little"
        case u32Big = "u32_big"
        case u32Little = "u32_little"

        var summary: String {
            switch self {
            case .u8: "One byte."
            case .u16Big: "Two bytes, the high one first."
            case .u16Little: "Two bytes, the low one first."
            case .u32Big: "Four bytes, the highest first."
            case .u32Little: "Four bytes, the lowest first."
            }
        }

        var width: Int {
            switch self {
            case .u8: 1
            case .u16Big, .u16Little: 2
            case .u32Big, .u32Little: 4
            }
        }

        var isBig: Bool { self == .u16Big || self == .u32Big }
    }

    func check(_ report: inout Diagnostics) {
        if kind == .delimited, delimiter.utf8.count != 1 {
            report.error(
                .outOfRange,
                at: $delimiter,
                "the delimiter '\(delimiter)' takes \(delimiter.utf8.count) bytes, and one byte ends a packet",
                hint: "use one ASCII character, such as \"\\n\""
            )
        }
        if kind == .delimited, $prefix.isStated {
            report.error(.optionConflict, at: $prefix, "packets that are delimited have no prefix", hint: "remove it")
        }
        if kind == .lengthPrefixed, $delimiter.isStated {
            report.error(
                .optionConflict,
                at: $delimiter,
                "packets with a prefix have no delimiter",
                hint: "remove it, or use 'kind: delimited'"
            )
        }
    }

    var framing: Framing {
        switch kind {
        case .lengthPrefixed:
            Framing(kind: .prefixed(bytes: prefix.width, isBig: prefix.isBig), longest: maxBytes.bytes + prefix.width)
        case .delimited: Framing(kind: .delimited(delimiter.utf8.first ?? 10), longest: maxBytes.bytes + 1)
        }
    }
}
