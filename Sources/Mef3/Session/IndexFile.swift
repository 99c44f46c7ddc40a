/// A `.tidx` file in memory.
struct IndexFile {
    let header: UniversalHeader
    let path: String
    private let bytes: [UInt8]
    /// The trouble with the file as a whole; its entries may still be sound.
    private let trouble: MefError?

    init(_ bytes: [UInt8], file: String) throws(MefError) {
        self.bytes = bytes
        path = file
        header = try UniversalHeader(bytes.span.bytes, kind: .tidx, file: file)
        do throws(MefError) {
            _ = try UniversalHeader.checked(bytes, kind: .tidx, file: file, body: true)
            let rest = (bytes.count - UniversalHeader.size) % BlockEntry.size
            guard rest == 0 else {
                throw MefError(.damaged, "the index ends \(rest) bytes into an entry", file: file)
            }
            let count = (bytes.count - UniversalHeader.size) / BlockEntry.size
            guard header.entries < 0 || header.entries == count else {
                throw MefError(.damaged, "the header counts \(header.entries) entries, there are \(count)", file: file)
            }
            trouble = nil
        } catch {
            trouble = error
        }
    }

    /// The header, if what it says can be believed.
    var soundHeader: UniversalHeader? { trouble == nil ? header : nil }

    var count: Int { (bytes.count - UniversalHeader.size) / BlockEntry.size }

    subscript(_ number: Int, times: TimeRule) -> BlockEntry? {
        BlockEntry(bytes.span.bytes, at: UniversalHeader.size + number * BlockEntry.size, times: times)
    }

    /// All entries, each of which has been compared with its neighbours and the size of the data.
    func entries(_ times: TimeRule, dataSize: Int, limits: Limits) throws(MefError) -> [BlockEntry]? {
        if let trouble { throw trouble }
        var entries: [BlockEntry] = []
        entries.reserveCapacity(count)
        var expected = UniversalHeader.size
        for number in 0..<count {
            guard let entry = self[number, times], entry.fits(at: expected, limits: limits) else {
                throw MefError(
                    .damaged,
                    "the index entry does not continue the one before, block \(number) was expected at \(expected)",
                    file: path,
                    block: number
                )
            }
            guard entry.bytes <= dataSize - expected else {
                throw MefError(
                    .damaged,
                    "the index goes on beyond the \(dataSize) bytes of the data file",
                    file: path,
                    block: number
                )
            }
            entries.append(entry)
            expected += entry.bytes
        }
        guard expected == dataSize || dataSize <= UniversalHeader.size else {
            throw MefError(.damaged, "the index covers \(expected) of \(dataSize) bytes of data", file: path)
        }
        return entries
    }
}
