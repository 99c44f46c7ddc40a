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
        let reader = content()
        let size = reader?.size ?? 0
        // Looking for a lost block must not take quadratic time on a file that was made for it.
        var budget = 8 * size + (1 << 20)
        while true {
            let indexed = Self.hint(hints, &hint, at: offset, times, limits)
            if let entry = sound(reader, offset, chained: true, &budget) {
                entries.append(entry)
                offset += entry.bytes
            } else if let entry = indexed {
                if entry.bytes > size - offset {
                    found.append((error("the file ends before the end of the block", entries.count), nil))
                }
                entries.append(entry)
                offset += entry.bytes
            } else {
                guard offset < size else { break }
                let next = resume(reader, offset + 8, &budget)
                found.append(
                    (error("\((next ?? size) - offset) bytes at \(offset) are no block", entries.count), nil)
                )
                guard let next else { break }
                offset = next
            }
        }
        return entries
    }

    private mutating func content() -> DataReader? {
        guard data.size > UniversalHeader.size else { return nil }
        do throws(MefError) {
            return try data.open()
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
    private func sound(_ reader: DataReader?, _ offset: Int, chained: Bool, _ budget: inout Int) -> BlockEntry? {
        guard let reader, offset <= reader.size - RedHeader.size else { return nil }
        // A part of the file that cannot be read is a part without blocks.
        guard let head = try? reader.bytes(at: offset, count: RedHeader.size, before: reader.size),
            let header = try? RedHeader(head.bytes, room: reader.size - offset, limits: limits),
            header.blockBytes % 8 == 0
        else { return nil }
        guard times.time(header.start) != nil, budget >= header.blockBytes else { return nil }
        if header.crc == 0, chained, header.samples > 0 {
            return BlockEntry(offset: offset, header: header, times: times)
        }
        budget -= header.blockBytes
        guard header.crc == checksum(reader, offset + 4, header.blockBytes - 4) else { return nil }
        return BlockEntry(offset: offset, header: header, times: times)
    }

    /// The checksum of a stretch of the file, in steps: a header can claim gigabytes. `nil` when it cannot be read.
    private func checksum(_ reader: DataReader, _ offset: Int, _ count: Int) -> UInt32? {
        var crc = Checksum.start
        var done = 0
        while done < count {
            let step = min(count - done, 64 << 10)
            guard let bytes = try? reader.bytes(at: offset + done, count: step, before: reader.size) else { return nil }
            crc = Checksum.of(bytes, from: crc)
            done += step
        }
        return crc
    }

    private func resume(_ reader: DataReader?, _ start: Int, _ budget: inout Int) -> Int? {
        guard let reader else { return nil }
        var offset = start
        while offset <= reader.size - RedHeader.size, budget > 0 {
            if sound(reader, offset, chained: false, &budget) != nil { return offset }
            budget -= 8
            offset += 8
        }
        return nil
    }
}
