import Frames
import PipeCore
import PipeTesting
import Testing

@testable import Camera

struct JPEGTests {
    private static func decoded(_ bytes: [UInt8], _ options: String = "") throws -> StageResult {
        var harness = StageHarness(JPEGDecode.self, "on_error: skip\n" + options)
        harness.feed("pictures", [.payload(try encoded(bytes)), .payload(try encoded(try picture("grey.jpg")))])
        let result = try harness.run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        return result
    }

    private static func frame(_ result: StageResult) throws -> Frame {
        try #require(result["frames"].first?.payload as? Frame)
    }

    @Test func `grey stays grey, within what a JPEG of good quality loses`() throws {
        let frame = try Self.frame(try Self.decoded(picture("grey.jpg")))
        #expect(frame.format == .grey8 && frame.width == 24 && frame.height == 16)
        #expect(zip(values(frame), grey8()).allSatisfy { abs($0 - $1) <= 3 })
    }

    @Test func `colour becomes red, green and blue, or its luminance`() throws {
        let rgb = try Self.frame(try Self.decoded(picture("colour.jpg")))
        #expect(rgb.format == .rgb8)
        let pixels = values(rgb)
        let grey = try Self.frame(try Self.decoded(picture("colour.jpg"), "pixels: grey"))
        #expect(grey.format == .grey8)
        for place in 0..<24 * 16 {
            let (x, y) = (place % 24, place / 24)
            #expect(abs(pixels[3 * place] - 10 * x) < 14 && abs(pixels[3 * place + 1] - 15 * y) < 14)
            let luminance = 0.299 * Double(10 * x) + 0.587 * Double(15 * y) + 0.114 * Double(255 - 10 * x)
            #expect(abs(Double(values(grey)[place]) - luminance) < 5)
        }
        #expect(try Self.frame(try Self.decoded(picture("grey.jpg"), "pixels: rgb")).format == .rgb8)
    }

    @Test func `a picture that is cut anywhere is a failed item, and the next goes on`() throws {
        let whole = try picture("grey.jpg")
        for count in stride(from: 1, to: whole.count - 2, by: 7) {
            let result = try Self.decoded(Array(whole.prefix(count)))
            #expect(result.books.failed == 1 && result["frames"].count == 1, "\(count) bytes")
        }
    }

    @Test func `a picture without tables of its own is not read with those of another`() throws {
        var bytes = try picture("grey.jpg")
        // All tables of quantization go.
        while let start = (0..<bytes.count - 4).first(where: { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDB }) {
            bytes.removeSubrange(start..<start + 2 + Int(bytes[start + 2]) * 256 + Int(bytes[start + 3]))
        }
        var harness = StageHarness(JPEGDecode.self, "on_error: skip")
        let whole = try encoded(try picture("grey.jpg"))
        harness.feed("pictures", [.payload(whole), .payload(try encoded(bytes)), .payload(whole)])
        let result = try harness.run()
        #expect(result.books.failed == 1 && result["frames"].map(\.sequence) == [0, 2])
    }

    @Test func `a cut picture is decoded as far as it goes where that is stated`() throws {
        let whole = try picture("grey.jpg")
        let result = try Self.decoded(Array(whole.dropLast(20)), "damaged: accept")
        #expect(result.books.failed == 0 && result["frames"].count == 2)
        #expect(abs(values(try Self.frame(result))[0]) <= 3)
        #expect(try Self.decoded(Array(whole.prefix(60)), "damaged: accept").books.failed == 1)
    }

    @Test(arguments: ["print.jpg", "grey8.png", "grey16.tif"])
    func `what is no JPEG of grey or colour is a failed item`(name: String) throws {
        let result = try Self.decoded(picture(name))
        #expect(result.books.failed == 1 && result["frames"].count == 1)
    }

    @Test func `garbage behind a good head is a failed item`() throws {
        var bytes = try picture("grey.jpg")
        for place in 330..<bytes.count - 2 { bytes[place] = UInt8(truncatingIfNeeded: place &* 151) | 1 }
        #expect(try Self.decoded(bytes).books.failed == 1)
    }

    @Test func `a picture of more pixels than stated takes no memory`() throws {
        var bytes = try picture("grey.jpg")
        // The frame header says 65535 × 65535.
        let start = try #require((0..<bytes.count - 9).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes.replaceSubrange(start + 5..<start + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try Self.decoded(bytes).books.failed == 1)
        #expect(try Self.decoded(picture("grey.jpg"), "max_pixels: 383").books.failed == 2)
        #expect(try Self.decoded(picture("grey.jpg"), "max_pixels: 384").books.failed == 0)
    }

    // MARK: Encoding

    private static func written(_ frame: Frame, _ options: String = "") throws -> StageResult {
        var harness = StageHarness(JPEGEncode.self, "on_error: skip\n" + options)
        harness.feed("frames", [.payload(frame)])
        let result = try harness.run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        return result
    }

    private static func read(_ result: StageResult) throws -> Frame {
        let picture = try #require(result["pictures"].first?.payload as? EncodedFrame)
        #expect(picture.format == .jpeg)
        let pools = BufferPools(keeping: ByteCount(0))
        return try withExtendedLifetime(picture) {
            try JPEG.read(picture.bytes, .asStored, PixelLimit(1_000_000), acceptsDamage: false, pools)
        }
    }

    private static func source(_ name: String) throws -> Frame {
        try PNG.read(try picture(name), PixelLimit(1_000_000), BufferPools(keeping: ByteCount(0)))
    }

    @Test func `what is encoded is decoded again, and grey takes one channel`() throws {
        let frame = try Self.read(try Self.written(try Self.source("grey8.png"), "quality: 95"))
        #expect(frame.format == .grey8 && zip(values(frame), grey8()).allSatisfy { abs($0 - $1) <= 3 })
    }

    @Test func `16 bit are scaled only where that is stated`() throws {
        let source = try Self.source("grey16.png")
        let refused = try Self.written(source)
        #expect(refused.books.failed == 1)
        #expect(refused.stage("subject").failure?.contains("16 bit") ?? false)
        let most = 23 * 1000 + 15 * 37
        let scaled = try Self.read(try Self.written(source, "scale: minmax\nquality: 100"))
        #expect(zip(values(scaled), grey16()).allSatisfy { abs($0 - $1 * 255 / most) <= 2 })
        let ranged = try Self.read(try Self.written(source, "scale: range\nlow: 5000\nhigh: 15000\nquality: 100"))
        let expected = grey16().map { (min(15_000, max(5000, $0)) - 5000) * 255 / 10_000 }
        #expect(zip(values(ranged), expected).allSatisfy { abs($0 - $1) <= 4 })
    }

    @Test func `less colour and less quality make smaller pictures`() throws {
        let pools = BufferPools(keeping: ByteCount(0))
        let source = try encoded(try picture("colour.jpg"))
        let colour = try withExtendedLifetime(source) {
            try JPEG.read(source.bytes, .rgb, PixelLimit(1000), acceptsDamage: false, pools)
        }
        let sizes = try ["", "subsampling: 4:2:0", "quality: 20\nsubsampling: 4:2:0"].map { options in
            try #require(try Self.written(colour, options)["pictures"].first?.payload as? EncodedFrame).byteCount
        }
        #expect(sizes[0] > sizes[1] && sizes[1] > sizes[2], "\(sizes)")
    }
}
