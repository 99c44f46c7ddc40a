import PipeCore
import Testing

@testable import Frames

struct EncodedFrameTests {
    private let pool = BufferPools(keeping: .mebibytes(1))

    @Test func `a frame travels in place`() { #expect(MemoryLayout<EncodedFrame>.size <= 24) }

    @Test func `a sample is a picture whose head tells its sides`() throws {
        let frame = try #require(EncodedFrame.sample(3))
        #expect(frame.format == .jpeg && frame.byteCount == frame.bytes.count)
        #expect(frame.described == ["format": "jpeg", "bytes": .integer(frame.byteCount), "width": 40, "height": 24])
        #expect(frame.bytes.suffix(2).elementsEqual([0xFF, 0xD9]))
    }

    @Test(
        arguments: [
            ([0xFF, 0xD8, 0xFF, 0xE0], .jpeg), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], .png),
            ([0x49, 0x49, 0x2A, 0], .tiff), ([0x4D, 0x4D, 0, 0x2A], .tiff), ([0xFF, 0xD8], .unknown), ([7], .unknown),
        ] as [([UInt8], EncodedFormat)]
    )
    func `the first bytes say what it is`(bytes: [UInt8], format: EncodedFormat) throws {
        let frame = try #require(EncodedFrame(bytes, in: pool))
        #expect(frame.format == format && frame.sides == nil && Array(frame.bytes) == bytes)
    }

    @Test func `a head that is cut anywhere tells no wrong sides`() throws {
        let whole = Array(try #require(EncodedFrame.sample(0)).bytes)
        for count in 1..<whole.count {
            let frame = try #require(EncodedFrame(whole.prefix(count), in: pool))
            if let sides = frame.sides { #expect(sides == (40, 24)) }
        }
    }

    @Test func `nothing, and more than a buffer holds, is no frame`() {
        let buffer = pool.take(10)
        #expect(EncodedFrame(buffer, count: 0) == nil && EncodedFrame(buffer, count: -1) == nil)
        #expect(EncodedFrame(buffer, count: buffer.bytes.count + 1) == nil)
        #expect(EncodedFrame([], in: pool) == nil)
    }

    @Test func `a test's picture is read from base64 or is a sample`() throws {
        let frame = try #require(EncodedFrame.read(["base64": "/9j/4A=="]))
        #expect(Array(frame.bytes) == [0xFF, 0xD8, 0xFF, 0xE0])
        #expect(EncodedFrame.read(["sample": 1])?.byteCount == EncodedFrame.sample(1)?.byteCount)
        for wrong: JSON in [["base64": "/9j"], ["base64": "/9j/4A==="], ["base64": "a b="], ["sample": -1], 3] {
            #expect(EncodedFrame.read(wrong) == nil)
        }
    }
}
