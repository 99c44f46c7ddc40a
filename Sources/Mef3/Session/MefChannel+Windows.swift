extension MefChannel {
    /// Positions in a window of time: its length times the rate, rounded.
    public func length(from t0: Int64, to t1: Int64) throws(MefError) -> Int {
        let (span, overflow) = t1.subtractingReportingOverflow(t0)
        guard !overflow, span > 0 else {
            throw MefError(.outOfRange, "a window from \(t0) to \(t1) has no length, give the earlier time first")
        }
        let count = (Double(span) / 1e6 * metadata.samplingFrequency + 0.5).rounded(.down)
        guard count <= Double(limits.answerSamples) else {
            throw MefError(
                .tooLarge,
                "a window of \(count) samples is above the limit of \(limits.answerSamples), read it in parts"
            )
        }
        return Int(count)
    }

    /// Values in units over a window of time, `t1` excluded; NaN where nothing is stored.
    ///
    /// Position `k` stands for the time `t0 + k / rate`. Blocks go to their rounded positions, later ones over earlier.
    public func values(from t0: Int64, to t1: Int64) throws(MefError) -> Answer<Double> {
        try answer(length(from: t0, to: t1)) { (values) throws(MefError) in
            try fill(values, pieces(from: t0, count: values.count))
        }
    }

    /// The same values, into memory of the caller that has room for `length(from:to:)` of them.
    public func read(from t0: Int64, to t1: Int64, into values: inout MutableSpan<Double>) throws(MefError) -> [Damage]
    {
        let count = try length(from: t0, to: t1)
        guard values.count == count else {
            throw MefError(.outOfRange, "the window has \(count) samples, there is room for \(values.count)")
        }
        return try read(into: &values) { (memory) throws(MefError) in
            try fill(memory, pieces(from: t0, count: count))
        }
    }

    /// A part of such a window, by its positions: those of a window that is read in parts are the same as at once.
    public func read(
        from t0: Int64,
        positions: Range<Int>,
        into values: inout MutableSpan<Double>
    ) throws(MefError) -> [Damage] {
        guard positions.lowerBound >= 0, positions.count == values.count else {
            throw MefError(.outOfRange, "positions \(positions) of a window, and room for \(values.count)")
        }
        return try read(into: &values) { (memory) throws(MefError) in
            try fill(memory, pieces(from: t0, first: positions.lowerBound, count: positions.count))
        }
    }

    /// Values in units by sample number, into memory of the caller that has room for them.
    public func read(_ numbers: Range<Int>, into values: inout MutableSpan<Double>) throws(MefError) -> [Damage] {
        guard try checked(numbers) == values.count else {
            throw MefError(.outOfRange, "samples \(numbers), and room for \(values.count)")
        }
        return try read(into: &values) { (memory) throws(MefError) in
            try fill(memory, pieces(numbers))
        }
    }

    /// Stored numbers over a window of time; the smallest 32-bit number where nothing is stored.
    public func counts(from t0: Int64, to t1: Int64) throws(MefError) -> Answer<Int32> {
        try answer(length(from: t0, to: t1)) { (values) throws(MefError) in
            try fill(values, pieces(from: t0, count: values.count))
        }
    }

    /// Stored numbers by sample number, gaps closed up; the smallest 32-bit number for samples that are lost.
    public func counts(_ numbers: Range<Int>) throws(MefError) -> Answer<Int32> {
        try answer(checked(numbers)) { (values) throws(MefError) in
            try fill(values, pieces(numbers))
        }
    }

    /// Values in units by sample number, gaps closed up; NaN for samples that are lost or stored as "not a number".
    public func values(_ numbers: Range<Int>) throws(MefError) -> Answer<Double> {
        try answer(checked(numbers)) { (values) throws(MefError) in
            try fill(values, pieces(numbers))
        }
    }

    private func checked(_ numbers: Range<Int>) throws(MefError) -> Int {
        guard numbers.lowerBound >= 0, numbers.upperBound <= sampleCount else {
            throw MefError(.outOfRange, "samples \(numbers) of channel '\(name)', which has 0..<\(sampleCount)")
        }
        guard numbers.count <= limits.answerSamples else {
            throw MefError(
                .tooLarge,
                "\(numbers.count) samples are above the limit of \(limits.answerSamples), read them in parts"
            )
        }
        return numbers.count
    }

    private func fill(_ values: UnsafeMutableBufferPointer<Double>, _ pieces: Pieces) throws(MefError) -> [Damage] {
        pieces.blank(values, with: .nan)
        return try read(pieces) { piece, samples in
            let part = UnsafeMutableBufferPointer(rebasing: values[piece.target])
            guard let samples else { return part.update(repeating: .nan) }
            Convert.scale(samples, metadata.conversionFactor, to: part)
        }
    }

    private func fill(_ values: UnsafeMutableBufferPointer<Int32>, _ pieces: Pieces) throws(MefError) -> [Damage] {
        pieces.blank(values, with: .min)
        return try read(pieces) { piece, samples in
            let part = UnsafeMutableBufferPointer(rebasing: values[piece.target])
            guard let samples else { return part.update(repeating: .min) }
            _ = part.update(fromContentsOf: samples)
        }
    }

    // An array can hand its memory to a closure that throws any error, not a typed one.
    private func answer<Value: BitwiseCopyable & Sendable>(
        _ count: Int,
        _ body: (UnsafeMutableBufferPointer<Value>) throws(MefError) -> [Damage]
    ) throws(MefError) -> Answer<Value> {
        var outcome = Result<[Damage], MefError>.success([])
        let values = [Value](unsafeUninitializedCapacity: count) { memory, initialized in
            let values = UnsafeMutableBufferPointer(rebasing: memory[..<count])
            FileSystem.expectLarge(UnsafeMutableRawBufferPointer(values))
            do throws(MefError) { outcome = .success(try body(values)) } catch { outcome = .failure(error) }
            // After an error the numbers are whatever was there, and nobody sees them.
            initialized = count
        }
        return Answer(values: values, damage: try outcome.get())
    }

    private func read(
        into values: inout MutableSpan<Double>,
        _ body: (UnsafeMutableBufferPointer<Double>) throws(MefError) -> [Damage]
    ) throws(MefError) -> [Damage] {
        var outcome = Result<[Damage], MefError>.success([])
        values.withUnsafeMutableBufferPointer { memory in
            do throws(MefError) { outcome = .success(try body(memory)) } catch { outcome = .failure(error) }
        }
        return try outcome.get()
    }
}

/// Samples into values. A plain loop over pointers, which the compiler turns into vector code.
enum Convert {
    static func scale(
        _ samples: UnsafeBufferPointer<Int32>,
        _ factor: Double,
        to values: UnsafeMutableBufferPointer<Double>
    ) {
        guard let from = samples.baseAddress, let to = values.baseAddress else { return }
        for index in 0..<min(samples.count, values.count) {
            let sample = from[index]
            to[index] = sample == .min ? .nan : Double(sample) * factor
        }
    }
}
