/// The page of a diagnostic code: what it means, a graph that has the mistake, and the same graph without it.
///
/// A test checks every pair: the wrong graph has this finding and no other, the right one has none.
public struct Explanation: Sendable {
    public let code: String
    public let title: String
    public let text: String
    public let wrong: String
    public let right: String
    /// Other files that the two graphs need, by name.
    public let files: [(name: String, text: String)]

    init(
        _ code: String,
        _ title: String,
        _ text: String,
        wrong: String,
        right: String,
        files: [(name: String, text: String)] = []
    ) {
        self.code = code
        self.title = title
        self.text = text
        self.wrong = wrong
        self.right = right
        self.files = files
    }

    public static let all: [Explanation] = (reading + values + linking + whole).sorted { $0.code < $1.code }

    public static func page(for code: String) -> Explanation? { all.first { $0.code == code } }
}
