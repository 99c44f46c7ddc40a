/// Letters of 5×7 pixels for labels: digits, signs and what stands before them. Each row is five bits, the highest at the left.
enum Glyphs {
    static let width = 5
    static let height = 7

    /// `height` rows for each of 128 characters; those that are not drawn here are empty.
    static let rows: [UInt8] = {
        var all = [UInt8](repeating: 0, count: 128 * height)
        for (character, rows) in drawn {
            let start = Int(character.asciiValue ?? 0) * height
            all.replaceSubrange(start..<start + height, with: rows)
        }
        return all
    }()

    private static let drawn: [(Character, [UInt8])] = [
        ("0", [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110]),
        ("1", [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110]),
        ("2", [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111]),
        ("3", [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110]),
        ("4", [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010]),
        ("5", [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110]),
        ("6", [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110]),
        ("7", [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000]),
        ("8", [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110]),
        ("9", [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100]),
        (".", [0, 0, 0, 0, 0, 0b01100, 0b01100]),
        (",", [0, 0, 0, 0, 0b01100, 0b00100, 0b01000]),
        ("-", [0, 0, 0, 0b11111, 0, 0, 0]),
        ("s", [0, 0, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110]),
        ("R", [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001]),
        ("#", [0b01010, 0b01010, 0b11111, 0b01010, 0b11111, 0b01010, 0b01010]),
    ]
}
