extension Command { static let schema: Command = .init(name: "schema", summary: "x") }
