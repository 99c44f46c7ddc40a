import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let explain: Command = .init(
        name: "explain",
        summary: "Says what a diagnostic code means, with a wrong and a right example.",
        operands: [
            Operand(
                name: "CODE",
                summary: "The code, as findings show it in brackets; without it, all are listed.",
                count: .optional,
                completes: .codes
            )
        ],
        flags: [.json],
        run: { arguments throws(UsageError) in
            guard let code = arguments.operands.first else {
                Terminal.print(
                    arguments.has("json") ? JSON.array(Explanation.all.map(\.json)).text(pretty: true) : list
                )
                return .success
            }
            let name = code.filter { $0 != "[" && $0 != "]" }
            guard let page = Explanation.page(for: name) else {
                let best = Suggestion.best(for: name, among: Explanation.all.map(\.code))
                throw UsageError(
                    message: "there is no code '\(shortened(name))'",
                    hint: best.map { "did you mean '\($0)'?" } ?? "'pipe explain' lists all"
                )
            }
            Terminal.print(arguments.has("json") ? page.json.text(pretty: true) : page.page)
            return .success
        }
    )

    private static var list: String {
        let width = Explanation.all.map(\.code.count).max() ?? 0
        return Explanation.all.map { page in
            "\(page.code)\(String(repeating: " ", count: width - page.code.count))  \(page.title)\n"
        }.joined()
    }
}

extension Explanation {
    fileprivate var json: JSON {
        [
            "code": .string(code), "title": .string(title), "text": .string(text), "wrong": .string(wrong),
            "right": .string(right),
        ]
    }

    fileprivate var page: String {
        func indented(_ text: String) -> String {
            text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
        }
        return "[\(code)] \(title)\n\n\(text)\n\nWrong:\n\n\(indented(wrong))\nRight:\n\n\(indented(right))"
    }
}
