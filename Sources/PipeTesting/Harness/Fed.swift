public import PipeCore

/// One thing that a test feeds to an input: an item, or items that are missing.
///
///     harness.feed("items", [.item(["n": 1]), .gap(2), .item(["n": 4], key: "b", at: .seconds(1))])
///     harness.feed("items", .samples(100, every: .milliseconds(10), keys: ["a", "b"]))
public struct Fed: Sendable {
    enum Content: Sendable {
        case value(JSON)
        case payload(any Payload)
        case sample(Int)
        case gap(Int, DropReason)
    }

    let content: Content
    var key: String
    /// The next number, where none is stated.
    var sequence: Int?
    /// When it comes, where nothing else is stated.
    var captured: Duration?
    /// When it comes: with the one before it, where nothing is stated.
    var at: Duration?

    /// An item of a value, which the input's payload type reads; an input that takes anything gets a document, or a
    /// text where the value is none.
    public static func item(
        _ value: JSON,
        key: String = "",
        sequence: Int? = nil,
        captured: Duration? = nil,
        at time: Duration? = nil
    ) -> Fed {
        Fed(content: .value(value), key: key, sequence: sequence, captured: captured, at: time)
    }

    /// An item of a payload, for types that no value can be written for.
    public static func payload(
        _ payload: any Payload,
        key: String = "",
        sequence: Int? = nil,
        captured: Duration? = nil,
        at time: Duration? = nil
    ) -> Fed {
        Fed(content: .payload(payload), key: key, sequence: sequence, captured: captured, at: time)
    }

    /// So many items will not come. Only a stage that waits for partners gets to know, or one behind the stage.
    public static func gap(
        _ count: Int = 1,
        from sequence: Int? = nil,
        reason: DropReason = .overflow,
        key: String = "",
        at time: Duration? = nil
    ) -> Fed {
        Fed(content: .gap(count, reason), key: key, sequence: sequence, at: time)
    }
}

extension [Fed] {
    /// Items of these values, all at once.
    public static func values(_ values: JSON...) -> [Fed] { values.map { .item($0) } }

    /// So many samples of the input's payload type, with keys in turn.
    public static func samples(_ count: Int, every time: Duration = .zero, keys: [String] = []) -> [Fed] {
        (0..<count).map { number in
            Fed(
                content: .sample(number),
                key: keys.isEmpty ? "" : keys[number % keys.count],
                at: time * number
            )
        }
    }
}
