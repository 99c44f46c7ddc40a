extension Command { static let graph: Command = .init(name: "graph", summary: "x") }
