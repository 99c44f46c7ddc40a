import PipeCore
import PipeKit

// Values of flags, read as those of a graph are.
extension Arguments {
    func duration(_ flag: String) throws(UsageError) -> Duration? {
        try read(flag, "is not a duration", hint: "write '10s', '5m' or '1h30m'")
    }

    func address(_ flag: String) throws(UsageError) -> Address? {
        guard let text = value(flag) else { return nil }
        let reader = Reader()
        let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let address = Address.read(node, reader) else {
            let hint = reader.diagnostics.all.first?.suggestion.map { "did you mean '\($0)'?" }
            throw UsageError(
                message: "'--\(flag) \(text)' is not an address",
                hint: hint ?? "write host:port, such as 127.0.0.1:8080"
            )
        }
        return address
    }

    func size(_ flag: String) throws(UsageError) -> ByteCount? {
        try read(flag, "is not a size", hint: "write '64MiB' or '1GiB'")
    }

    /// A value as it stands in a graph.
    private func read<Value: OptionValue>(_ flag: String, _ problem: String, hint: String) throws(UsageError) -> Value?
    {
        guard let text = value(flag) else { return nil }
        let node = Node(.scalar(text: text, style: .plain), at: Place(file: 0, line: 1, column: 1, length: 1))
        guard let value = Value.read(node, Reader()) else {
            throw UsageError(message: "'--\(flag) \(text)' \(problem)", hint: hint)
        }
        return value
    }

    func number(_ flag: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = value(flag) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let most = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
            throw UsageError(message: "'--\(flag) \(text)' is not a number from \(range.lowerBound) \(most)")
        }
        return number
    }
}
