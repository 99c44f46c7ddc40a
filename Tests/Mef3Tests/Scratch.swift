import Glibc

/// A directory for one test, removed with all it holds when the test lets go of it.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/mef3-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failed(what: "mkdtemp") }
        path = String(cString: made)
    }

    deinit { Scratch.remove(path) }

    struct Failed: Error {
        var what: String
    }

    /// Copies a directory tree.
    static func copy(_ from: String, to: String) throws {
        guard let directory = opendir(from) else {
            return try write(read(from), to: to)
        }
        defer { closedir(directory) }
        mkdir(to, 0o755)
        for name in names(directory) { try copy(from + "/" + name, to: to + "/" + name) }
    }

    static func files(below path: String) -> [String] {
        guard let directory = opendir(path) else { return [path] }
        defer { closedir(directory) }
        return names(directory).sorted().flatMap { files(below: path + "/" + $0) }
    }

    static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw Failed(what: path) }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let count = ftell(file)
        rewind(file)
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = fread(buffer.baseAddress, 1, count, file)
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw Failed(what: path) }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    static func remove(_ path: String) {
        if let directory = opendir(path) {
            for name in names(directory) { remove(path + "/" + name) }
            closedir(directory)
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func names(_ directory: OpaquePointer) -> [String] {
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// Numbers that are the same in every run, so that a failure can be repeated by its seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// A signal of one of the kinds that have broken codecs: flat, noisy, steps around ±127, full range, wrapping.
    mutating func signal(_ count: Int) -> [Int32] {
        let kind = Int.random(in: 0..<7, using: &self)
        var last = Int32.random(in: -1000...1000, using: &self)
        let flat = Int32.random(in: -200...200, using: &self)
        return (0..<count).map { _ in
            switch kind {
            case 0: return flat
            case 1: last &+= Int32.random(in: -20...20, using: &self)
            case 2: last &+= [127, -127, 128, -128, 1, -1][Int.random(in: 0..<6, using: &self)]
            case 3: last = Int32.random(in: .min ... .max, using: &self)
            case 4: last = Bool.random(using: &self) ? .max : .min
            case 5: if Int.random(in: 0..<50, using: &self) == 0 { last = Int32.random(in: -9...9, using: &self) }
            default: last &+= Int32.random(in: -3...3, using: &self) &* Int32.random(in: 0...60, using: &self)
            }
            return last
        }
    }
}
