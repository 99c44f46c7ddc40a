import Foundation
import Frames
import Glibc
import IonFit
import PipeCore

// ions-bench fit FRAMES              JSON of the joint fit of each frame of FRAMES/truth.json, and on stderr the CPU time of a frame
// ions-bench fit-unstated FRAMES     the same by a fitter that is told nothing of the camera
// ions-bench fit-pictures PICTURES   the same for each PNG of a folder, nothing told
// ions-bench seed PICTURES           JSON of seed_compatible for each 8-bit PNG of a folder, columns and rows 0...300
// ions-bench serve FRAMES.bin        answers 'go' and 'ions' of standard input, as the peers do (peers/frames.py)
// ions-bench chain FRAMES.bin        the same, and draws the frame with ten ions marked
// ions-bench chain FRAMES.bin FOLDER the same from FOLDER/0.png, 1.png, … to FOLDER/0.jpg, 1.jpg, …
// ions-bench gaussians PROFILES.bin  answers 'go' and 'values', as peers/gaussians.cpp does

struct Entry: Decodable {
    struct Camera: Decodable {
        var kind: String
        var offset, gain, read: Double
        var saturation: Int
    }
    var file: String
    var camera: Camera
}

let pools = BufferPools(keeping: .mebibytes(8))

func frame(_ path: String) throws -> Frame {
    try PNG.read(Array(Data(contentsOf: URL(filePath: path))), PixelLimit(1 << 28), pools)
}

func picture(_ frame: Frame) -> Picture {
    let depth: Picture.Depth = frame.format == .grey8 ? .eight : .sixteen
    guard let picture = Picture(frame.bytes, depth: depth, columns: frame.width, rows: frame.height) else {
        fatalError("a frame of \(frame.width)×\(frame.height)")
    }
    return picture
}

func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func described(_ ion: Ion) -> [String: Any] {
    let (value, error) = (ion.value, ion.error)
    return [
        "x": value.x, "y": value.y, "sigma": value.sigma, "R": value.amplitude, "photons": value.photons,
        "errors": [error.x, error.y, error.sigma, error.amplitude, error.photons],
        "chi_square": ion.chiSquare, "flags": ion.flags.names,
    ]
}

func fit(_ folder: String, isStated: Bool) throws {
    let entries = try JSONDecoder().decode([Entry].self, from: Data(contentsOf: URL(filePath: folder + "/truth.json")))
    let frames = try entries.map { try frame(folder + "/" + $0.file) }
    // A camera has one size and one model: so has a fitter.
    var fitters: [String: IonFitter] = [:]
    let chosen = zip(entries, frames).map { entry, frame in
        let camera = entry.camera
        let name = "\(frame.width) \(frame.height) \(camera)"
        let model = CameraModel(
            offset: camera.offset,
            gain: camera.gain,
            read: camera.read,
            saturation: camera.saturation,
            excess: camera.kind == "emccd" ? 2 : 1
        )
        let fitter = fitters[name] ?? IonFitter(camera: isStated ? model : nil)
        fitters[name] = fitter
        return fitter
    }
    var rows: [[String: Any]] = []
    for (entry, (fitter, frame)) in zip(entries, zip(chosen, frames)) {
        fitter.fit(picture(frame))
        let camera = fitter.camera
        let told = ["offset": camera.offset, "gain": camera.gain, "read": camera.read]
        rows.append(["file": entry.file, "ions": fitter.ions.map(described), "camera": told])
    }
    FileHandle.standardOutput.write(try JSONSerialization.data(withJSONObject: rows))
    var best = Double.infinity
    for _ in 0..<7 {
        let start = processorTime()
        for (fitter, frame) in zip(chosen, frames) { fitter.fit(picture(frame)) }
        best = min(best, processorTime() - start)
    }
    let line = "\(frames.count) frames, \(best * 1e3 / Double(frames.count)) ms of CPU a frame\n"
    FileHandle.standardError.write(Data(line.utf8))
}

func seed(_ folder: String) throws {
    var rows: [[String: Any]] = []
    for file in try pictures(in: folder) {
        let frame = try frame(folder + "/" + file)
        var seed = SeedCompatible()
        withExtendedLifetime(frame) {
            if let part = picture(frame).part(columns: 0..<300, rows: 0..<300) { seed.measure(part) }
        }
        let ions = seed.ions.map {
            [
                Double($0.x), Double($0.y), $0.sigma, $0.amplitude, $0.heightAcross, $0.heightAlong, $0.offsetAcross,
                $0.offsetAlong,
            ]
        }
        rows.append(["file": file, "largest": seed.largest, "mean": seed.mean, "ions": ions])
    }
    FileHandle.standardOutput.write(try JSONSerialization.data(withJSONObject: rows))
}

func pictures(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { $0.hasSuffix(".png") }
}

func fitPictures(_ folder: String) throws {
    var rows: [[String: Any]] = []
    for file in try pictures(in: folder) {
        let fitter = IonFitter(camera: nil)
        let frame = try frame(folder + "/" + file)
        withExtendedLifetime(frame) { fitter.fit(picture(frame)) }
        let camera = fitter.camera
        let told = ["offset": camera.offset, "gain": camera.gain, "read": camera.read]
        rows.append(["file": file, "ions": fitter.ions.map(described), "camera": told])
    }
    FileHandle.standardOutput.write(try JSONSerialization.data(withJSONObject: rows))
}

/// A frame of the file that all peers read: seven words, then its counts.
struct Shared {
    var width, height: Int
    var camera: CameraModel
    var counts: [UInt16]

    static func all(_ path: String) throws -> [Shared] {
        let data = [UInt8](try Data(contentsOf: URL(filePath: path)))
        return data.withUnsafeBytes { bytes in
            var frames: [Shared] = []
            var place = 0
            while place + 28 <= bytes.count {
                let sides = (0..<2).map { Int(bytes.loadUnaligned(fromByteOffset: place + 4 * $0, as: Int32.self)) }
                let values = (2..<7).map { Double(bytes.loadUnaligned(fromByteOffset: place + 4 * $0, as: Float.self)) }
                place += 28
                let size = sides[0] * sides[1]
                guard size > 0, place + 2 * size <= bytes.count else { break }
                let start = place
                let counts = (0..<size).map { bytes.loadUnaligned(fromByteOffset: start + 2 * $0, as: UInt16.self) }
                place += 2 * size
                let camera = CameraModel(
                    offset: values[0],
                    gain: values[1],
                    read: values[2],
                    saturation: Int(values[3]),
                    excess: values[4]
                )
                frames.append(Shared(width: sides[0], height: sides[1], camera: camera, counts: counts))
            }
            return frames
        }
    }

    func fit(_ fitter: IonFitter) {
        counts.withUnsafeBytes {
            guard let picture = Picture($0, depth: .sixteen, columns: width, rows: height) else { return }
            fitter.fit(picture)
        }
    }
}

/// Answers 'go' with the processor seconds of `pass`, anything else with `result` as JSON.
func answer(_ pass: () throws -> Void, _ result: () -> Any) throws {
    while let line = readLine() {
        if line == "go" {
            let start = processorTime()
            try pass()
            print(processorTime() - start)
        } else {
            print(String(decoding: try JSONSerialization.data(withJSONObject: result()), as: UTF8.self))
        }
        fflush(nil)
    }
}

func serve(_ path: String) throws {
    let frames = try Shared.all(path)
    var fitters: [String: IonFitter] = [:]
    let chosen = frames.map { frame in
        let name = "\(frame.width) \(frame.height) \(frame.camera)"
        let fitter = fitters[name] ?? IonFitter(camera: frame.camera)
        fitters[name] = fitter
        return fitter
    }
    try answer({ for (frame, fitter) in zip(frames, chosen) { frame.fit(fitter) } }) {
        zip(frames, chosen).map { frame, fitter in
            frame.fit(fitter)
            return fitter.ions.map { [$0.value.x, $0.value.y, $0.value.sigma, $0.value.amplitude, $0.value.photons] }
        }
    }
}

/// Find, fit, make grey values of 8 bit in three channels, and draw ten ions: the chain of a labelled frame. With a folder it
/// begins with a file of 16 bit and ends with one of a JPEG.
func chain(_ path: String, folder: String?) throws {
    let frames = try Shared.all(path)
    let size = frames.map { 3 * $0.width * $0.height }.max() ?? 1
    let (raw, drawn) = (
        BufferPool(size: ByteCount(size), keeping: ByteCount(4 * size)),
        BufferPool(size: ByteCount(size), keeping: ByteCount(4 * size))
    )
    let writer = try JPEGWriter()
    let fitters = frames.map { IonFitter(camera: $0.camera) }
    let pictures = frames.map { frame -> Frame in
        let buffer = raw.take()
        frame.counts.withUnsafeBytes { buffer.bytes.copyMemory(from: $0) }
        guard let made = Frame(buffer, width: frame.width, height: frame.height, format: .grey16) else {
            fatalError("a frame")
        }
        return made
    }
    var last = 0
    func pass() throws {
        for (place, fitter) in fitters.enumerated() {
            let name = folder.map { "\($0)/\(place)" }
            let counts = try name.map { try frame($0 + ".png") } ?? pictures[place]
            withExtendedLifetime(counts) { fitter.fit(picture(counts)) }
            guard let canvas = Canvas(counts, drawn.take()) else { continue }
            for number in 0..<(fitter.ions.isEmpty ? 0 : 10) {
                let value = fitter.ions[number % fitter.ions.count].value
                let told = (x: value.x, y: value.y, sigma: value.sigma, amplitude: value.amplitude)
                guard
                    let place = canvas.mark(
                        x: told.x,
                        y: told.y,
                        sigma: told.sigma,
                        amplitude: told.amplitude,
                        (0, 255, 0)
                    )
                else { continue }
                canvas.label(number + 1, told, at: place, (0, 255, 0))
            }
            guard let labelled = canvas.frame() else { continue }
            last = labelled.byteCount
            guard let name else { continue }
            let (wide, high) = (labelled.width, labelled.height)
            let jpeg = try writer.write(
                labelled.bytes,
                width: wide,
                height: high,
                isGrey: false,
                quality: 85,
                .whole,
                pools
            )
            write(jpeg, to: name + ".jpg")
        }
    }
    try answer(pass) { [last] }
}

func write(_ picture: EncodedFrame, to path: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    precondition(
        file >= 0 && Glibc.write(file, picture.bytes.baseAddress, picture.byteCount) == picture.byteCount,
        path
    )
    close(file)
}

func gaussians(_ path: String) throws {
    let data = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let (points, step) = (60, 64)
    let numbers = data.withUnsafeBytes { bytes in
        (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
    let (lower, upper): (ProfileFit.Values, ProfileFit.Values) = ([0, 0.2, 0, 0], [59, 15, 1e6, 1e6])
    var fits = GaussianFits()
    func pass() {
        fits.clear()
        numbers.withUnsafeBufferPointer { numbers in
            for start in stride(from: 0, to: numbers.count - step + 1, by: step) {
                let values = ProfileFit.Values(
                    numbers[start],
                    numbers[start + 1],
                    numbers[start + 2],
                    numbers[start + 3]
                )
                let profile = UnsafeBufferPointer(rebasing: numbers[start + 4..<start + 4 + points])
                fits.add(profile, first: 0, start: values, lower: lower, upper: upper)
            }
        }
        fits.finish()
    }
    try answer(pass) {
        pass()
        return fits.fits.map { [$0.values[0], $0.values[1], $0.values[2], $0.values[3]] }
    }
}

let words = Array(CommandLine.arguments.dropFirst())
switch (words.first, words.count) {
case ("fit"?, 2): try fit(words[1], isStated: true)
case ("fit-unstated"?, 2): try fit(words[1], isStated: false)
case ("fit-pictures"?, 2): try fitPictures(words[1])
case ("seed"?, 2): try seed(words[1])
case ("serve"?, 2): try serve(words[1])
case ("chain"?, 2...3): try chain(words[1], folder: words.dropFirst(2).first)
case ("gaussians"?, 2): try gaussians(words[1])
default:
    let usage =
        "usage: ions-bench fit|fit-unstated FRAMES | fit-pictures|seed PICTURES | serve|chain|gaussians FILE.bin [FOLDER]\n"
    FileHandle.standardError.write(Data(usage.utf8))
    exit(64)
}
