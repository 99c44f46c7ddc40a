import PipeCore

/// What a stage remembers of each stream that passes: of every source, key and signal apart.
struct Streams<State> {
    private struct Stream: Hashable {
        var source: UInt32
        var key: Key
        var signal: Signal
    }

    private var places: [Stream: Int] = [:]
    private(set) var states: [State] = []
    private var last: (stream: Stream, place: Int)?
    /// Names come from outside, and memory is bounded.
    private static var most: Int { 4096 }

    /// The place of what is remembered of an item's stream, which `make` begins with.
    mutating func place(of item: borrowing Item<Samples>, _ make: (Signal) throws -> State) throws -> Int {
        let stream = Stream(source: item.header.source, key: item.header.key, signal: item.payload.signal)
        if let last, last.stream == stream { return last.place }
        let place: Int
        if let known = places[stream] {
            place = known
        } else {
            guard states.count < Self.most else {
                throw StageError(
                    "these are more than \(Self.most) streams",
                    hint: "take several channels in a block, or give each group a stage of its own"
                )
            }
            states.append(try make(item.payload.signal))
            place = states.count - 1
            places[stream] = place
        }
        last = (stream, place)
        return place
    }

    subscript(place: Int) -> State {
        _read { yield states[place] }
        _modify { yield &states[place] }
    }
}

/// Whether a block goes on where the one before ended: within half a period, since times are whole microseconds.
struct Continuity {
    private var next: Int64?

    mutating func goesOn(_ block: borrowing Samples) -> Bool {
        defer { next = block.end }
        guard let next else { return false }
        return abs(Double(block.start) - Double(next)) < 0.5e6 / block.signal.rate
    }
}
