// Fields of packed little-endian structures. The loads are bounds-checked by RawSpan, and a failed check traps: every
// caller has compared the size of the structure with the bytes at hand before the first load.

extension RawSpan {
    @inline(__always)
    func integer<Field: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: Field.Type = Field.self) -> Field {
        Field(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Field.self))
    }

    func float(_ offset: Int) -> Float { Float(bitPattern: integer(offset)) }

    func double(_ offset: Int) -> Double { Double(bitPattern: integer(offset)) }

    func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        for index in offset..<offset + count { copy.append(unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
        return copy
    }

    /// The text of a field: up to its first zero byte or the field's end, invalid UTF-8 replaced.
    func text(_ offset: Int, _ count: Int) -> String {
        String(decoding: bytes(offset, count).prefix { $0 != 0 }, as: UTF8.self)
    }

    func isZero(_ offset: Int, _ count: Int) -> Bool {
        for index in offset..<offset + count where unsafeLoad(fromByteOffset: index, as: UInt8.self) != 0 {
            return false
        }
        return true
    }
}

extension [UInt8] {
    mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { field in
            for (index, byte) in field.enumerated() { self[offset + index] = byte }
        }
    }

    mutating func put(_ value: Float, at offset: Int) { put(value.bitPattern, at: offset) }

    mutating func put(_ value: Double, at offset: Int) { put(value.bitPattern, at: offset) }

    mutating func put(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// Writes as many whole characters as leave room for the final zero byte.
    mutating func put(text: String, at offset: Int, room: Int) {
        var end = offset
        for character in text.unicodeScalars {
            let bytes = Array(String(character).utf8)
            guard end + bytes.count < offset + room else { break }
            put(bytes, at: end)
            end += bytes.count
        }
    }
}
