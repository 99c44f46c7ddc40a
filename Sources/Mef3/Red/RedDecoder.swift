internal import CMef3

/// Decodes blocks, four at a time in one loop.
///
/// Each symbol depends on the one before through a division and three loads, so a single block leaves the processor
/// waiting most of the time. Four independent blocks fill these waits. One decoder belongs to one thread.
final class RedDecoder {
    /// A block to decode.
    enum Input {
        /// Its bytes, and the samples the index promises, if it does.
        case block(UnsafeRawBufferPointer, samples: Int?)
        /// There are none.
        case missing(MefError)
    }

    /// What became of a block.
    enum Outcome {
        /// Its samples; the memory is used again as soon as the receiver returns.
        case samples(UnsafeBufferPointer<Int32>)
        /// Nothing, and why.
        case failed(MefError)
    }

    private let keys: Keys
    private let limits: Limits
    private let states: UnsafeMutablePointer<cpipe_mef_lane>
    private var a: RedLane
    private var b: RedLane
    private var c: RedLane
    private var d: RedLane
    private var samples = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 1024)

    init(keys: Keys, limits: Limits) {
        self.keys = keys
        self.limits = limits
        // Side by side, as the kernel wants them.
        states = .allocate(capacity: 4)
        a = RedLane(at: states)
        b = RedLane(at: states + 1)
        c = RedLane(at: states + 2)
        d = RedLane(at: states + 3)
    }

    deinit {
        samples.deallocate()
        states.deallocate()
    }

    /// Decodes the numbered blocks and hands each one over as it is finished, not necessarily in order.
    ///
    /// - Parameter deliver: Takes the number of a block and what became of it; returns `false` to stop.
    func decode(_ blocks: Range<Int>, input: (Int) -> Input, deliver: (Int, Outcome) -> Bool) {
        var next = blocks.lowerBound
        let count = blocks.upperBound
        var numbers = (0, 0, 0, 0)
        guard
            let first = refill(&a, &next, count, input, deliver), let second = refill(&b, &next, count, input, deliver),
            let third = refill(&c, &next, count, input, deliver), let fourth = refill(&d, &next, count, input, deliver)
        else { return }
        numbers = (first, second, third, fourth)
        // A lane without a block has the number -1.
        while numbers.0 >= 0, numbers.1 >= 0, numbers.2 >= 0, numbers.3 >= 0 {
            let ready = min(
                min(a.readySymbols(), b.readySymbols()),
                min(c.readySymbols(), d.readySymbols())
            )
            cpipe_mef_run_four(states, ready)
            a.advance(ready)
            b.advance(ready)
            c.advance(ready)
            d.advance(ready)
            guard
                let first = step(&a, numbers.0, &next, count, input, deliver),
                let second = step(&b, numbers.1, &next, count, input, deliver),
                let third = step(&c, numbers.2, &next, count, input, deliver),
                let fourth = step(&d, numbers.3, &next, count, input, deliver)
            else { return }
            numbers = (first, second, third, fourth)
        }
        if numbers.0 >= 0, !finishAlone(&a, numbers.0, deliver) { return }
        if numbers.1 >= 0, !finishAlone(&b, numbers.1, deliver) { return }
        if numbers.2 >= 0, !finishAlone(&c, numbers.2, deliver) { return }
        if numbers.3 >= 0 { _ = finishAlone(&d, numbers.3, deliver) }
    }

    /// Hands over a finished block and loads the next; `nil` when the receiver wants no more.
    private func step(
        _ lane: inout RedLane,
        _ number: Int,
        _ next: inout Int,
        _ count: Int,
        _ input: (Int) -> Input,
        _ deliver: (Int, Outcome) -> Bool
    ) -> Int? {
        guard lane.isFinished else { return number }
        guard finish(lane, number, deliver) else { return nil }
        return refill(&lane, &next, count, input, deliver)
    }

    /// Loads the next block that has something to decode: its number, -1 when there is none, `nil` to stop.
    private func refill(
        _ lane: inout RedLane,
        _ next: inout Int,
        _ count: Int,
        _ input: (Int) -> Input,
        _ deliver: (Int, Outcome) -> Bool
    ) -> Int? {
        while next < count {
            let number = next
            next += 1
            do throws(MefError) {
                if try load(&lane, input(number)) { return number }
                guard deliver(number, .samples(UnsafeBufferPointer(start: nil, count: 0))) else { return nil }
            } catch {
                guard deliver(number, .failed(error)) else { return nil }
            }
        }
        return -1
    }

    /// Checks a block and makes a lane ready for it; `false` when it has no samples.
    private func load(_ lane: inout RedLane, _ input: Input) throws(MefError) -> Bool {
        let bytes: UnsafeRawBufferPointer
        let promised: Int?
        switch input {
        case .block(let block, let samples): (bytes, promised) = (block, samples)
        case .missing(let error): throw error
        }
        let header = try RedHeader(bytes.bytes, limits: limits)
        guard promised == nil || header.blockBytes == bytes.count else {
            throw MefError(.damaged, "the block has \(header.blockBytes) bytes, its index says \(bytes.count)")
        }
        let block = UnsafeRawBufferPointer(rebasing: bytes[..<header.blockBytes])
        if header.crc != 0, header.crc != Checksum.of(UnsafeRawBufferPointer(rebasing: block[4...])) {
            throw MefError(.damaged, "the block fails its checksum")
        }
        if let promised, promised != header.samples {
            throw MefError(.damaged, "the block holds \(header.samples) samples, its index says \(promised)")
        }
        guard header.samples > 0 else { return false }
        var statistics = Array(block[RedHeader.statisticsOffset..<RedHeader.size])
        if header.level > 0 {
            statistics.replaceSubrange(
                ..<16,
                with: try Cipher.decrypt(Array(statistics[..<16]), keys.key(level: header.level))
            )
        }
        guard lane.load(header, block, statistics: statistics) else {
            throw MefError(.damaged, "the block's statistics are all zero")
        }
        return true
    }

    private func finish(_ lane: borrowing RedLane, _ number: Int, _ deliver: (Int, Outcome) -> Bool) -> Bool {
        let count = lane.header.samples
        if samples.count < count {
            samples.deallocate()
            samples = .allocate(capacity: count)
        }
        guard let base = samples.baseAddress, lane.expand(into: base) else {
            return deliver(number, .failed(MefError(.damaged, "the block's difference bytes do not come out even")))
        }
        return deliver(number, .samples(UnsafeBufferPointer(start: base, count: count)))
    }

    private func finishAlone(_ lane: inout RedLane, _ number: Int, _ deliver: (Int, Outcome) -> Bool) -> Bool {
        lane.runAlone()
        return finish(lane, number, deliver)
    }
}
