extension MefChannel {
    /// Decodes the blocks of all pieces and hands each part to `place`, or `nil` for a part that is lost.
    ///
    /// Reading strictly, the first damaged block is an error and nothing more is read. While salvaging, a damaged
    /// block is left out and listed; a locked one is an error all the same.
    func read(
        _ pieces: Pieces,
        place: (Piece, UnsafeBufferPointer<Int32>?) -> Void
    ) throws(MefError) -> [Damage] {
        var damage: [(Int, Damage)] = []
        var stopped: MefError?
        let decoder = RedDecoder(keys: keys, limits: limits)
        var source: SegmentSource?

        func deliver(_ number: Int, _ outcome: RedDecoder.Outcome) -> Bool {
            let piece = pieces.list[number]
            switch outcome {
            case .samples(let samples):
                // The decoder has compared the count with the entry's, from which the piece was cut.
                place(piece, UnsafeBufferPointer(rebasing: samples[piece.source]))
                return true
            case .failed(let error):
                let segment = segments[piece.segment]
                let entry = segment.entries[piece.entry]
                let placed = error.at(MefError.Place(file: segment.data.path, block: piece.entry))
                // A locked block is no damage: a better password reads it, so it is never passed off as missing.
                if reading == .strict || error.code == .locked {
                    stopped = placed
                    return false
                }
                place(piece, nil)
                let lost = entry.first..<entry.first + entry.samples
                damage.append((number, Damage(placed, channel: name, samples: lost)))
                return true
            }
        }

        func input(_ number: Int) -> RedDecoder.Input {
            let piece = pieces.list[number]
            let entry = segments[piece.segment].entries[piece.entry]
            do throws(MefError) {
                if source?.segment != piece.segment { source = SegmentSource(self, pieces, number) }
                guard let source else { return .missing(MefError(.missing, "the segment has no data file")) }
                let reader = try source.reader.get()
                let bytes = try reader.bytes(at: entry.offset, count: entry.bytes, before: source.end)
                return .block(bytes, samples: entry.samples)
            } catch {
                return .missing(error)
            }
        }

        if pieces.areApart {
            decoder.decode(0..<pieces.list.count, input: input, deliver: deliver)
        } else {
            for number in pieces.list.indices where stopped == nil {
                decoder.decode(number..<number + 1, input: input, deliver: deliver)
            }
        }
        if let stopped { throw stopped }
        return damage.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

/// The open data file of the segment whose pieces are being read; pieces come in the order of the segments.
private struct SegmentSource {
    let segment: Int
    let reader: Result<DataReader, MefError>
    /// Where the last of the blocks that are wanted ends.
    let end: Int

    init(_ channel: MefChannel, _ pieces: Pieces, _ first: Int) {
        let number = pieces.list[first].segment
        let found = channel.segments[number]
        segment = number
        end = pieces.list[first...].prefix { $0.segment == number }
            .reduce(0) { max($0, found.entries[$1.entry].offset + found.entries[$1.entry].bytes) }
        do throws(MefError) { reader = .success(try found.data.open()) } catch { reader = .failure(error) }
    }
}
