/// What belongs together: the name of a camera, a client, an order.
///
/// It is on every item's way, so it is two words without a reference: copying it costs nothing. Up to 15 bytes stand in
/// place. Longer ones are kept in a table as long as the program runs, and when that holds 65 536 of them a further one
/// is shortened to its first bytes and a hash.
public struct Key: Sendable, Hashable, BitwiseCopyable {
    @usableFromInline let low: UInt64
    /// The last byte is the length, or 255 where `low` is a place in the table.
    @usableFromInline let high: UInt64

    public static let none = Key(low: 0, high: 0)

    @inlinable
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    public init(_ text: some StringProtocol) {
        var text = String(text)
        if let key = text.withUTF8(Key.init(bytes:)) {
            self = key
        } else {
            self = Key.long(text)
        }
    }

    /// Nil where there are more than 15 bytes.
    private init?(bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count <= 15 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &words) { target in
            target.copyBytes(from: bytes)
            target[15] = UInt8(bytes.count)
        }
        self.init(low: words.0, high: words.1)
    }

    @inlinable public var isEmpty: Bool { low == 0 && high == 0 }

    public var text: String {
        if isEmpty { return "" }
        return withUnsafeBytes(of: (low, high)) { bytes in
            let length = Int(bytes[15])
            guard length == 255 else { return String(decoding: bytes[..<length], as: UTF8.self) }
            return Key.table.lock.locked { Key.table.texts[Int(low)] }
        }
    }

    private final class Table: @unchecked Sendable {  // guarded by its lock
        let lock = Lock()
        var texts: [String] = []
        var places: [Bytes: Int] = [:]
    }

    /// A text by what it is written in: two that Swift holds for equal, "é" in one piece and in two, are two keys
    /// whatever their length.
    private struct Bytes: Hashable {
        let text: String

        static func == (a: Bytes, b: Bytes) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

        func hash(into hasher: inout Hasher) {
            text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    private static let table = Table()
    private static let mostLong = 65_536

    private static func long(_ text: String) -> Key {
        let place = table.lock.locked { () -> Int? in
            if let known = table.places[Bytes(text: text)] { return known }
            guard table.texts.count < mostLong else { return nil }
            table.texts.append(text)
            table.places[Bytes(text: text)] = table.texts.count - 1
            return table.texts.count - 1
        }
        if let place { return Key(low: UInt64(place), high: 255 << 56) }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a: the same in every run
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 36)
        let start = text.utf8.prefix(14 - digits.utf8.count)
        return Key(String(decoding: start, as: UTF8.self).filter { $0 != "\u{FFFD}" } + "~" + digits)
    }
}

extension Key: ExpressibleByStringLiteral, CustomStringConvertible {
    public init(stringLiteral value: String) { self.init(value) }
    public var description: String { text }
}
