extension Command { static let new: Command = .init(name: "new", summary: "x") }
