internal import CMef3

/// The one checksum of the format: 32 bits, Koopman's polynomial 0x741B8CD7, reflected, no final inversion.
///
/// No processor has an instruction for this polynomial. Long runs are folded by carry-less multiplication where there is
/// one; the rest goes through tables, sixteen bytes a step.
enum Checksum {
    static let start: UInt32 = 0xFFFF_FFFF
    private static let polynomial: UInt32 = 0xEB31_D82E

    /// Table `k` advances a byte past `k` further bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<tables.count {
            let value = tables[index - 256]
            tables[index] = tables[Int(value & 0xFF)] ^ value >> 8
        }
        return tables
    }()

    static func of(_ bytes: UnsafeRawBufferPointer, from start: UInt32 = start) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            guard let table = table.baseAddress, let base = bytes.baseAddress else { return start }
            let long = bytes.count / 64 * 64
            var folded = SIMD16<UInt8>()
            guard long > 0, cpipe_mef_fold(start, base, long, &folded) != 0 else {
                return run(base, bytes.count, start, table)
            }
            let crc = withUnsafeBytes(of: folded) { $0.baseAddress.map { run($0, 16, 0, table) } ?? 0 }
            return run(base + long, bytes.count - long, crc, table)
        }
    }

    static func of(_ bytes: some Collection<UInt8>, from start: UInt32 = start) -> UInt32 {
        bytes.withContiguousStorageIfAvailable { of(UnsafeRawBufferPointer($0), from: start) }
            ?? Array(bytes).withUnsafeBytes { of($0, from: start) }
    }

    private static func run(
        _ base: UnsafeRawPointer,
        _ count: Int,
        _ start: UInt32,
        _ table: UnsafePointer<UInt32>
    ) -> UInt32 {
        var crc = start
        var at = base
        let end = base + count
        while end - at >= 16 {
            let first = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
            let second = UInt64(littleEndian: at.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            crc = eight(first, table + 8 * 256) ^ eight(second, table)
            at += 16
        }
        while at < end {
            crc = table[Int((crc ^ UInt32(at.load(as: UInt8.self))) & 0xFF)] ^ crc >> 8
            at += 1
        }
        return crc
    }

    /// Eight bytes at once, of which the first is furthest from the end.
    @inline(__always)
    private static func eight(_ word: UInt64, _ table: UnsafePointer<UInt32>) -> UInt32 {
        @inline(__always)
        func byte(_ position: UInt64) -> Int { Int(truncatingIfNeeded: word &>> (8 &* position) & 0xFF) }
        let high = table[7 &* 256 &+ byte(0)] ^ table[6 &* 256 &+ byte(1)]
        let upper = table[5 &* 256 &+ byte(2)] ^ table[4 &* 256 &+ byte(3)]
        let lower = table[3 &* 256 &+ byte(4)] ^ table[2 &* 256 &+ byte(5)]
        let low = table[256 &+ byte(6)] ^ table[byte(7)]
        return (high ^ upper) ^ (lower ^ low)
    }
}
