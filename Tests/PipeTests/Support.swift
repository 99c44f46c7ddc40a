import FoundationEssentials

/// The names in a folder.
func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
}

let projectFolder = String(#filePath.dropLast("/Tests/PipeTests/Support.swift".count))
