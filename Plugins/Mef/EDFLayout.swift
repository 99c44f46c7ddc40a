import Glibc
import PipeCore
import PipeKit

/// The bytes of an EDF+ file around its samples (B. Kemp, J. Olivan, "European data format plus", 2003).
struct EDFLayout: Sendable {
    /// From values to the numbers that are stored.
    struct Scale: Sendable {
        let least: Double
        let step: Double

        /// Nil where nothing is to be stored; values beyond the range become its ends, and are counted.
        func digital(_ value: Double, _ clipped: inout Int) -> Int16? {
            guard !value.isNaN else { return nil }
            let number = ((value - least) / step).rounded() - 32768
            if abs(number) > 32767 { clipped += 1 }
            return Int16(max(-32767, min(number, 32767)))
        }
    }

    /// Stands where no sample is.
    static let nothing = Int16.min
    private static let annotationBytes = 32

    let rate: Double
    let rows: Int
    /// Samples of a row in a record, and the time that they take in microseconds.
    let samples: Int
    let duration: Int64
    let scales: [Scale]
    let header: [UInt8]
    /// When the clock of the file shows its whole second.
    private let second: Int64

    var recordBytes: Int { rows * samples * 2 + Self.annotationBytes }

    init(_ signal: Signal, record: Duration, step: Double?, subject: String, start: Int64) throws {
        let exact = Double(record.nanoseconds) * 1e-9 * signal.rate
        let whole = exact.rounded()
        guard abs(exact - whole) < 1e-6 * max(1, exact), whole >= 1, whole * Double(signal.channels.count) < 1e7
        else {
            throw StageError(
                "a record of \(record.text) has \(shortest(exact)) samples at \(shortest(signal.rate)) Hz",
                hint: "choose a 'record' with a whole number of samples"
            )
        }
        guard signal.channels.count < 9999 else {
            throw StageError("EDF has room for 9998 channels, not \(signal.channels.count)", hint: "choose some")
        }
        let date = UTCDate(microseconds: start)
        guard (1985...2084).contains(date.year) else {
            throw StageError("EDF has no year \(date.year)", hint: "it knows those from 1985 to 2084")
        }
        rate = signal.rate
        rows = signal.channels.count
        samples = Int(whole)
        duration = Int64(record.nanoseconds / 1000)
        second = start - Int64(date.microsecond)
        var ranges: [(least: String, most: String)] = []
        for row in 0..<rows {
            let step = abs(step ?? signal.step(row) ?? 0.1)
            ranges.append((Self.number(-32768 * step), Self.number(32767 * step)))
        }
        scales = try ranges.map { range in
            guard let least = Double(range.least), let most = Double(range.most), least < most else {
                throw StageError("EDF has no room for a range of \(range)", hint: "choose another 'step'")
            }
            return Scale(least: least, step: (most - least) / 65535)
        }
        header = Self.header(signal, ranges, samples: samples, record: record, date: date, subject: subject)
    }

    private static func header(
        _ signal: Signal,
        _ ranges: [(least: String, most: String)],
        samples: Int,
        record: Duration,
        date: UTCDate,
        subject: String
    ) -> [UInt8] {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        func code(_ text: String) -> String { text.isEmpty ? "X" : text.replacing(" ", with: "_") }
        let signals = signal.channels.count + 1
        var bytes: [UInt8] = []
        func field(_ text: String, _ width: Int) {
            let ascii = text.unicodeScalars.map { scalar -> UInt8 in
                (32...126).contains(scalar.value) ? UInt8(scalar.value) : scalar == "µ" || scalar == "μ" ? 0x75 : 0x3F
            }
            bytes += ascii.prefix(width) + Array(repeating: 0x20, count: max(0, width - ascii.count))
        }
        field("0", 8)
        field("\(code(subject)) X X X", 80)
        field(
            "Startdate \(two(date.day))-\(UTCDate.months[date.month - 1])-\(date.year) \(code(signal.session)) X X",
            80
        )
        field("\(two(date.day)).\(two(date.month)).\(two(date.year % 100))", 8)
        field("\(two(date.hour)).\(two(date.minute)).\(two(date.second))", 8)
        field("\(256 * (signals + 1))", 8)
        field("EDF+D", 44)
        field("0", 8)
        field(number(Double(record.nanoseconds) * 1e-9), 8)
        field("\(signals)", 4)
        for channel in signal.channels { field(channel, 16) }
        field("EDF Annotations", 16)
        for _ in 0..<signals { field("", 80) }
        for _ in signal.channels { field(signal.unit, 8) }
        field("", 8)
        for range in ranges { field(range.least, 8) }
        field("-1", 8)
        for range in ranges { field(range.most, 8) }
        field("1", 8)
        for _ in 0..<signals { field("-32768", 8) }
        for _ in 0..<signals { field("32767", 8) }
        for _ in 0..<signals { field("", 80) }
        for _ in signal.channels { field("\(samples)", 8) }
        field("\(annotationBytes / 2)", 8)
        for _ in 0..<signals { field("", 32) }
        return bytes
    }

    /// When a record begins, as its first annotation says.
    func annotation(at time: Int64) -> [UInt8] {
        let (seconds, part) = (time - second).quotientAndRemainder(dividingBy: 1_000_000)
        let digits = String(part.magnitude)
        let text = "+\(seconds)" + (part == 0 ? "" : "." + String(repeating: "0", count: 6 - digits.count) + digits)
        var bytes = Array(text.utf8) + [0x14, 0x14, 0]
        bytes += Array(repeating: 0, count: Self.annotationBytes - bytes.count)
        return bytes
    }

    /// What the header says of a file of so many bytes.
    func correction(fileSize: Int, isContinuous: Bool) -> (offset: Int, bytes: [UInt8])? {
        guard fileSize >= header.count else { return nil }
        let count = String((fileSize - header.count) / recordBytes)
        let kind = isContinuous ? "EDF+C" : "EDF+D"
        let text = kind + String(repeating: " ", count: 44 - kind.count) + count
        return (192, Array((text + String(repeating: " ", count: max(0, 52 - text.count))).utf8))
    }

    /// A number in eight characters.
    private static func number(_ value: Double) -> String {
        for digits in stride(from: Int32(8), to: 0, by: -1) {
            var text = [CChar](repeating: 0, count: 48)
            let count = withVaList([digits, value]) { vsnprintf(&text, text.count, "%.*g", $0) }
            let found = String(decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if found.utf8.count <= 8, !found.contains("e") { return found }
        }
        return "?"
    }
}
