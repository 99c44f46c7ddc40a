/// Letters of 5×7 pixels for labels: digits, signs and what stands before them. Each row is five bits, the highest at the left.
enum Glyphs {
    static let width = 5
    static let height = 7

    static subscript(character: UInt8) -> [UInt8]? { table[character] }

    private static let table: [UInt8: [UInt8]] = {
        var table: [UInt8: [UInt8]] = [:]
        for (character, rows) in drawn { table[character.asciiValue ?? 0] = rows }
        return table
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
