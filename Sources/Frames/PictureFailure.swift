/// Why the bytes of a file are no picture, for who looks for the reason.
public struct PictureFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// How many pixels a picture may have, before memory is taken for them: what a head says is believed up to here.
public struct PixelLimit: Sendable, Hashable {
    public let pixels: Int

    public init(_ pixels: Int) { self.pixels = pixels }

    func check(_ width: Int, _ height: Int) throws(PictureFailure) {
        guard width > 0, height > 0 else { throw PictureFailure("its head tells of no pixels") }
        guard (1...65_535).contains(width), (1...65_535).contains(height), width * height <= pixels else {
            throw PictureFailure("a picture of \(width)×\(height) pixels is beyond the \(pixels) that are read")
        }
    }
}
