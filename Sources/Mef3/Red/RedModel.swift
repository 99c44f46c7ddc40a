/// What the range decoder looks up for one block: the statistics summed, and the symbol of each value.
///
/// The lookup table has one byte for each count, which is at most 65280 and in practice about one for each sample, so
/// that it stays in the first-level cache. It lives in memory the decoder owns and fills anew for each block.
struct RedModel {
    // Sum and count of a symbol in one word, and the table behind them, so that a model is one pointer.
    static let tableOffset = 256 * 8
    static let maximumTotal = 255 * 256
    // Filling writes whole units of sixteen bytes.
    static let byteCount = tableOffset + maximumTotal + 16

    /// Largest value a lookup may have.
    private(set) var last: UInt32 = 0
    /// 2^64 / total, rounded up: the high half of a product with it is the quotient by the total.
    private(set) var reciprocal: UInt64 = 0

    /// Fills the memory at `base` from 256 statistics; the sum must not be zero.
    init?(statistics: UnsafePointer<UInt8>, base: UnsafeMutableRawPointer) {
        let pairs = base.bindMemory(to: UInt32.self, capacity: 512)
        let table = base + Self.tableOffset
        var total = 0
        for symbol in 0..<256 {
            let count = Int(statistics[symbol])
            pairs[2 &* symbol] = UInt32(truncatingIfNeeded: total)
            pairs[2 &* symbol &+ 1] = UInt32(truncatingIfNeeded: count)
            let unit = SIMD16<UInt8>(repeating: UInt8(truncatingIfNeeded: symbol))
            var filled = 0
            while filled < count {
                (table + total + filled).storeBytes(of: unit, as: SIMD16<UInt8>.self)
                filled &+= 16
            }
            total &+= count
        }
        guard total > 0 else { return nil }
        last = UInt32(truncatingIfNeeded: total &- 1)
        // With a total of one the true reciprocal is 2^64; one less gives quotients one too small, which is corrected
        // where it matters: such a block has one symbol, and its lookups are all clamped to it.
        reciprocal = total == 1 ? .max : UInt64.max / UInt64(total) &+ 1
    }
}
