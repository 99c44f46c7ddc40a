internal import Mef3
internal import Synchronization

/// Streams of samples and of blocks.
extension Service {
    func signal(_ request: Request, to sink: some ReplySink) async throws {
        let file: OpenFile
        let window: SignalWindow
        switch plan(request) {
        case .failure(let problem):
            return try await sink.send(.chunkError(path: request.path, message: problem.message))
        case .success(let plan): (file, window) = plan
        }
        let selection = window.rows.map(\.index)
        let guesses = file.foresee(
            window.time,
            client: request.caller,
            ahead: configuration.prefetchAhead,
            behind: configuration.prefetchBehind
        )
        // What this answer needs comes before what the next one may need.
        prepare(file, [window.time] + guesses, selection)
        do {
            for part in window.parts {
                try await sink.send(.chunk(chunk(file, window, part)))
            }
        } catch let error as MefError {
            try await sink.send(.chunkError(path: request.path, message: "the signal cannot be read, \(error.message)"))
        }
    }

    /// What an answer consists of, or why there is none.
    private func plan(_ request: Request) -> Result<(OpenFile, SignalWindow), Problem> {
        guard let file = file(request) else { return .failure(Problem(Self.notOpen(request.path))) }
        let window: SignalWindow
        if request.method == .getSignalSegment {
            guard file.segments > 0 else {
                let hint = "Set a segment size to init chunks."
                return .failure(Problem("No chunks available for file: \(request.path). \(hint)"))
            }
            guard let time = file.segment(request.number) else {
                return .failure(Problem("Invalid chunk request: \(request.number) for \(request.path)"))
            }
            let active = file.active
            window = .segment(active.map { ($0, file.channels[$0]) }, time, names: names(active, file))
        } else {
            switch range(request, file) {
            case .failure(let problem): return .failure(problem)
            case .success(let range): window = range
            }
        }
        let rates = Set(window.rows.map { ($0.channel.metadata.samplingFrequency * 1e6).rounded() / 1e6 })
        guard rates.count <= 1 else {
            let shown = rates.sorted().prefix(10).map { "\($0)" }.joined(separator: ", ")
            return .failure(Problem("Requested channels do not share a sampling rate: {\(shown)}"))
        }
        let (values, overflow) = window.columns.multipliedReportingOverflow(by: window.rows.count)
        guard !overflow, values <= configuration.maxAnswerValues else {
            let limit = configuration.maxAnswerValues
            return .failure(Problem("the window has more than \(limit) values, which is the limit, ask for less"))
        }
        return .success((file, window))
    }

    private func range(_ request: Request, _ file: OpenFile) -> Result<SignalWindow, Problem> {
        if request.wantsPoints {
            return .failure(Problem("this server does not reduce the number of points, ask without n_points"))
        }
        let unknown = request.names.filter { file.index(of: $0) == nil }
        guard unknown.isEmpty else { return .failure(Problem("Unknown channels: \(Self.list(unknown))")) }
        let selection =
            request.names.isEmpty
            ? Array(file.channels.indices) : request.names.compactMap { file.index(of: $0) }
        let names = names(selection, file)
        if let problem = Self.tooMany(names, rows: selection.count) { return .failure(Problem(problem)) }
        let time = TimeWindow(start: request.start ?? 0, end: request.end ?? 0)
        let (length, overflow) = time.end.subtractingReportingOverflow(time.start)
        guard !overflow, length > 0 else { return .failure(Problem("end_uutc must be greater than start_uutc")) }
        let window = SignalWindow.range(selection.map { ($0, file.channels[$0]) }, time, names: names)
        guard window.columns > 0 else { return .failure(Problem("Requested window is shorter than one sample")) }
        return .success(window)
    }

    /// Works out one message: row by row, or rather as many rows at once as their tiles leave room for.
    private func chunk(_ file: OpenFile, _ window: SignalWindow, _ part: Range<Int>) async throws -> Reply.Chunk {
        guard let block = Block(rows: window.rows.count, columns: part.count, format: window.format) else {
            throw MefError(.system, "there is no memory for the answer")
        }
        var row = 0
        while row < window.rows.count {
            var layouts: [(layout: Layout, keys: [TileKey])] = []
            var keys = Set<TileKey>()
            var bytes = 0
            while row + layouts.count < window.rows.count {
                let next = window.rows[row + layouts.count]
                let layout = next.channel.layout(
                    from: next.anchor,
                    first: next.first + part.lowerBound,
                    count: part.count
                )
                let wanted = tiles(file, next.index, Set(layout.runs.map { $0.block / tileSamples(next.channel) }))
                let fresh = wanted.reduce(0) { $0 + (keys.contains($1) ? 0 : $1.bytes) }
                guard layouts.isEmpty || bytes + fresh <= configuration.cacheBytes / 4 else { break }
                bytes += fresh
                keys.formUnion(wanted)
                layouts.append((layout, wanted))
            }
            let order = Array(keys)
            let first = row
            let damaged = try await cache.with(order) { tiles in
                let held = Dictionary(uniqueKeysWithValues: zip(order, tiles))
                for (offset, (layout, keys)) in layouts.enumerated() {
                    let channel = window.rows[first + offset].channel
                    let tiles = Dictionary(keys.compactMap { key in held[key].map { (key.number, $0) } }) { a, _ in a }
                    block.fill(
                        row: first + offset,
                        layout,
                        tiles,
                        tileSamples: tileSamples(channel),
                        factor: channel.metadata.conversionFactor
                    )
                }
                return tiles.reduce(0) { $0 + $1.damaged }
            }
            if damaged > 0 { counters.damaged.wrappingAdd(damaged, ordering: .relaxed) }
            row += layouts.count
        }
        counters.values.wrappingAdd(window.rows.count * part.count, ordering: .relaxed)
        return Reply.Chunk(
            path: file.path,
            block: block,
            rows: window.rows.count,
            columns: part.count,
            time: TimeWindow(start: window.time(at: part.lowerBound), end: window.time(at: part.upperBound)),
            rate: window.rate,
            names: window.names,
            type: window.format
        )
    }

    /// Has the tiles of some windows read ahead, the nearest first, as far as a quarter of the cache goes.
    func prepare(_ file: OpenFile, _ windows: [TimeWindow], _ selection: [Int]) {
        var room = configuration.cacheBytes / 4
        // Of a long window the beginning, for all channels alike.
        let most = Double(room / 4 / max(1, selection.count))
        var keys: [TileKey] = []
        for window in windows {
            for index in selection {
                let channel = file.channels[index]
                let count = Double(window.end - window.start) / 1e6 * channel.metadata.samplingFrequency
                let layout = channel.layout(from: window.start, first: 0, count: Int(min(count, most)) + 1)
                let numbers = Set(layout.runs.map { $0.block / tileSamples(channel) })
                for key in tiles(file, index, numbers) {
                    room -= key.bytes
                    guard room >= 0 else { return cache.prepare(keys) }
                    keys.append(key)
                }
            }
        }
        cache.prepare(keys)
    }

    private func tiles(_ file: OpenFile, _ index: Int, _ numbers: Set<Int>) -> [TileKey] {
        let channel = file.channels[index]
        let size = tileSamples(channel)
        return numbers.sorted().map { number in
            let first = channel.edge(atOrBehind: number * size)
            let samples = first..<max(first, channel.edge(atOrBehind: (number + 1) * size))
            return TileKey(file: file.number, channel: index, number: number, source: channel, samples: samples)
        }
    }

    private func tileSamples(_ channel: MefChannel) -> Int {
        guard let seconds = configuration.tileSeconds else { return configuration.tileSamples }
        return Int(max(1, min((seconds * channel.metadata.samplingFrequency).rounded(), 16_777_216)))
    }
}

/// Why a stream cannot be answered, in the protocol's own words.
struct Problem: Error {
    var message: String

    init(_ message: String) { self.message = message }
}
