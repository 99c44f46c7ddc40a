/// Bytes that stand in a text, as RFC 4648 has them: the picture in a graph's test.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Nil where the text is not base64.
    static func decoded(_ text: String) -> [UInt8]? {
        let padding = text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard text.utf8.count % 4 == 0, padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var bits: (value: UInt32, count: Int) = (0, 0)
        for digit in text.utf8.dropLast(padding) {
            guard let value = digits.firstIndex(of: digit) else { return nil }
            bits = (bits.value << 6 | UInt32(value), bits.count + 6)
            if bits.count >= 8 {
                bits.count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits.value >> UInt32(bits.count)))
            }
        }
        return bytes
    }
}
