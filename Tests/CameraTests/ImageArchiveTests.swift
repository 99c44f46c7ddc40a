import Frames
import Glibc
import PipeCore
import PipeKit
import PipeTesting
import Testing

@testable import Camera

struct ArchiveNamesTests {
    private let time = ArchiveNames(style: .time, suffix: "", isUTC: true)
    private let labelled = ArchiveNames(style: .time, suffix: "_labelled", isUTC: true)
    private let recorder = ArchiveNames(style: .recorder, suffix: "", isUTC: true)
    /// 2026-01-31 09:05:07.123456 UTC.
    private let date = 1_769_850_307.123456

    @Test func `names are those of the lab's servers`() {
        let place = time.place(of: date, number: 12, experiment: "EXP7")
        #expect(place.folder == "260131" && place.stem == "09-05-07_123")
        #expect(time.name(place.stem, copy: 0, fileExtension: "jpg") == "09-05-07_123.jpg")
        #expect(labelled.name(place.stem, copy: 2, fileExtension: "jpg") == "09-05-07_123_2_labelled.jpg")
        let recorded = recorder.place(of: date, number: 12, experiment: "EXP7")
        #expect(recorded.folder.isEmpty && recorded.stem == "frame12_2026-01-31_09-05-07_123456_EXP7")
        #expect(recorder.place(of: date, number: 1, experiment: "").stem == "frame1_2026-01-31_09-05-07_123456")
    }

    @Test func `a name tells its time again`() throws {
        for names in [time, labelled, recorder] {
            for copy in [0, 3] {
                let place = names.place(of: date, number: 12, experiment: "a_b")
                let name = names.name(place.stem, copy: copy, fileExtension: "png")
                let read = try #require(names.date(folder: place.folder, name: name), "\(name)")
                #expect(abs(read - date) < 0.001)
            }
        }
    }

    @Test(arguments: [
        ("260131", "09-05-07_123_labelled.jpg"), ("260131", "notes.jpg"), ("26013", "09-05-07_123.jpg"),
        ("", "09-05-07_123.jpg"), ("260131", "09-05-07_123.txt"), ("260131", "09-05_123.jpg"), ("260131", ".jpg"),
        ("260131", "9-5-7_123.jpg"), ("260131", "09-05-07_12x.jpg"), ("albums", "09-05-07_123.jpg"),
        ("260131", ".09-05-07_123.abc.part"), ("260131", "09-05-07_123_copy.jpg"),
    ])
    func `what is named otherwise is nobody's to remove`(folder: String, name: String) {
        #expect(time.date(folder: folder, name: name) == nil && recorder.date(folder: folder, name: name) == nil)
    }

    @Test(arguments: [-1e300, -1, 0, 1e300, .nan, .infinity])
    func `there is a name for any time`(date: Double) {
        #expect(!time.place(of: date, number: 1, experiment: "").stem.isEmpty)
    }
}

struct RetentionTests {
    private static func files(_ range: Range<Int>) -> [Retention.File] {
        range.map { Retention.File(path: "\($0)", size: 10, date: Double($0)) }
    }

    private static func kept(_ retention: Retention, of files: [Retention.File], at date: Double) -> [String] {
        var retention = retention
        var there = Set<String>()
        for file in files {
            there.insert(file.path)
            retention.add(file)
            for gone in retention.takeSurplus(at: file.date) { #expect(there.remove(gone.path) != nil) }
        }
        for gone in retention.takeSurplus(at: date) { there.remove(gone.path) }
        return there.compactMap(Int.init).sorted().map(String.init)
    }

    @Test func `the newest are kept, by count, by bytes and by age`() {
        let files = Self.files(0..<5000)
        #expect(
            Self.kept(Retention(count: 3, bytes: nil, seconds: nil), of: files, at: 5000) == ["4997", "4998", "4999"]
        )
        #expect(Self.kept(Retention(count: nil, bytes: 25, seconds: nil), of: files, at: 5000) == ["4998", "4999"])
        #expect(
            Self.kept(Retention(count: nil, bytes: nil, seconds: 3), of: files, at: 5000) == ["4997", "4998", "4999"]
        )
        #expect(Self.kept(Retention(count: 10, bytes: 1, seconds: 1), of: files, at: 9e9) == ["4999"])
    }

    @Test func `what was there before counts, whatever the order it is found in`() {
        var retention = Retention(count: 4, bytes: nil, seconds: nil)
        retention.begin(with: Self.files(0..<6).reversed())
        retention.add(Retention.File(path: "new", size: 10, date: 100))
        #expect(retention.takeSurplus(at: 100).map(\.path) == ["0", "1", "2"])
    }
}

struct ImageArchiveTests {
    /// Runs the stage with pictures of these times, in seconds since the run began.
    private static func run(
        _ times: [Double],
        _ options: String = "",
        in files: (any FileStore)? = nil,
        path: String = "/archive",
        faults: [(PlannedFault.Kind, Duration)] = [],
        keys: [String] = []
    ) throws -> (result: StageResult, paths: [String]) {
        let files = files ?? MemoryFiles()
        var harness = StageHarness(ImageArchive.self, "path: \(path)\nzone: utc\non_error: skip\n\(options)")
        harness.files = files
        for (kind, time) in faults { harness.fault(kind, at: time) }
        harness.feed(
            "pictures",
            try times.enumerated().map { number, time in
                let picture = try encoded([0xFF, 0xD8, 0xFF, UInt8(truncatingIfNeeded: number)])
                let captured = Duration.seconds(time)
                return .payload(picture, key: keys.isEmpty ? "" : keys[number], captured: captured, at: captured)
            }
        )
        let result = try harness.run()
        #expect(result.imbalances.isEmpty && result.troubles.isEmpty)
        let paths = (files as? MemoryFiles)?.contents.keys.sorted().map { String($0.dropFirst("/archive/".count)) }
        return (result, paths ?? [])
    }

    @Test func `a picture is written as it came, under its time`() throws {
        let files = MemoryFiles()
        let (result, paths) = try Self.run([0, 1.5, 86_400], in: files)
        #expect(paths == ["260101/00-00-00_000.jpg", "260101/00-00-01_500.jpg", "260102/00-00-00_000.jpg"])
        #expect(files.content("/archive/260101/00-00-01_500.jpg") == [0xFF, 0xD8, 0xFF, 1])
        #expect(result.books.done == 3)
    }

    @Test func `two of one millisecond are two files, also where one is there already`() throws {
        let files = MemoryFiles()
        let times = [5.0001, 5.0002, 5.0009, 5.001]
        #expect(
            try Self.run(times, "suffix: _labelled", in: files).paths == [
                "260101/00-00-05_000_1_labelled.jpg", "260101/00-00-05_000_2_labelled.jpg",
                "260101/00-00-05_000_labelled.jpg", "260101/00-00-05_001_labelled.jpg",
            ]
        )
        let (_, paths) = try Self.run([5], "suffix: _labelled", in: files)
        #expect(paths.count == 5 && paths.contains("260101/00-00-05_000_3_labelled.jpg"))
        #expect(files.content("/archive/260101/00-00-05_000_labelled.jpg")?.last == 0)
    }

    @Test func `the recorder's names carry the experiment`() throws {
        let (_, paths) = try Self.run([0, 0.000002], "names: recorder", keys: ["EXP_1", "../x"])
        #expect(
            paths == ["frame1_2026-01-01_00-00-00_000000_EXP_1.jpg", "frame2_2026-01-01_00-00-00_000002_..-x.jpg"]
        )
    }

    @Test func `no more is kept than was said, and what others have written stays`() throws {
        let files = MemoryFiles()
        for path in ["/archive/260101/notes.jpg", "/archive/readme.txt", "/archive/260101/00-00-01_000_labelled.jpg"] {
            try files.open(path, .fresh).append([1])
        }
        _ = try Self.run([1, 2, 3], in: files)
        let (_, paths) = try Self.run([10, 11], "keep: 3", in: files)
        #expect(
            paths == [
                "260101/00-00-01_000_labelled.jpg", "260101/00-00-03_000.jpg", "260101/00-00-10_000.jpg",
                "260101/00-00-11_000.jpg", "260101/notes.jpg", "readme.txt",
            ]
        )
        let (_, young) = try Self.run([100, 130, 165], "max_age: 1m")
        #expect(young == ["260101/00-02-10_000.jpg", "260101/00-02-45_000.jpg"])
        let (_, small) = try Self.run([1, 2, 3, 4], "max_bytes: 9B")
        #expect(small == ["260101/00-00-03_000.jpg", "260101/00-00-04_000.jpg"])
    }

    @Test func `a full disk costs the pictures that it does not take, and leaves no half of one`() throws {
        let times = (0..<10).map(Double.init)
        let (result, paths) = try Self.run(times, faults: [(.fillDisk(.seconds(3)), .milliseconds(2500))])
        #expect(result.books.failed == 3 && result.books.done == 7)
        #expect(paths.count == 7 && paths.allSatisfy { $0.hasSuffix(".jpg") && !$0.contains("/.") })
        #expect(result.stage("subject").failure?.contains("no space left on device") ?? false)
    }

    @Test func `a folder that cannot be written fails each picture and says why`() throws {
        let (result, _) = try Self.run([1, 2], in: DiskFiles(), path: "/proc/camera")
        #expect(result.books.failed == 2)
        #expect(result.stage("subject").failure?.hasPrefix("the directory '/proc/camera' cannot be made: ") ?? false)
    }

    @Test func `on a disk a picture is whole, and nothing else is left behind`() throws {
        try withFolder { folder in
            let times = (0..<20).map { Double($0 / 2) }
            let (result, _) = try Self.run(times, "keep: 12\nsync: true", in: DiskFiles(), path: "\(folder)/frames")
            #expect(result.books.done == 20)
            let names = try DiskFiles().list("\(folder)/frames/260101").map(\.name)
            #expect(names.count == 12 && names.allSatisfy { $0.hasSuffix(".jpg") })
            #expect(names.first == "00-00-04_000.jpg" && names.contains("00-00-09_000_1.jpg"))
            // A later run counts what it finds.
            _ = try Self.run([50], "keep: 2", in: DiskFiles(), path: "\(folder)/frames")
            let left = try DiskFiles().list("\(folder)/frames/260101").map(\.name)
            #expect(left == ["00-00-09_000_1.jpg", "00-00-50_000.jpg"])
        }
    }

    @Test func `a name that a file has is not given to another`() throws {
        try withFolder { folder in
            for (name, bytes) in [("a", [1]), ("b", [2])] as [(String, [UInt8])] {
                let file = try DiskFiles().open("\(folder)/\(name)", .fresh)
                try file.append(bytes)
                try file.close()
            }
            #expect(try !DiskFiles().place("\(folder)/a", at: "\(folder)/b"))
            #expect(try DiskFiles().list(folder).map(\.name) == ["a", "b"])
            #expect(try DiskFiles().place("\(folder)/a", at: "\(folder)/c"))
            #expect(try DiskFiles().list(folder).map(\.name) == ["b", "c"])
            #expect(throws: StageError.self) { try DiskFiles().place("\(folder)/none", at: "\(folder)/d") }
            #expect(try DiskFiles().list("\(folder)/none").isEmpty)
        }
    }
}
