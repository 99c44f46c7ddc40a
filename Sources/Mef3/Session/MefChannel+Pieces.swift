/// A part of a block and where it goes.
struct Piece {
    var segment: Int
    var entry: Int
    /// Samples within the block.
    var source: Range<Int>
    /// Position of the first of them in the answer.
    var destination: Int

    /// Positions in the answer.
    var target: Range<Int> { destination..<destination + source.count }
}

/// What a read is made of, in the order of the files.
struct Pieces {
    var list: [Piece] = []
    /// Whether no two pieces write to one position, so that their order does not matter.
    var areApart = true
}

extension MefChannel {
    /// The parts of blocks that make up a range of sample numbers.
    func pieces(_ numbers: Range<Int>) -> Pieces {
        var pieces = Pieces()
        for (index, segment) in segments.enumerated() {
            guard let first = segment.entries.first?.first, !numbers.isEmpty else { continue }
            guard first < numbers.upperBound, first + segment.samples > numbers.lowerBound else { continue }
            for number in segment.block(of: numbers.lowerBound)..<segment.entries.count {
                let entry = segment.entries[number]
                guard entry.first < numbers.upperBound else { break }
                let part = (entry.first..<entry.first + entry.samples).clamped(to: numbers)
                guard !part.isEmpty else { continue }
                pieces.list.append(
                    Piece(
                        segment: index,
                        entry: number,
                        source: part.lowerBound - entry.first..<part.upperBound - entry.first,
                        destination: part.lowerBound - numbers.lowerBound
                    )
                )
            }
        }
        return pieces
    }

    /// The parts of blocks that fall on `count` positions of the window that begins at `t0`, from position `first` on.
    ///
    /// Where a block reaches into the next one by rounding, the later one has the position, and the earlier piece is
    /// cut. Anything more entangled is left to be written in order.
    func pieces(from t0: Int64, first: Int = 0, count: Int) -> Pieces {
        var pieces = Pieces()
        let rate = metadata.samplingFrequency
        let begin = Self.time(Double(t0) + Double(first) / rate * 1e6)
        let end = Self.time(Double(t0) + Double(first + count + 1) / rate * 1e6)
        for (index, segment) in segments.enumerated() {
            for number in segment.candidates(from: begin, to: end) {
                let entry = segment.entries[number]
                guard let start = entry.start else { continue }
                let (distance, overflow) = start.subtractingReportingOverflow(t0)
                let position = (Double(distance) / 1e6 * rate).rounded(.toNearestOrAwayFromZero)
                guard !overflow, abs(position) < 1e15 else { continue }
                let place = Int(position) - first
                let lower = max(place, 0)
                let upper = min(place + entry.samples, count)
                guard lower < upper else { continue }
                pieces.append(
                    Piece(segment: index, entry: number, source: lower - place..<upper - place, destination: lower)
                )
            }
        }
        return pieces
    }

    /// A time that may lie beyond any clock.
    private static func time(_ value: Double) -> Int64 { value < -9e18 ? .min : value < 9e18 ? Int64(value) : .max }
}

extension Pieces {
    mutating func append(_ piece: Piece) {
        if areApart, let last = list.last {
            let lastEnd = last.destination + last.source.count
            if lastEnd > piece.destination {
                let kept = piece.destination - last.destination
                if kept > 0, lastEnd <= piece.destination + piece.source.count {
                    list[list.count - 1].source = last.source.lowerBound..<last.source.lowerBound + kept
                } else {
                    areApart = false
                }
            }
        }
        list.append(piece)
    }

    /// Writes `value` to the positions no piece covers, or to all of them where pieces overlap.
    ///
    /// Answers are mostly covered whole, and writing them twice cost a tenth of the time of a read.
    func blank<Value: BitwiseCopyable>(_ values: UnsafeMutableBufferPointer<Value>, with value: Value) {
        guard areApart else { return values.update(repeating: value) }
        var next = 0
        for piece in list {
            UnsafeMutableBufferPointer(rebasing: values[next..<max(next, piece.destination)]).update(repeating: value)
            next = piece.target.upperBound
        }
        UnsafeMutableBufferPointer(rebasing: values[next...]).update(repeating: value)
    }
}
