extension Command { static let docs: Command = .init(name: "docs", summary: "x") }
