import Glibc
import Mef3

/// A session from any bytes: the first two say which file of the segment to replace with the rest, and how to read.
///
/// The other files of the session are sound; they are written once, in a directory that is left behind: in memory where
/// the system has such a place, for a disk is most of the time of a run.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 2, let original = patient else { return 0 }
    let bytes = UnsafeBufferPointer(start: start, count: count)
    let stem = original + "/c.timd/c-000000.segd/c-000000"
    let path = [stem + ".tmet", stem + ".tidx", stem + ".tdat", original + "/fuzz.rdat"][Int(bytes[0] % 4)]
    let saved = read(path)
    // Headers are kept, or hardly any input would pass its first check; the checksums stand for "not recorded".
    var changed = Array(saved.prefix(1024))
    for index in 0..<min(8, changed.count) { changed[index] = 0 }
    changed += bytes.dropFirst(2)
    write(changed, path)
    examine(original, bytes[1] & 1 == 0 ? .strict : .salvage)
    write(saved, path)
    return 0
}

private func examine(_ path: String, _ reading: Reading) {
    var limits = Limits()
    limits.blockSamples = 1 << 14
    limits.answerSamples = 1 << 18
    guard let session = try? MefSession(path: path, reading: reading, limits: limits) else { return }
    _ = try? session.records()
    for channel in session.channels {
        _ = try? channel.counts(0..<min(channel.sampleCount, 1 << 16))
        if let start = channel.start { _ = try? channel.values(from: start, to: start &+ 5_000_000) }
        _ = channel.blocks
        _ = channel.time(ofSample: channel.sampleCount / 2)
    }
}

/// A small session to be damaged.
private let patient: String? = {
    let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(place)/mef3-fuzz-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { return nil }
    let path = String(cString: made) + "/fuzz.mefd"
    let samples = (0..<600).map { Int32($0 * $0 % 211) }
    let metadata = ChannelMetadata(samplingFrequency: 100)
    guard let writer = try? SessionWriter(path: path),
        (try? writer.write([(1_000_000, samples)], of: "c", metadata: metadata, blockSamples: 100)) != nil,
        (try? writer.write(records: [MefRecord(time: 1_000_000, body: .note("n"))])) != nil
    else { return nil }
    return path
}()

private func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
}

private func write(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
