import PipeKit

/// The first look at a file's bytes: UTF-8 without control characters. libyaml would name neither line nor column.
enum TextCheck {
    static func check(_ bytes: [UInt8], file: Int32) throws(YAMLError) {
        for (mark, name) in [([0xff, 0xfe] as [UInt8], "UTF-16"), ([0xfe, 0xff], "UTF-16")]
        where bytes.starts(with: mark) {
            throw YAMLError(
                .notUTF8,
                at: Place(file: file, line: 1, column: 1, length: 1),
                "the file is in \(name), and a graph is UTF-8",
                help: "save it as UTF-8"
            )
        }
        guard let (offset, isControl) = firstProblem(bytes) else { return }
        let place = place(of: offset, in: bytes, file: file)
        let byte = "0x" + String(bytes[offset], radix: 16)
        if isControl {
            let scalar = String(decoding: bytes[offset..<min(bytes.count, offset + 3)], as: UTF8.self).unicodeScalars
                .first
            let number = String(scalar?.value ?? 0, radix: 16, uppercase: true)
            let name = "U+" + String(repeating: "0", count: max(0, 4 - number.count)) + number
            throw YAMLError(
                .controlCharacter,
                at: place,
                bytes[offset] == 0 ? "a NUL byte stands here" : "the invisible character \(name) stands here",
                help: "remove it"
            )
        }
        throw YAMLError(
            .notUTF8,
            at: place,
            "the byte \(byte) is not UTF-8",
            help: "save the file as UTF-8"
        )
    }

    /// The offset of the first byte that cannot stand in a graph.
    private static func firstProblem(_ bytes: [UInt8]) -> (offset: Int, isControl: Bool)? {
        bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0x80 {
                    if byte < 0x20 ? byte != 0x0a && byte != 0x0d && byte != 0x09 : byte == 0x7f {
                        return (index, true)
                    }
                    index += 1
                    continue
                }
                guard let length = sequenceLength(bytes, at: index) else { return (index, false) }
                // C1 controls (but NEL), surrogates' neighbours and a byte order mark inside the text.
                let isBadMark =
                    index > 0 && length == 3 && byte == 0xef && bytes[index + 1] == 0xbb && bytes[index + 2] == 0xbf
                let isNonCharacter = length == 3 && byte == 0xef && bytes[index + 1] == 0xbf && bytes[index + 2] >= 0xbe
                if byte == 0xc2 && bytes[index + 1] < 0xa0 && bytes[index + 1] != 0x85 || isBadMark || isNonCharacter {
                    return (index, true)
                }
                index += length
            }
            return nil
        }
    }

    /// The length of a well-formed sequence: no overlong form, no surrogate, nothing above U+10FFFF.
    private static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int? {
        let first = bytes[index]
        let (length, second): (Int, ClosedRange<UInt8>)
        switch first {
        case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: (length, second) = (3, 0x80...0xbf)
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        default: return nil
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return nil }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xc0 != 0x80 { return nil }
        return length
    }

    private static func place(of offset: Int, in bytes: [UInt8], file: Int32) -> Place {
        var line: Int32 = 1
        var column: Int32 = 1
        for index in 0..<offset {
            if bytes[index] == 0x0a || (bytes[index] == 0x0d && bytes[index + 1] != 0x0a) {
                (line, column) = (line + 1, 1)
            } else if bytes[index] != 0x0d, bytes[index] & 0xc0 != 0x80 {
                column += 1
            }
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]), line == 1, offset >= 3 { column -= 1 }
        return Place(file: file, line: line, column: column, length: 1)
    }
}
