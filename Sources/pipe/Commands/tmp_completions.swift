extension Command { static let completions: Command = .init(name: "completions", summary: "x") }
