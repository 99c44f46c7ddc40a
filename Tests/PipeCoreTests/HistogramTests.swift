import Glibc
import Testing

@testable import PipeCore

struct HistogramTests {
    /// Times as they are found: many short, few long.
    private func times(seed: UInt64, count: Int) -> [Int] {
        var chance = RandomSource(seed: seed)
        let spread = Double.random(in: 1...35, using: &chance)
        return (0..<count).map { _ in Int(exp2(chance.share() * spread)) }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `a quantile is within four percent of the exact one`(seed: UInt64) throws {
        let times = times(seed: seed, count: 1 + Int(seed) * 37)
        var histogram = Histogram()
        for time in times { histogram.record(time) }
        let sorted = times.sorted()
        for share in [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1] {
            let exact = sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
            let found = try #require(histogram.quantile(share)).nanoseconds
            #expect(abs(found - exact) <= exact / 25, "p\(share * 100) of seed \(seed): \(found), exactly \(exact)")
        }
        #expect(histogram.mean == .nanoseconds(times.reduce(0, +) / times.count))
        #expect(histogram.most == sorted.last)
    }

    @Test func `an empty one has no quantile`() {
        #expect(Histogram().quantile(0.5) == nil)
        #expect(Histogram().mean == nil)
    }

    @Test func `times of one length recorded at once are as many records`() {
        var (one, many) = (Histogram(), Histogram())
        one.record(1234, times: 50)
        for _ in 0..<50 { many.record(1234) }
        #expect(one == many)
    }

    @Test func `two added are one that recorded all`() {
        let (some, others) = (times(seed: 7, count: 300), times(seed: 8, count: 200))
        var (left, right, all) = (Histogram(), Histogram(), Histogram())
        for time in some { left.record(time) }
        for time in others { right.record(time) }
        for time in some + others { all.record(time) }
        left += right
        #expect(left == all)
        left += Histogram()
        #expect(left == all)
    }

    @Test func `what lies beyond the ends is kept at the ends`() {
        var histogram = Histogram()
        histogram.record(-5)
        #expect(histogram.quantile(1) == .zero)
        histogram.record(.max)
        #expect(histogram.most == .max)
        #expect(histogram.count == 2)
    }
}
