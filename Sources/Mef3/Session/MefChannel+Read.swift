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
        let maps = mappings(pieces)

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
            switch maps[piece.segment] {
            case .success(let mapping)?:
                let bytes = mapping.bytes
                guard entry.offset >= 0, entry.offset <= bytes.count - entry.bytes else {
                    return .missing(MefError(.damaged, "the file ends before the end of the block"))
                }
                let block = UnsafeRawBufferPointer(rebasing: bytes[entry.offset..<entry.offset + entry.bytes])
                return .block(block, samples: entry.samples)
            case .failure(let error)?: return .missing(error)
            case nil: return .missing(MefError(.missing, "the segment has no data file"))
            }
        }

        withExtendedLifetime(maps) {
            if pieces.areApart {
                decoder.decode(0..<pieces.list.count, input: input, deliver: deliver)
            } else {
                for number in pieces.list.indices where stopped == nil {
                    decoder.decode(number..<number + 1, input: input, deliver: deliver)
                }
            }
        }
        if let stopped { throw stopped }
        return damage.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The data files the pieces need, mapped for the duration of a read.
    private func mappings(_ pieces: Pieces) -> [Int: Result<Mapping, MefError>] {
        var mappings: [Int: Result<Mapping, MefError>] = [:]
        var last = -1
        for piece in pieces.list where piece.segment != last {
            last = piece.segment
            do throws(MefError) {
                mappings[last] = .success(try segments[last].data.map())
            } catch {
                mappings[last] = .failure(error)
            }
        }
        return mappings
    }
}
