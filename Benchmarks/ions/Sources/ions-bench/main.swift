import Foundation
import Frames
import IonFit
import PipeCore

// ions-bench fit FRAMES     JSON of the joint fit of each frame of FRAMES/truth.json, and on stderr the CPU time of a frame
// ions-bench seed PICTURES  JSON of seed_compatible for each 8-bit PNG of a folder, columns and rows 0...300

struct Entry: Decodable {
    struct Camera: Decodable {
        var kind: String
        var offset, gain, read: Double
        var saturation: Int
    }
    var file: String
    var camera: Camera
}

func frame(_ path: String) throws -> Frame {
    let data = try Data(contentsOf: URL(filePath: path))
    return try PNG.read(Array(data), BufferPool(size: .mebibytes(8), keeping: .mebibytes(8)))
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

func fit(_ folder: String) throws {
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
        let fitter = fitters[name] ?? IonFitter(camera: model)
        fitters[name] = fitter
        return fitter
    }
    var rows: [[String: Any]] = []
    for (entry, (fitter, frame)) in zip(entries, zip(chosen, frames)) {
        fitter.fit(picture(frame))
        let ions = fitter.ions.map { ion -> [String: Any] in
            let (value, error) = (ion.value, ion.error)
            return [
                "x": value.x, "y": value.y, "sigma": value.sigma, "R": value.amplitude, "photons": value.photons,
                "errors": [error.x, error.y, error.sigma, error.amplitude, error.photons],
                "chi_square": ion.chiSquare, "flags": ion.flags.names,
            ]
        }
        rows.append(["file": entry.file, "ions": ions])
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
    for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where file.hasSuffix(".png") {
        let frame = try frame(folder + "/" + file)
        guard let part = picture(frame).part(columns: 0..<300, rows: 0..<300) else { continue }
        var seed = SeedCompatible()
        seed.measure(part)
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

switch CommandLine.arguments.dropFirst() {
case let arguments where arguments.count == 2 && arguments.first == "fit": try fit(CommandLine.arguments[2])
case let arguments where arguments.count == 2 && arguments.first == "seed": try seed(CommandLine.arguments[2])
default:
    FileHandle.standardError.write(Data("usage: ions-bench fit FRAMES | seed PICTURES\n".utf8))
    exit(64)
}
