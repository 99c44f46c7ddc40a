extension Command {
    static let completions: Command = .init(
        name: "completions",
        summary: "Prints completion for a shell.",
        operands: [Operand(name: "SHELL", summary: "bash, zsh or fish.")],
        examples: [
            ("source <(pipe completions bash)", "For this bash; put it into ~/.bashrc for all."),
            ("pipe completions fish > ~/.config/fish/completions/pipe.fish", "For fish."),
        ],
        run: { arguments throws(UsageError) in
            switch arguments.operands.first ?? "" {
            case "bash": Terminal.print(CompletionScript(.pipe).bash)
            case "zsh": Terminal.print(CompletionScript(.pipe).zsh)
            case "fish": Terminal.print(CompletionScript(.pipe).fish)
            case let other:
                throw UsageError(message: "there is no completion for '\(other)'", hint: "use bash, zsh or fish")
            }
            return .success
        }
    )
}
