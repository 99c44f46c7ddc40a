public import PipeCore

/// A picture as a file holds it. Its memory is pooled and shared: nobody writes once it has been sent.
///
/// The bytes are as they came: that they begin like a JPEG does not say that they are a whole one.
public struct EncodedFrame: Payload {
    public static let payload = PayloadInfo(
        "encoded_frame",
        "A picture as a file holds it: JPEG, PNG, TIFF.",
        worstCase: .mebibytes(8)
    )

    public let buffer: PooledBuffer
    private let count: UInt32
    /// What the first bytes say.
    public let format: EncodedFormat

    /// The first `count` bytes of a buffer; nil if it has not so many, or they are none.
    public init?(_ buffer: PooledBuffer, count: Int) {
        guard count > 0, count <= buffer.bytes.count, let short = UInt32(exactly: count) else { return nil }
        (self.buffer, self.count) = (buffer, short)
        format = EncodedFormat(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
    }

    /// A copy of some bytes, in memory of a pool.
    public init?(_ bytes: some Collection<UInt8>, in pool: BufferPools) {
        guard !bytes.isEmpty else { return nil }
        let buffer = pool.take(bytes.count)
        buffer.bytes.copyBytes(from: bytes)
        self.init(buffer, count: bytes.count)
    }

    public var byteCount: Int { Int(count) }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer.bytes[..<Int(count)]) }

    /// Columns and rows, where the head tells them.
    public var sides: (width: Int, height: Int)? { format.sides(bytes) }

    public var described: JSON {
        .compact([
            "format": .string(format.rawValue), "bytes": .integer(byteCount),
            "width": sides.map { .integer($0.width) }, "height": sides.map { .integer($0.height) },
        ])
    }

    /// `{ base64: "/9j/4AAQ…" }`, or `{ sample: 0 }` for one of the samples: what a graph's test feeds.
    public static func read(_ value: JSON) -> EncodedFrame? {
        switch (value["base64"], value["sample"]) {
        case (.string(let text)?, nil): Base64.decoded(text).flatMap { EncodedFrame($0, in: samplePool) }
        case (nil, .integer(let number)?): number >= 0 ? sample(number) : nil
        default: nil
        }
    }

    /// Grey JPEG pictures of 40×24 pixels with a spot of light on the left or on the right.
    public static func sample(_ number: Int) -> EncodedFrame? { samples[number % samples.count] }

    /// For the few frames of tests.
    private static let samplePool = BufferPools(keeping: ByteCount(0))

    private static let samples = [left, right].map { Base64.decoded($0).flatMap { EncodedFrame($0, in: samplePool) } }

    private static let left =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7"
        + "Pj4+JS5ESUM8SDc9Pjv/wAALCAAYACgBAREA/8QAGgAAAgMBAQAAAAAAAAAAAAAAAAIBAwYFB//EAB8QAAICAgMAAwAAAAAAAAAA"
        + "AAECAAMEEQUGITEycf/aAAgBAQAAPwDyKOtbv9VJilSp0RqRCSPmb7pGHw1+PYc9lDAebmY7JVjVcnYuKQawfNTjwhLqsq2kaRyP"
        + "wyt7GsbbHZiwn//Z"
    private static let right =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7"
        + "Pj4+JS5ESUM8SDc9Pjv/wAALCAAYACgBAREA/8QAGgAAAgMBAQAAAAAAAAAAAAAAAAECAwcEBv/EAB8QAAICAgIDAQAAAAAAAAAA"
        + "AAECAAMEEQUhBhIyYf/aAAgBAQAAPwDIoRgEnqSap1GypAkIQndxKVPnVi74J7nuvKMHg6uEqfEdTaV71M4b6OooRqxU7B0ZdZl3"
        + "WL6s5IH7KJ//2Q=="
}
