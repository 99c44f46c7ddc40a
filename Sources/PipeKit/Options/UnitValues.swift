public import PipeCore

/// Reading of numbers with units: one table a type, one way to say what is wrong.
private struct UnitTable {
    let wanted: String
    let example: String
    let units: [(name: String, factor: Double)]

    /// The number in base units, or nil after the report.
    func read(_ node: Node, _ reader: Reader, compound: Bool = false) -> Double? {
        guard let text = reader.text(node, wanted: wanted) else { return nil }
        var total = 0.0
        var rest = Substring(text.text)
        repeat {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "_") || $0 == "-" }
            let afterDigits = rest.dropFirst(digits.count)
            let unit = compound ? afterDigits.prefix { !$0.isNumber } : afterDigits
            guard let number = Double.number(String(digits)) else {
                reader.wrongType(text, wanted: wanted, hint: "write a number and its unit, such as \(example)")
                return nil
            }
            if afterDigits.first == ",", text.text.count(where: { $0 == "," }) == 1 {
                reader.wrongType(text, wanted: wanted, suggestion: text.text.replacing(",", with: "."))
                return nil
            }
            guard let factor = units.first(where: { $0.name == unit })?.factor else {
                report(unit: String(unit), number: String(digits), whole: text, reader)
                return nil
            }
            total += number * factor
            rest = afterDigits.dropFirst(unit.count)
        } while compound && !rest.isEmpty
        guard total >= 0 else {
            reader.diagnostics.error(
                .outOfRange,
                at: node.place,
                "\(text.quoted) is below zero",
                hint: "write \(wanted) of zero or more"
            )
            return nil
        }
        return total
    }

    private func isSound(_ text: String) -> Bool {
        let place = Place(file: 0, line: 1, column: 1, length: 1)
        return read(Node(.scalar(text: text, style: .plain), at: place), Reader(looksAtWorld: false), compound: true)
            != nil
    }

    private func report(unit: String, number: String, whole text: FilledText, _ reader: Reader) {
        // A blank between the parts, and nothing else wrong.
        let joined = text.text.split(separator: " ").joined()
        if joined != text.text, !text.isFilled, isSound(joined) {
            let wanted = "\(wanted): it is written without blanks"
            reader.wrongType(text, wanted: wanted, suggestion: joined, code: .unknownUnit)
            return
        }
        let trimmed = String(unit.filter { !$0.isWhitespace })
        let names = units.map(\.name)
        if trimmed.isEmpty {
            reader.wrongType(
                text,
                wanted: "\(wanted): the unit is missing",
                hint: "write \(names.prefix(3).map { "\(number)\($0)" }.joined(separator: " or ")) "
                    + "(units: \(names.joined(separator: ", ")))",
                code: .missingUnit
            )
            return
        }
        let isPeriod = units.contains { $0.name == "/s" } && ["ms", "us", "ns", "m", "h"].contains(trimmed)
        let best = isPeriod ? nil : Suggestion.best(for: trimmed, among: names) ?? longhand(trimmed)
        reader.wrongType(
            text,
            wanted: "\(wanted): '\(trimmed)' is no unit",
            hint: best.map { "did you mean '\(number)\($0)'? (units: \(names.joined(separator: ", ")))" }
                ?? "use one of \(names.joined(separator: ", "))",
            suggestion: best.map { "\(number)\($0)" },
            code: .unknownUnit
        )
    }

    /// What people write out: `5 seconds`, `10 fps`.
    private func longhand(_ unit: String) -> String? {
        let meant = [
            "second": "s", "sec": "s", "millisecond": "ms", "msec": "ms", "microsecond": "us", "usec": "us", "μs": "us",
            "nanosecond": "ns", "nsec": "ns", "minute": "m", "min": "m", "hour": "h", "hr": "h", "day": "d",
            "byte": "B", "k": "KiB", "m": "MiB", "g": "GiB", "kilobyte": "kB", "megabyte": "MB", "gigabyte": "GB",
            "fps": "/s", "hertz": "Hz", "persecond": "/s", "/sec": "/s", "/second": "/s", "/minute": "/min",
            "/m": "/min", "/hour": "/h", "hz": "Hz", "percent": "%", "pct": "%",
        ]
        let lower = unit.lowercased()
        let found = meant[lower] ?? (lower.hasSuffix("s") ? meant[String(lower.dropLast())] : nil)
        return found.flatMap { name in units.contains { $0.name == name } ? name : nil }
    }
}

extension Duration: OptionValue {
    public static var kind: OptionKind { .duration }

    private static let table = UnitTable(
        wanted: "a duration",
        example: "100ms",
        units: [
            ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9), ("us", 1e3), ("µs", 1e3), ("ns", 1),
        ]
    )

    public static func read(_ node: Node, _ reader: Reader) -> Duration? {
        guard let nanoseconds = table.read(node, reader, compound: true) else { return nil }
        guard abs(nanoseconds) < 1e18 else {
            reader.diagnostics.error(.outOfRange, at: node.place, "\(node.described) is more than 31 years")
            return nil
        }
        return .nanoseconds(Int64(nanoseconds.rounded()))
    }

    public var written: String { text }
}

extension ByteCount: OptionValue {
    public static var kind: OptionKind { .bytes }

    private static let table = UnitTable(
        wanted: "a size",
        example: "64MiB",
        units: [
            ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776), ("B", 1),
            ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
        ]
    )

    public static func read(_ node: Node, _ reader: Reader) -> ByteCount? {
        guard let bytes = table.read(node, reader) else { return nil }
        guard bytes < 9e18, bytes > -9e18 else {
            reader.diagnostics.error(
                .outOfRange,
                at: node.place,
                "\(node.described) is more than a machine can address"
            )
            return nil
        }
        guard bytes == bytes.rounded() else {
            reader.diagnostics.error(
                .outOfRange,
                at: node.place,
                "\(node.described) is no whole number of bytes",
                hint: "write \(ByteCount(Int(bytes.rounded(.up))))"
            )
            return nil
        }
        return ByteCount(Int(bytes))
    }

    public var written: String { description }
}

extension Rate: OptionValue {
    public static var kind: OptionKind { .rate }

    private static let table = UnitTable(
        wanted: "a rate",
        example: "30/s",
        units: [("/s", 1), ("Hz", 1), ("kHz", 1e3), ("MHz", 1e6), ("/min", 1.0 / 60), ("/h", 1.0 / 3600)]
    )

    public static func read(_ node: Node, _ reader: Reader) -> Rate? {
        table.read(node, reader).map { Rate(perSecond: $0) }
    }

    public var written: String { description }
}

extension Percentage: OptionValue {
    public static var kind: OptionKind { .percentage }

    private static let table = UnitTable(wanted: "a percentage", example: "0.1%", units: [("%", 1)])

    public static func read(_ node: Node, _ reader: Reader) -> Percentage? {
        table.read(node, reader).map { Percentage(percent: $0) }
    }

    public var written: String { description }
}
