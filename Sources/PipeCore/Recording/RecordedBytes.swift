/// Writes what a recording holds: numbers of seven bits a byte, signs folded in, since most are small; and what has a length behind
/// it.
public struct RecordedWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func number(_ number: Int) {
        var rest = UInt(bitPattern: (number << 1) ^ (number >> 63))
        while rest > 127 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    public mutating func text(_ text: String) { blob(text.utf8) }

    public mutating func blob(_ more: some Collection<UInt8>) {
        number(more.count)
        bytes += more
    }

    public mutating func optional(_ text: String?) {
        number(text == nil ? 0 : 1)
        if let text { self.text(text) }
    }
}

/// Reads it again. What comes of bytes that nobody has written so is nil.
public struct RecordedReader {
    private let bytes: ArraySlice<UInt8>
    private(set) var place: Int

    public init(_ bytes: ArraySlice<UInt8>) { (self.bytes, place) = (bytes, bytes.startIndex) }

    public var isAtEnd: Bool { place == bytes.endIndex }

    public mutating func number() -> Int? {
        var value: UInt = 0
        for shift in stride(from: UInt(0), to: 70, by: 7) {
            guard place < bytes.endIndex else { return nil }
            let byte = bytes[place]
            place += 1
            value |= UInt(byte & 127) << shift
            if byte < 128 { return Int(bitPattern: value >> 1) ^ -Int(bitPattern: value & 1) }
        }
        return nil
    }

    /// A number of things that each take a byte at least.
    public mutating func count() -> Int? {
        guard let count = number(), count >= 0, count <= bytes.endIndex - place else { return nil }
        return count
    }

    public mutating func blob() -> ArraySlice<UInt8>? {
        guard let count = count() else { return nil }
        defer { place += count }
        return bytes[place..<(place + count)]
    }

    public mutating func text() -> String? { blob().map { String(decoding: $0, as: UTF8.self) } }

    public mutating func optional() -> String?? {
        switch number() {
        case 0: .some(nil)
        case 1: text().map { .some($0) }
        default: nil
        }
    }
}
