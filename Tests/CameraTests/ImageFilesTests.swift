import Frames
import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Camera

struct ImageFilesTests {
    private static func read(_ folder: String, _ options: String = "") throws -> StageResult {
        let result = try StageHarness(ImageFiles.self, "path: \"\(folder)\"\n" + options).run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        return result
    }

    private static func write(_ bytes: [UInt8], _ path: String) throws {
        let file = try DiskFiles().open(path, .fresh)
        try file.append(bytes)
        try file.close()
    }

    private static func frame(_ result: StageResult, _ name: String) throws -> Frame {
        try #require(result["frames"].first { $0.key == name }?.payload as? Frame, "no frame of \(name)")
    }

    @Test func `each format keeps its pixels and its depth`() throws {
        let result = try Self.read(pictures)
        for name in ["grey8.png", "grey8.tif"] { #expect(values(try Self.frame(result, name)) == grey8(), "\(name)") }
        for name in ["grey16.png", "grey16.tif", "tiles.tif"] {
            let frame = try Self.frame(result, name)
            #expect(frame.format == .grey16 && values(frame) == grey16(), "\(name)")
        }
        let colour = try Self.frame(result, "colour.tif")
        #expect(colour.format == .rgb8)
        let expected = (0..<16).flatMap { y in (0..<24).flatMap { x in [10 * x, 15 * y, 255 - 10 * x] } }
        #expect(values(colour) == expected)
        // A picture in four colours and one of floats are none of ours, and counted.
        #expect(result.books.failed == 2 && result["frames"].count == 8)
        #expect(result.log.contains { $0.message.hasPrefix("'print.jpg' is left out: ") })
        #expect(result.log.contains { $0.message.hasPrefix("'real.tif' is left out: only grey TIFF") })
    }

    @Test func `counts as text and as bytes stay 16 bit`() throws {
        try withFolder { folder in
            let rows = (0..<16).map { y in (0..<24).map { x in "\(x * 1000 + y * 37)" } }
            try Self.write(Array(rows.map { $0.joined(separator: " ") + "\r\n" }.joined().utf8), "\(folder)/a.dat")
            try Self.write(
                Array(rows.map { $0.joined(separator: ",") }.joined(separator: "\n").utf8),
                "\(folder)/b.DAT"
            )
            let bytes = grey16().flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
            try Self.write(bytes, "\(folder)/c.hex")
            let result = try Self.read(folder, "hex_width: 24\nhex_height: 16")
            for name in ["a.dat", "b.DAT", "c.hex"] {
                let frame = try Self.frame(result, name)
                #expect(frame.format == .grey16 && frame.width == 24 && values(frame) == grey16(), "\(name)")
            }
            #expect(result.books.failed == 0)
            #expect(try Self.read(folder, "match: \"*.hex\"").books.failed == 1)  // 200 × 200 is not what it holds
        }
    }

    @Test(arguments: [
        ("1 2 3\n4 5\n", "line 2 has 2 counts, and the first 3"),
        ("1 2\n3 x\n", "line 2 has something that is no count"),
        ("1 70000\n", "line 1 has a count beyond 65535"), ("-1\n", "line 1 has something that is no count"),
        ("\n \n", "there is not a single count"), ("", "there is not a single count"),
    ])
    func `text that is no picture is left out and says where`(text: String, message: String) throws {
        try withFolder { folder in
            try Self.write(Array(text.utf8), "\(folder)/a.dat")
            let result = try Self.read(folder)
            #expect(result.books.failed == 1 && result["frames"].isEmpty)
            #expect(result.log.contains { $0.message == "'a.dat' is left out: \(message)" })
        }
    }

    @Test func `broken files are counted, the first of them named, and the others read`() throws {
        try withFolder { folder in
            let png = try picture("grey16.png")
            for number in 0..<30 {
                try Self.write(number % 2 == 0 ? png : Array(png.prefix(40 + number)), "\(folder)/frame_\(number).png")
            }
            mkfifo("\(folder)/pipe.jpg", 0o600)
            try Self.write([1], "\(folder)/.unfinished.jpg")
            try Self.write([1], "\(folder)/notes.txt")
            let result = try Self.read(folder)
            #expect(result["frames"].map(\.key) == stride(from: 0, to: 30, by: 2).map { "frame_\($0).png" })
            #expect(result.books.failed == 16)
            #expect(result.log.count { $0.message.contains("is left out") } == 10)
            #expect(result.log.last?.message == "left out 16 files of 31 that are no pictures")
            #expect(result.stage("subject").progress?.done == 31)
        }
    }

    @Test func `a file that is cut anywhere is never a picture`() throws {
        let pools = BufferPools(keeping: ByteCount(0))
        for name in ["grey16.png", "grey16.tif", "tiles.tif", "colour.tif"] {
            let whole = try picture(name)
            for count in 0..<whole.count {
                let cut = Array(whole.prefix(count))
                let frame =
                    try? name.hasSuffix("png")
                    ? PNG.read(cut, PixelLimit(1000), pools)
                    : cut.withUnsafeBytes { try TIFF.read($0, PixelLimit(1000), pools) }
                // The directory of a TIFF file may end before the file does: then nothing is missing.
                if let frame { #expect(values(frame) == (name == "colour.tif" ? values(frame) : grey16()), "\(name)") }
            }
        }
    }

    @Test func `pictures of folders in the folder are read where that is stated, as a person would count them`() throws
    {
        try withFolder { folder in
            let png = try picture("grey8.png")
            for name in ["260131/09.png", "260131/10.png", "a/b/frame_10.png", "a/b/frame_9.png", "top.png"] {
                try Self.write(png, "\(folder)/\(name)")
            }
            #expect(try Self.read(folder)["frames"].map(\.key) == ["top.png"])
            let deep = try Self.read(folder, "deep: true")
            #expect(
                deep["frames"].map(\.key)
                    == ["260131/09.png", "260131/10.png", "a/b/frame_9.png", "a/b/frame_10.png", "top.png"]
            )
        }
    }

    @Test func `frames come at the rate that is stated`() throws {
        let result = try Self.read(pictures, "match: \"grey*\"\nrate: 10/s")
        let times = result["frames"].map(\.at)
        #expect(times.count == 5)
        for (earlier, later) in zip(times, times.dropFirst()) {
            #expect(abs((later - earlier).seconds - 0.1) < 0.01)
        }
    }

    @Test(arguments: [
        ("frame_9", "frame_10", true), ("frame_10", "frame_9", false), ("a", "b", true),
        ("frame_009", "frame_10", true),
        ("frame_09", "frame_9", true), ("frame_9", "frame_09", false), ("a1b2", "a1b10", true), ("a", "a1", true),
        ("frame_99999999999999999999998", "frame_99999999999999999999999", true), ("x", "x", false),
    ])
    func `digits count as the number that they are`(a: String, b: String, isBefore: Bool) {
        #expect(FolderListing.comesBefore(a, b) == isBefore)
    }
}
