/// Where stored samples go in a window, without reading them: for those who keep decoded blocks.
package struct Layout: Sendable {
    /// Consecutive samples of one block.
    package struct Run: Sendable, Hashable {
        /// Number of the block's first sample within the channel.
        package var block: Int
        /// Numbers of the samples within the channel.
        package var samples: Range<Int>
        /// Position of the first of them.
        package var position: Int
    }

    /// In the order in which they are to be written: a later run has the positions it shares with an earlier one.
    package var runs: [Run]
    /// Whether no two runs share a position.
    package var areApart: Bool
}

extension MefChannel {
    /// What goes to `count` positions of the window that begins at `t0`, from position `first` on; nothing is stored for
    /// the others. Position `k` stands for `t0 + k / rate`.
    package func layout(from t0: Int64, first: Int, count: Int) -> Layout {
        let pieces = pieces(from: t0, first: first, count: count)
        let runs = pieces.list.map { piece in
            let block = segments[piece.segment].entries[piece.entry].first
            return Layout.Run(
                block: block,
                samples: block + piece.source.lowerBound..<block + piece.source.upperBound,
                position: piece.destination
            )
        }
        return Layout(runs: runs, areApart: pieces.areApart)
    }

    /// The first sample of the first block that begins at or behind a sample; the number of samples when there is none.
    package func edge(atOrBehind sample: Int) -> Int {
        for segment in segments {
            guard let first = segment.entries.first?.first, first + segment.samples > sample else { continue }
            guard first < sample else { return first }
            let block = segment.block(of: sample)
            if segment.entries[block].first == sample { return sample }
            return block + 1 < segment.entries.count ? segment.entries[block + 1].first : first + segment.samples
        }
        return sampleCount
    }
}
