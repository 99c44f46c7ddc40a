import PipeCore

// Samples as a recording of a run holds them: whose they are, then eight bytes for each.

extension Samples {
    var recorded: [UInt8]? {
        var writer = RecordedWriter()
        writer.text(signal.session)
        writer.number(rows)
        for channel in signal.channels { writer.text(channel) }
        writer.number(Int(bitPattern: UInt(signal.rate.bitPattern)))
        writer.text(signal.unit)
        writer.number(signal.steps.count)
        for step in signal.steps { writer.number(Int(bitPattern: UInt(step.bitPattern))) }
        writer.number(Int(start))
        for row in 0..<rows { withRow(row) { writer.blob(UnsafeRawBufferPointer($0)) } }
        return writer.bytes
    }

    static func restored(_ bytes: [UInt8]) -> Samples? {
        var reader = RecordedReader(bytes[...])
        guard let session = reader.text(), let channels = reader.all({ $0.text() }), let rate = reader.double(),
            let unit = reader.text(), let steps = reader.all({ $0.double() }), let start = reader.number(),
            rate > 0
        else { return nil }
        var rows: [ArraySlice<UInt8>] = []
        for _ in channels {
            guard let row = reader.blob(), row.count == (rows.first ?? row).count, row.count % 8 == 0 else {
                return nil
            }
            rows.append(row)
        }
        let count = (rows.first?.count ?? 0) / 8
        guard SamplePool.fits(rows: rows.count, count: count) else { return nil }
        let signal = Signal(session: session, channels: channels, rate: rate, unit: unit, steps: steps)
        var pool = SamplePool()
        return pool.block(signal, start: Int64(start), count: count) { row, values in
            UnsafeMutableRawBufferPointer(values).copyBytes(from: rows[row])
        }
    }
}

extension RecordedReader {
    fileprivate mutating func double() -> Double? {
        number().map { Double(bitPattern: UInt64(UInt(bitPattern: $0))) }
    }

    /// As many as stands before them.
    fileprivate mutating func all<Value>(_ read: (inout RecordedReader) -> Value?) -> [Value]? {
        guard let count = count() else { return nil }
        var values: [Value] = []
        for _ in 0..<count {
            guard let value = read(&self) else { return nil }
            values.append(value)
        }
        return values
    }
}
