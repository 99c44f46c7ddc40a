import Glibc

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
