import FoundationEssentials
import Glibc
import PipeCore

/// Gives a test a folder of its own, which is gone afterwards with all that is in it.
public func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let manager = FileManager.default
    var template = Array("\(manager.temporaryDirectory.path)/pipe-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
        throw StageError("no folder can be made: \(String(cString: strerror(errno)))")
    }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { try? manager.removeItem(atPath: folder) }
    return try body(folder)
}
