/// Lists the blocks of a data file from the blocks themselves, with a doubtful index as a hint.
///
/// Runs only while salvaging. Where neither block nor index makes sense it looks for the next block that passes its
/// checksum; the samples in between are lost, and nobody can tell how many they were.
struct BlockWalk {
    let data: DataFile
    let times: TimeRule
    let limits: Limits
    private(set) var found: [(MefError, Range<Int>?)] = []

    init(data: DataFile, times: TimeRule, limits: Limits) {
        self.data = data
        self.times = times
        self.limits = limits
    }

    mutating func entries(hints: IndexFile?) -> [BlockEntry] {
        var entries: [BlockEntry] = []
        var offset = UniversalHeader.size
        var hint = 0
        let mapping = content()
        defer { withExtendedLifetime(mapping) {} }
        let bytes = mapping?.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)
        // Looking for a lost block must not take quadratic time on a file that was made for it.
        var budget = 8 * bytes.count + (1 << 20)
        while true {
            let indexed = Self.hint(hints, &hint, at: offset, times, limits)
            if let entry = sound(bytes, offset, chained: true, &budget) {
                entries.append(entry)
                offset += entry.bytes
            } else if let entry = indexed {
                if entry.bytes > bytes.count - offset {
                    found.append((error("the file ends before the end of the block", entries.count), nil))
                }
                entries.append(entry)
                offset += entry.bytes
            } else {
                guard offset < bytes.count else { break }
                let next = resume(bytes, offset + 8, &budget)
                found.append(
                    (error("\((next ?? bytes.count) - offset) bytes at \(offset) are no block", entries.count), nil)
                )
                guard let next else { break }
                offset = next
            }
        }
        return entries
    }

    private mutating func content() -> Mapping? {
        guard data.size > UniversalHeader.size else { return nil }
        do throws(MefError) {
            return try data.map()
        } catch {
            found.append((error, nil))
            return nil
        }
    }

    private func error(_ message: String, _ block: Int) -> MefError {
        MefError(.damaged, message, file: data.path, block: block)
    }

    /// The index entry for a block at `offset`; entries that lie before it are passed over for good.
    private static func hint(
        _ hints: IndexFile?,
        _ next: inout Int,
        at offset: Int,
        _ times: TimeRule,
        _ limits: Limits
    ) -> BlockEntry? {
        guard let hints else { return nil }
        while next < hints.count, hints[next, times].map({ $0.offset < offset }) ?? true { next += 1 }
        // An entry beyond is one to come, or nonsense with the right one behind it.
        for number in next..<min(next + 8, hints.count) {
            guard let entry = hints[number, times], entry.fits(at: offset, limits: limits) else { continue }
            next = number + 1
            return entry
        }
        return nil
    }

    /// The block at `offset`, if it is one. Without a checksum it must follow another.
    private func sound(
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int,
        chained: Bool,
        _ budget: inout Int
    ) -> BlockEntry? {
        guard offset <= bytes.count - RedHeader.size else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        guard let header = try? RedHeader(rest.bytes, limits: limits), header.blockBytes % 8 == 0 else { return nil }
        guard times.time(header.start) != nil, budget >= header.blockBytes else { return nil }
        if header.crc == 0, chained, header.samples > 0 {
            return BlockEntry(offset: offset, header: header, times: times)
        }
        budget -= header.blockBytes
        guard header.crc == Checksum.of(UnsafeRawBufferPointer(rebasing: rest[4..<header.blockBytes])) else {
            return nil
        }
        return BlockEntry(offset: offset, header: header, times: times)
    }

    private func resume(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ budget: inout Int) -> Int? {
        var offset = start
        while offset <= bytes.count - RedHeader.size, budget > 0 {
            if sound(bytes, offset, chained: false, &budget) != nil { return offset }
            budget -= 8
            offset += 8
        }
        return nil
    }
}
