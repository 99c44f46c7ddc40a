import Glibc
import PipeCore
import PipeKit

/// The files of a folder that are pictures, in the order in which a person would count them.
enum FolderListing {
    static let extensions: Set<String> = ["jpg", "jpeg", "png", "tif", "tiff", "dat", "hex"]
    /// More are no folder of pictures, but a disk.
    private static let (mostFiles, deepest) = (5_000_000, 16)

    /// Names below `folder` whose last part matches `pattern`.
    static func read(_ folder: String, matching pattern: String, isDeep: Bool) throws -> [String] {
        var found: [String] = []
        var folders = [(name: "", depth: 0)]
        while let (name, depth) = folders.popLast() {
            for entry in try DiskFiles().list(name.isEmpty ? folder : "\(folder)/\(name)") {
                // An unfinished file begins with a point.
                guard !entry.name.hasPrefix(".") else { continue }
                let path = name.isEmpty ? entry.name : "\(name)/\(entry.name)"
                if entry.isDirectory {
                    if isDeep, depth < deepest { folders.append((path, depth + 1)) }
                } else if isPicture(entry.name), fnmatch(pattern, entry.name, 0) == 0 {
                    guard found.count < mostFiles else {
                        throw StageError("'\(folder)' has more than \(mostFiles) pictures", hint: "read a part of it")
                    }
                    found.append(path)
                }
            }
        }
        return found.sorted(by: comesBefore)
    }

    private static func isPicture(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return extensions.contains(name[dot...].dropFirst().lowercased())
    }

    /// Digits count as the number that they are: frame_9 comes before frame_10.
    static func comesBefore(_ a: String, _ b: String) -> Bool {
        var (one, other) = (Array(a.utf8)[...], Array(b.utf8)[...])
        while let first = one.first, let second = other.first {
            if isDigit(first), isDigit(second) {
                let (left, right) = (takeNumber(&one), takeNumber(&other))
                if left.count != right.count { return left.count < right.count }
                if left != right { return left.lexicographicallyPrecedes(right) }
            } else {
                if first != second { return first < second }
                one.removeFirst()
                other.removeFirst()
            }
        }
        // What differs only in zeros before a number is told apart by its bytes.
        if one.isEmpty, other.isEmpty { return a < b }
        return one.isEmpty
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The digits of a number without the zeros before it.
    private static func takeNumber(_ text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = text.prefix(while: isDigit)
        text = text.dropFirst(digits.count)
        return digits.drop { $0 == UInt8(ascii: "0") }
    }
}
