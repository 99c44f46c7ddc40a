import Glibc
import PipeCore
import PipeKit

/// Writes samples as text that a spreadsheet opens.
struct CSVFile: Consumer {
    static let info = StageInfo(
        "csv_file",
        "Writes samples to a CSV file.",
        example: """
            from: recording
            path: out/night.csv
            """,
        traits: .remembers,
        details: """
            With 'layout: wide' each line is a moment and each channel a column, so all blocks must have the same
            channels; with 'layout: long' each line is one value. Where nothing is stored the cell is empty. A stage that
            is started anew goes on in a file with a number behind its name.
            """
    )

    @Input("Samples.") var blocks: Receiver<Samples>

    @Option("The file; it is begun anew, and its directory made where it is missing.") var path: OutputFile
    @Option("What a line holds.") var layout = Layout.wide
    @Option("How a time is written.") var time = Time.date

    enum Layout: String, Choice {
        case wide, long

        var summary: String {
            switch self {
            case .wide: "A moment, with a column for each channel."
            case .long: "A time, a channel and a value."
            }
        }
    }

    enum Time: String, Choice {
        case date, microseconds

        var summary: String {
            switch self {
            case .date: "As a date in UTC: 2020-09-13T12:26:40.000000Z."
            case .microseconds: "As microseconds since 1970, UTC."
            }
        }
    }

    private var outlet = Outlet()
    private var header: [String]?

    mutating func start(_ context: StageContext) { outlet.open(path, context) }

    mutating func process(_ item: consuming Item<Samples>, _ context: StageContext) throws {
        let block = item.payload
        try expectColumns(block.signal)
        switch layout {
        case .wide: writeWide(block)
        case .long: writeLong(block)
        }
        context.keep()
        outlet.gather(1, context)
    }

    mutating func wake(_ context: StageContext) { outlet.write(context) }
    mutating func finish(_ context: StageContext) { outlet.write(context) }

    mutating func completed(_ completion: Completion, _ context: StageContext) throws {
        try outlet.completed(completion, context)
    }

    private mutating func expectColumns(_ signal: Signal) throws {
        let columns = layout == .wide ? signal.channels : ["channel", "value"]
        guard let header else {
            header = columns
            outlet.header = Array((["time"] + columns).map(Self.quoted).joined(separator: ",").utf8) + [Self.newline]
            return
        }
        guard header == columns else {
            throw StageError(
                "the file has columns for \(header.prefix(4).joined(separator: ", ")), and a block has "
                    + "\(columns.prefix(4).joined(separator: ", "))",
                hint: "use 'layout: long', or align the channels where they are read"
            )
        }
    }

    private mutating func writeWide(_ block: borrowing Samples) {
        for sample in 0..<block.count {
            outlet.bytes.append(time: block.time(of: sample), time)
            for row in 0..<block.rows {
                outlet.bytes.append(Self.comma)
                outlet.bytes.append(value: block.withRow(row) { $0[sample] })
            }
            outlet.bytes.append(Self.newline)
        }
    }

    private mutating func writeLong(_ block: borrowing Samples) {
        for (row, channel) in block.signal.channels.enumerated() {
            let name = Array(",\(Self.quoted(channel)),".utf8)
            block.withRow(row) { values in
                for (sample, value) in values.enumerated() {
                    outlet.bytes.append(time: block.time(of: sample), time)
                    outlet.bytes += name
                    outlet.bytes.append(value: value)
                    outlet.bytes.append(Self.newline)
                }
            }
        }
    }

    private static let (comma, newline) = (UInt8(ascii: ","), UInt8(ascii: "\n"))

    private static func quoted(_ text: String) -> String {
        text.contains { ",\"\r\n".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
}

extension [UInt8] {
    /// A number with up to ten digits that count: as many as a stored sample has.
    fileprivate mutating func append(value: Double) {
        guard !value.isNaN else { return }
        // Most samples are few digits times a round step: they are written as whole numbers, without a format string.
        let scaled = value * 1e4
        let whole = scaled.rounded()
        if abs(whole) < 1e14, abs(scaled - whole) <= 1e-11 * abs(whole) {
            append(decimal: Int(whole))
        } else {
            var text = [CChar](repeating: 0, count: 40)
            let count = withVaList([value]) { vsnprintf(&text, text.count, "%.10g", $0) }
            append(contentsOf: text.prefix(Int(count)).map { UInt8(bitPattern: $0) })
        }
    }

    /// A number of ten-thousandths, without zeros at its end.
    private mutating func append(decimal tenThousandths: Int) {
        if tenThousandths < 0 { append(UInt8(ascii: "-")) }
        let (whole, part) = abs(tenThousandths).quotientAndRemainder(dividingBy: 10_000)
        append(digits: whole, atLeast: 1)
        guard part > 0 else { return }
        append(UInt8(ascii: "."))
        append(digits: part, atLeast: 4)
        while last == UInt8(ascii: "0") { removeLast() }
    }

    fileprivate mutating func append(digits number: Int, atLeast width: Int) {
        var rest = number
        let start = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        while count - start < width { append(UInt8(ascii: "0")) }
        self[start...].reverse()
    }

    fileprivate mutating func append(time: Int64, _ form: CSVFile.Time) {
        switch form {
        case .microseconds:
            if time < 0 { append(UInt8(ascii: "-")) }
            append(digits: Int(clamping: time.magnitude), atLeast: 1)
        case .date:
            let date = UTCDate(microseconds: time)
            append(digits: Swift.max(0, date.year), atLeast: 4)
            append(mark: "-", date.month)
            append(mark: "-", date.day)
            append(mark: "T", date.hour)
            append(mark: ":", date.minute)
            append(mark: ":", date.second)
            append(mark: ".", date.microsecond, width: 6)
            append(UInt8(ascii: "Z"))
        }
    }

    private mutating func append(mark: Unicode.Scalar, _ number: Int, width: Int = 2) {
        append(UInt8(ascii: mark))
        append(digits: number, atLeast: width)
    }
}
