/// What kind of file a picture is, by its first bytes.
public enum EncodedFormat: String, Sendable, CaseIterable {
    case jpeg, png, tiff, unknown

    private static let marks: [(EncodedFormat, [UInt8])] = [
        (.jpeg, [0xFF, 0xD8, 0xFF]),
        (.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
        (.tiff, [0x49, 0x49, 0x2A, 0x00]),
        (.tiff, [0x4D, 0x4D, 0x00, 0x2A]),
    ]

    public init(_ bytes: UnsafeRawBufferPointer) {
        self = Self.marks.first { bytes.starts(with: $0.1) }?.0 ?? .unknown
    }

    /// Such as follows a file's name.
    public var fileExtension: String {
        switch self {
        case .jpeg: "jpg"
        case .png: "png"
        case .tiff: "tif"
        case .unknown: "bin"
        }
    }

    public var mediaType: String {
        switch self {
        case .jpeg: "image/jpeg"
        case .png: "image/png"
        case .tiff: "image/tiff"
        case .unknown: "application/octet-stream"
        }
    }

    /// Columns and rows, where the head of such a file tells them. Nothing behind the head is looked at.
    func sides(_ bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
        switch self {
        case .jpeg: Self.sidesOfJPEG(bytes)
        case .png: Self.sidesOfPNG(bytes)
        case .tiff, .unknown: nil
        }
    }

    private static func sidesOfPNG(_ bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
        guard bytes.count >= 24, bytes[12..<16].elementsEqual("IHDR".utf8) else { return nil }
        return (number(bytes, 16, 4), number(bytes, 20, 4))
    }

    /// Goes from segment to segment up to the frame header, which tells the sides.
    private static func sidesOfJPEG(_ bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
        var place = 2
        while place + 4 <= bytes.count, bytes[place] == 0xFF {
            let marker = bytes[place + 1]
            if marker == 0xFF {  // fill bytes
                place += 1
                continue
            }
            if marker == 0x01 || (0xD0...0xD7).contains(marker) {  // markers without a segment
                place += 2
                continue
            }
            let isFrame = (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
            if isFrame {
                guard place + 9 <= bytes.count else { return nil }
                return (number(bytes, place + 7, 2), number(bytes, place + 5, 2))
            }
            let length = number(bytes, place + 2, 2)
            guard length >= 2, marker != 0xDA, marker != 0xD9 else { return nil }
            place += 2 + length
        }
        return nil
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ place: Int, _ count: Int) -> Int {
        bytes[place..<place + count].reduce(0) { $0 << 8 | Int($1) }
    }
}
